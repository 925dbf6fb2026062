"""Text from files and people, made harmless before a terminal or a page shows it."""

import logging
import unicodedata

_OURS = ("data", "models", "pipelines")
# Embeddings, overrides and isolates, and their ends: Unicode Standard Annex 9, sections 2.1 to 2.5.
_TURNS = ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")


def printable(text: object) -> str:
    """One line, harmless to a terminal: control characters and lone surrogates as escapes."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in str(text))


def excerpt(value: object, *, most: int = 80) -> str:
    """The start of a value in one line of at most `most` characters, harmless to a terminal."""
    line = printable(" ".join((value if isinstance(value, str) else repr(value)).split()))
    return line if len(line) <= most else f"{line[: most - 1]}…"


def visible(text: str) -> str:
    """For a page, which has letters of its own: control characters and lone surrogates as escapes.

    So are the marks that turn the direction of all that follows; line breaks and tabs stay.
    """
    return "".join(printable(c) if _steers(c) else c for c in text)


def _steers(character: str) -> bool:
    if unicodedata.category(character) in ("Cc", "Cs"):
        return character not in "\n\t"
    return unicodedata.bidirectional(character) in _TURNS


class _PrintableRecord(logging.LogRecord):
    """A message of this project's own loggers is one line; libraries lay theirs out in several."""

    def getMessage(self) -> str:  # noqa: N802 - logging's name
        message = super().getMessage()
        return printable(message) if self.name.split(".")[0] in _OURS else message


def escape_log_messages() -> None:
    """Call at the start of a command: what it logs may quote names and cells from anywhere."""
    logging.setLogRecordFactory(_PrintableRecord)
