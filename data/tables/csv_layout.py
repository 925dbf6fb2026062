"""Layout of a CSV file, told from its first lines: what stands between cells, and names of columns."""

import csv
import itertools
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from data.files.encodings import BAD_BYTE, open_text
from data.tables.column_names import SPLIT, TEXT, TEXT_LABEL, columns_named
from data.tables.table_format import UNSAID, TableFormat

DELIMITERS = ",;\t|"
# csv refuses longer cells unless told otherwise; the most that fits a C long everywhere.
LONGEST_CELL = 2**31 - 1
# Lines, and characters, that are looked at.
_LINES, _CHARACTERS = 100, 2**20
# The first line by which Excel is told what stands between cells.
_SEPARATOR = re.compile(r"\s*\"?sep=(.)\"?[\r\n]*", re.IGNORECASE)
# No name of a column has so many words.
_MOST_WORDS = 6


class CsvLayout(NamedTuple):
    """How a CSV file is laid out."""

    columns: list[str]
    """Their names, of the file or of `TableFormat`; empty where the file is."""
    delimiter: str
    num_before: int
    """Lines that stand before its names."""
    has_names: bool
    """Whether its first record is the columns' names."""
    suggested: str | None
    """Names for the columns, where what stands in their place looks like a row."""


def csv_layout(path: Path, names: Sequence[str], *, format: TableFormat = UNSAID) -> CsvLayout:
    """The layout of a CSV file.

    Args:
        path: commas, semicolons, tabs or bars between the cells, or what its first line names:
            ``sep=#``.
        names: columns to look for, that of the texts first: the delimiter is what makes most of
            them appear.
        format: where it names the columns, the first line is a row, unless it names them itself.
    """
    csv.field_size_limit(LONGEST_CELL)
    lines = _first_lines(path, format)
    named = _SEPARATOR.fullmatch(lines[0]) if lines else None
    if named:
        lines = lines[1:]
    lines = [line for line in lines if line.strip()]
    known = {*names, *(format.columns or ()), *TEXT, *TEXT_LABEL}
    delimiter = named[1] if named else _delimiter(path, lines, known, names, format)
    records = _parsed(lines, delimiter, format)
    first = [cell.strip() for cell in records[0]] if records else []
    has_names = format.columns is None or _is_names(first, names[0], known, len(format.columns))
    columns = first if has_names else list(format.columns or ())
    suggested = None
    if format.columns is None and not columns_named([*known, *SPLIT], first):
        suggested = _suggestion(records)
    return CsvLayout(columns, delimiter, int(named is not None), has_names, suggested)


def _first_lines(path: Path, format: TableFormat) -> list[str]:
    lines: list[str] = []
    num_characters = 0
    with open_text(path, encoding=format.encoding, newline="") as file:
        for line in itertools.islice(file, _LINES):
            lines.append(BAD_BYTE.sub("\ufffd", line))
            num_characters += len(line)
            if num_characters > _CHARACTERS:
                break
    return lines


def _parsed(lines: Sequence[str], delimiter: str, format: TableFormat) -> list[list[str]]:
    """The records in some lines; what is wrong with them is found when they are read."""
    reader = csv.reader(
        lines, delimiter=delimiter, quoting=format.csv_quoting, skipinitialspace=True
    )
    return [cells for cells in reader if any(cell.strip() for cell in cells)]


def _delimiter(
    path: Path, lines: Sequence[str], known: set[str], names: Sequence[str], format: TableFormat
) -> str:
    first = lines[0] if lines else ""
    width = None if format.columns is None else len(format.columns)
    usual = "\t" if path.name.lower().rpartition(".tsv")[1] else ","

    def evidence(delimiter: str) -> tuple[int, ...]:
        cells = [cell.strip(' "\r\n') for cell in first.split(delimiter)]
        asked, others = len(set(names) & set(cells)), len(known & set(cells))
        if asked:
            return asked, len(cells)
        # No name appears: what cuts the most rows alike.
        records = _parsed(lines, delimiter, format)
        wanted = width or len(records[0] if records else ())
        alike = sum(len(cells) == wanted for cells in records) if width or wanted > 1 else 0
        return 0, others, alike, delimiter == usual, len(cells)

    return max(DELIMITERS, key=evidence)


def _is_names(cells: Sequence[str], text_name: str, known: set[str], width: int) -> bool:
    """Whether a first record is names, although names were given for so many columns.

    It is if it has that of the texts, or two words that name columns, or nothing else and another
    number of cells.
    """
    found = len(columns_named([*known, *SPLIT], cells))
    return text_name in cells or found > 1 or (0 < found == len(cells) != width)


def _suggestion(records: Sequence[Sequence[str]]) -> str | None:
    """Names for the columns, if the first record looks like those below it; None if it does not.

    A row has a value that occurs again below it, as a label does, or a text.
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
