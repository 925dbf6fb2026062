"""Escaping of text from files and users before a terminal, a page or a spreadsheet shows it."""

import csv
import io
import logging
import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any

_OURS = ("data", "models", "pipelines")
# Marks of embeddings, overrides and isolates, and their ends (Unicode Standard Annex 9, 2.1 to 2.5).
_TURNS = ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")

# Beginnings of cells that a spreadsheet runs though they stand in quotes (OWASP, CSV injection).
# Apostrophes may come before, so that `undefused` has an answer to each. A number is harmless.
_FORMULA = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")
_NUMBER = re.compile(r"[+-]?(\d+([.,]\d*)?|[.,]\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)


def csv_text(rows: Iterable[Sequence[Any]], *, is_exact: bool = False) -> str:
    """Write rows as CSV: texts in quotes, numbers in full precision, None as an empty cell.

    NUL, at which many readers stop, is written as the four characters \\x00; a lone surrogate, which
    UTF-8 does not have, as \\udcff.

    Args:
        rows: texts, numbers and None.
        is_exact: whether texts stay that a spreadsheet would take for formulas. Otherwise an
            apostrophe goes before them, which `undefused` takes away.
    """
    text = io.StringIO(newline="")
    # All texts are quoted: csv would leave a bare \r unquoted, and readers take it for a line end.
    writer = csv.writer(text, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
    writer.writerows(
        [_cell(value, is_exact) if isinstance(value, str) else value for value in row]
        for row in rows
    )
    return text.getvalue()


def _cell(text: str, is_exact: bool) -> str:
    is_formula = _FORMULA.match(text) and not _NUMBER.fullmatch(text)
    return in_table(text if is_exact or not is_formula else f"'{text}")


def in_table(text: str) -> str:
    """Escape what CSV files cannot hold (see `csv_text`)."""
    return text.replace("\0", "\\x00").encode(errors="backslashreplace").decode()


def undefused(cell: str) -> str:
    """Take away the apostrophe that `csv_text` puts before a text like a formula."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell


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
