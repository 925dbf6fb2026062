"""Escaping of text from files and users before a terminal or a page shows it."""

import logging
import unicodedata

_OURS = ("data", "models", "pipelines")
# Marks of embeddings, overrides and isolates, and their ends (Unicode Standard Annex 9, 2.1 to 2.5).
_TURNS = ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")


def printable(text: object) -> str:
    """Escape control characters, line breaks and lone surrogates: one line, harmless to a terminal."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in str(text))


def excerpt(value: object, *, most: int = 80) -> str:
    """Shorten a value to one line of at most ``most`` characters, harmless to a terminal."""
    line = printable(" ".join((value if isinstance(value, str) else repr(value)).split()))
    return line if len(line) <= most else f"{line[: most - 1]}…"


def visible(text: str) -> str:
    """Escape control characters and lone surrogates for a page; line breaks and tabs stay.

    Marks that change the writing direction are escaped too, because they would reorder the text that
    follows.
    """
    return "".join(printable(c) if _steers(c) else c for c in text)


def _steers(character: str) -> bool:
    if unicodedata.category(character) in ("Cc", "Cs"):
        return character not in "\n\t"
    return unicodedata.bidirectional(character) in _TURNS


class _PrintableRecord(logging.LogRecord):
    """Log record that makes one line of this project's messages; those of libraries may have several."""

    def getMessage(self) -> str:  # noqa: N802 - logging's name
        message = super().getMessage()
        return printable(message) if self.name.split(".")[0] in _OURS else message


def escape_log_messages() -> None:
    """Escape logged messages, which may quote untrusted names and cells; call at a command's start."""
    logging.setLogRecordFactory(_PrintableRecord)
