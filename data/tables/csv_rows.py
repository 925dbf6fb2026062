"""Rows of a CSV file as people and programs write them, and what is wrong with each.

A row that cannot be used is still a row, with the reason, so that it can be listed and no other
row's number changes. What makes the rest of the file uncertain (a quote that does not close, bytes
in another encoding) is an error.
"""

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from data.files.encodings import BAD_BYTE, not_decodable, open_text, undecodable
from data.files.errors import InputError
from data.tables.csv_layout import CsvLayout, csv_layout
from data.tables.table_format import UNSAID, TableFormat

#: what bytes that are no characters spoil
BadBytes = Literal["file", "row"]


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

    Cells are taken as they are written, but for blanks at their beginning: ``007`` and ``NA`` are
    texts. Lines without a cell are passed over. A row may lack cells at its end, unless they are of
    one of the ``names``.

    Args:
        path: the file (see `csv_layout`); a text with a delimiter or a line end in it stands in
            double quotes, and quotes in quotes are doubled (RFC 4180).
        names: columns to look for, that of the texts first.
        format: what the file does not say itself.
        bad_bytes: whether bytes that are no characters spoil the ``file`` or the ``row`` they stand
            in.

    Raises:
        InputError: bytes that are no characters (also while rows are read), quotes that do not
            close, or a column of ``names`` that is there twice.
    """
    layout = csv_layout(path, names, format=format)
    columns = layout.columns
    twice = [name for name in names if columns.count(name) > 1]
    if twice:
        raise InputError(f"{path}: the column '{twice[0]}' is there twice; rename one of them")
    needed = max((columns.index(name) + 1 for name in names if name in columns), default=0)
    return columns, _rows(path, layout, names[0], needed, format=format, bad_bytes=bad_bytes)


def _rows(
    path: Path,
    layout: CsvLayout,
    first_name: str,
    needed: int,
    *,
    format: TableFormat,
    bad_bytes: BadBytes,
) -> Iterator[Row]:
    """Rows of at least so many cells as are needed, and of no more than there are columns."""
    columns, delimiter = layout.columns, layout.delimiter
    for line, cells, encoding in _records(path, layout, format):
        written = delimiter.join(cells)
        bad = BAD_BYTE.search(written)
        if bad is not None and bad_bytes == "file":
            # A record may go on over several lines.
            line += written[: bad.start()].count("\n")
            option = f"{format.prefix}encoding"
            raise not_decodable(path, line, bad[0], encoding=encoding, option=option)
        if bad is not None:
            reason = undecodable(bad[0], encoding, option=f"{format.prefix}encoding")
            yield Row(f"line {line}", {first_name: BAD_BYTE.sub("\ufffd", written)}, reason)
        elif delimiter == "\t" and _may_be_rows(written, len(columns)):
            problem = (
                "holds a line end in quotes, and each of its lines could be a row: where quotes mean"
                f" nothing, give {format.prefix}quoting=none"
            )
            yield Row(f"line {line}", {first_name: written}, problem)
        elif needed <= len(cells) <= len(columns):
            yield Row(f"line {line}", dict(zip(columns, cells, strict=False)))
        else:
            advice = "fill in what is missing"
            if len(cells) > len(columns):
                advice = f"a text with '{delimiter}' in it must stand in double quotes"
            named = f"{format.prefix}columns names"
            if layout.has_names:
                named = "the line of column names has"
            problem = f"has {len(cells)} cell(s) where {named} {len(columns)}: {advice}"
            yield Row(f"line {line}", {first_name: written}, problem)


def _may_be_rows(written: str, num_columns: int) -> bool:
    """Whether a record of a tab-separated file is several, joined by quotes that are none."""
    lines = written.strip("\r\n").splitlines()
    return len(lines) > 1 and all(line.count("\t") == num_columns - 1 for line in lines)


def _records(
    path: Path, layout: CsvLayout, format: TableFormat
) -> Iterator[tuple[int, list[str], str]]:
    """Each record below the names: the line it begins in, its cells, and the file's encoding."""
    with open_text(path, encoding=format.encoding, newline="") as file:
        for _ in range(layout.num_before):
            file.readline()
        reader = csv.reader(
            file,
            delimiter=layout.delimiter,
            quoting=format.csv_quoting,
            skipinitialspace=True,
            strict=True,
        )
        line = 1 + layout.num_before
        is_names = layout.has_names
        try:
            for cells in reader:
                # Of several cells, a blank one alone is a blank line.
                if cells and (len(layout.columns) == 1 or len(cells) > 1 or cells[0].strip()):
                    if not is_names:
                        yield line, cells, file.encoding
                    is_names = False
                line = 1 + layout.num_before + reader.line_num
        except csv.Error as error:
            raise InputError(
                f"{path}, line {line}: its quotes cannot be followed ({error}); close each, and"
                ' write one within a text twice: ""; where quotes mean nothing, give'
                f" {format.prefix}quoting=none"
            ) from error
