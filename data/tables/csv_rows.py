"""Rows of a CSV file of texts, and what is wrong with each.

A row that cannot be used is still a row, with the reason, so that it can be listed and no other
row's number changes.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from data.files.encodings import BAD_BYTE, undecodable
from data.tables.column_names import require_once
from data.tables.csv_layout import csv_layout
from data.tables.csv_reader import (
    BadBytes,
    CsvLayout,
    csv_records,
    wrong_number,
)
from data.tables.table_format import UNSAID, TableFormat


class Row(NamedTuple):
    """A row of a file."""

    place: str
    """Where it begins, as an error says it: ``line 7``, or ``object 7`` of a JSON array."""
    values: dict[str, str | None]
    """Its cells by column; a missing or null one is None."""
    problem: str | None = None
    """Why it cannot be used."""


def csv_rows(
    path: Path,
    names: Sequence[str],
    *,
    format: TableFormat = UNSAID,
    bad_bytes: BadBytes = "file",
) -> tuple[list[str], Iterator[Row]]:
    """Columns and rows of a CSV file.

    Cells are taken as they are written (see `csv_records`): ``007`` and ``NA`` are texts. A row may
    lack cells at its end, unless they are of one of the ``names``.

    Args:
        path: the file (see `csv_layout`).
        names: columns to look for, that of the texts first.
        format: options of the file.
        bad_bytes: whether bytes that are no characters spoil the ``file`` or the ``row`` they stand
            in.

    Raises:
        InputError: a column of ``names`` that is there twice; while rows are read, quotes that do
            not close, or bytes that are no characters.
    """
    layout = csv_layout(path, names, format=format)
    columns = layout.columns
    require_once(names, columns, source=str(path))
    needed = max((columns.index(name) + 1 for name in names if name in columns), default=0)
    return columns, _rows(path, layout, names[0], needed, format=format, bad_bytes=bad_bytes)


def _rows(
    path: Path,
    layout: CsvLayout,
    first_name: str,
    num_needed: int,
    *,
    format: TableFormat,
    bad_bytes: BadBytes,
) -> Iterator[Row]:
    """Rows of at least so many cells as are needed, and of no more than there are columns."""
    columns = layout.columns
    for record in csv_records(path, layout, format=format, bad_bytes=bad_bytes):
        place, cells, written = f"line {record.line}", record.cells, record.written
        if bad := BAD_BYTE.search(written):
            reason = undecodable(bad[0], record.encoding, option=f"{format.prefix}encoding")
            yield Row(place, {first_name: BAD_BYTE.sub("\ufffd", written)}, reason)
        elif layout.delimiter == "\t" and _may_be_rows(written, len(columns)):
            problem = (
                "holds a line end in quotes, and each of its lines could be a row: where quotes mean"
                f" nothing, give {format.prefix}quoting=none"
            )
            yield Row(place, {first_name: written}, problem)
        elif num_needed <= len(cells) <= len(columns):
            yield Row(place, dict(zip(columns, cells, strict=False)))
        else:
            problem = wrong_number(cells, layout, format=format)
            yield Row(place, {first_name: written}, problem)


def _may_be_rows(written: str, num_columns: int) -> bool:
    """Whether a record of a tab-separated file is several, joined by quotes that are none."""
    lines = written.strip("\r\n").splitlines()
    return len(lines) > 1 and all(line.count("\t") == num_columns - 1 for line in lines)
