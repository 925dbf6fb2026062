"""Text from files and people, made harmless before a terminal shows it."""

import logging

_OURS = ("data", "models", "pipelines")


def printable(text: object) -> str:
    """One line, harmless to a terminal: control characters and lone surrogates as escapes."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in str(text))


class _PrintableRecord(logging.LogRecord):
    """A message of this project's own loggers is one line; libraries lay theirs out in several."""

    def getMessage(self) -> str:  # noqa: N802 - logging's name
        message = super().getMessage()
        return printable(message) if self.name.split(".")[0] in _OURS else message


def escape_log_messages() -> None:
    """Call at the start of a command: what it logs may quote names and cells from anywhere."""
    logging.setLogRecordFactory(_PrintableRecord)
