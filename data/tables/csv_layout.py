"""Layout of a CSV file of texts, told from its first lines: the delimiter, and names of columns."""

from collections.abc import Sequence
from pathlib import Path

from data.files.compressed import plain_name
from data.tables.column_names import SPLIT, TEXT, TEXT_LABEL, columns_named
from data.tables.csv_reader import CsvLayout, csv_head, likely_delimiter, records_in
from data.tables.table_format import UNSAID, TableFormat

# No name of a column has so many words.
_MOST_WORDS = 6


def csv_layout(path: Path, names: Sequence[str], *, format: TableFormat = UNSAID) -> CsvLayout:
    """The layout of a CSV file.

    Args:
        path: commas, semicolons, tabs or bars between the cells, or what its first line names:
            ``sep=#``.
        names: columns to look for, that of the texts first (see `likely_delimiter`).
        format: where it names the columns, the first line is a row, unless it names them itself.
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
    """Whether a first record is names, although names were given for so many columns.

    It is if it has that of the texts, or two words that name columns, or nothing else and another
    number of cells.
    """
    found = len(columns_named([*known, *SPLIT], cells))
    return text_name in cells or found > 1 or (0 < found == len(cells) != num_columns)


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
