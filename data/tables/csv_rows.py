"""Rows of a CSV file of texts, each with the reason if it cannot be used.

A row that cannot be used is still a row, so that it can be listed and the numbers of other rows stay.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from data.files.compressed import plain_name
from data.files.encodings import BAD_BYTE, undecodable
from data.tables.column_names import SPLIT, TEXT, TEXT_LABEL, columns_named, require_once
from data.tables.csv_reader import (
    BadBytes,
    CsvLayout,
    csv_head,
    csv_records,
    likely_delimiter,
    records_in,
    wrong_number,
)
from data.tables.table_format import UNSAID, TableFormat

# No name of a column has so many words.
_MOST_WORDS = 6


class Row(NamedTuple):
    """A row of a file."""

    place: str
    """Place of its beginning for errors: ``line 7``, or ``object 7`` of a JSON array."""
    values: dict[str, str | None]
    """Cells by column; missing and null ones are None."""
    problem: str | None = None
    """Reason that it cannot be used."""


def csv_rows(
    path: Path,
    names: Sequence[str],
    *,
    format: TableFormat = UNSAID,
    bad_bytes: BadBytes = "file",
) -> tuple[list[str], Iterator[Row]]:
    """Read the columns and rows of a CSV file.

    Cells are taken as they are written (see `csv_records`): ``007`` and ``NA`` are texts. A row may
    lack cells at its end, unless they are of one of the ``names``.

    Args:
        path: path of the file (see `csv_layout`).
        names: columns to look for, that of the texts first.
        format: options of the file.
        bad_bytes: treatment of bytes that cannot be decoded: with ``file`` they are an error, with
            ``row`` they are the problem of their row.

    Raises:
        InputError: a repeated column of ``names``; while rows are read, quotes that do not close,
            or a byte that cannot be decoded.
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
    """Read rows; those with too few or too many cells have a problem."""
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
    """Whether a tab-separated record consists of several rows, joined by literal quotes."""
    lines = re.split("\r\n|\r|\n", written.strip("\r\n"))
    return len(lines) > 1 and all(line.count("\t") == num_columns - 1 for line in lines)


def csv_layout(path: Path, names: Sequence[str], *, format: TableFormat = UNSAID) -> CsvLayout:
    """Tell the layout of a CSV file of texts from its first lines.

    Args:
        path: path of the file. Its delimiter is a comma, semicolon, tab or bar, or the one that its
            first line names: ``sep=#``.
        names: columns to look for, that of the texts first (see `likely_delimiter`).
        format: options of the file. Where they name the columns, the first line is a row, unless it
            is a header all the same.
    """
    head = csv_head(path, format=format)
    lines = [line for line in head.lines if line.strip()]
    known = [*names, *(format.columns or ()), *TEXT, *TEXT_LABEL]
    delimiter = head.delimiter or likely_delimiter(
        lines,
        names,
        others=known,
        num_columns=None if format.columns is None else len(format.columns),
        usual="\t" if plain_name(path).lower().endswith(".tsv") else ",",
        format=format,
    )
    records = records_in(lines, delimiter, format=format)
    first = [cell.strip() for cell in records[0]] if records else []
    has_names = format.columns is None or _is_names(first, names[0], known, len(format.columns))
    columns = first if has_names else list(format.columns or ())
    suggested = None
    if format.columns is None and not columns_named([*known, *SPLIT], first):
        suggested = _suggestion(records)
    return CsvLayout(columns, delimiter, head.num_before, has_names, suggested)


def _is_names(cells: Sequence[str], text_name: str, known: Sequence[str], num_columns: int) -> bool:
    """Whether the first record is a header, although names were given for so many columns.

    It is if it has the name of the texts, or two usual names of columns, or only usual names in
    another number.
    """
    found = len(columns_named([*known, *SPLIT], cells))
    return text_name in cells or found > 1 or (0 < found == len(cells) != num_columns)


def _suggestion(records: Sequence[Sequence[str]]) -> str | None:
    """Suggest names for the columns if the first record looks like a row; else None.

    A row has a value that occurs again below it, as a label does, or a text of several words.
    """
    if len(records) < 2 or len(records[0]) < 2:
        return None
    first, width = records[0], len(records[0])
    rest = [record for record in records[1:] if len(record) == width]
    values = [[record[k].strip() for record in rest] for k in range(width)]
    again = any(cell.strip() in values[k] for k, cell in enumerate(first) if cell.strip())
    if not again and all(len(cell.split()) <= _MOST_WORDS for cell in first):
        return None
    lengths = [sum(map(len, column)) for column in values]
    text = lengths.index(max(lengths))
    others = [k for k in range(width) if k != text]
    label = min(others, key=lambda k: (len(set(values[k])) < 2, len(set(values[k]))))
    named = {text: "text", label: "label"}
    return ",".join(named.get(k, f"column{k + 1}") for k in range(width))
