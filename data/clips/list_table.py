"""Lists of clips as tables: columns and rows, whatever separates the cells."""

import logging
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from data.clips.clip import is_video, local_path
from data.files.compressed import plain_name
from data.files.encodings import read_text
from data.files.errors import InputError
from data.tables.column_names import PATH, columns_named
from data.tables.csv_reader import (
    DELIMITERS,
    CsvLayout,
    cells_of,
    csv_head,
    csv_records,
    likely_delimiter,
    records_in,
    wrong_number,
)
from data.tables.table_format import TableFormat

log = logging.getLogger(__name__)

_FORMAT = TableFormat(has_options=False)
#: any number of blanks between the cells
BLANK = " "
# Lines in which the first that is no comment must be.
_MOST_COMMENTS = 10_000
_ENDINGS = {
    **dict.fromkeys((".json", ".jsonl", ".ndjson"), "JSON"),
    **dict.fromkeys((".yaml", ".yml"), "YAML"),
    ".xml": "XML",
}


class ListTable(NamedTuple):
    """An open list, whose rows are read on demand."""

    columns: list[str]
    rows: Iterator[tuple[int, dict[str, str]]]
    """Line and cells of each row, by column; cells missing at its end are missing here."""
    delimiter: str
    """The sign between cells, or `BLANK`."""


class _Beginning(NamedTuple):
    """First line of a list that is no comment, or the comment that names the columns."""

    line: str
    lines: list[str]
    """This line and those below it."""
    num_before: int
    is_comment: bool
    delimiters: str
    """The delimiters that may divide it."""


def open_table(
    table: Path, *, names: Sequence[str], header: Sequence[str] | None = None
) -> ListTable:
    """Open a list of clips.

    It is read as tables of texts are (see `csv_reader`), with three further rules:

    - Where no delimiter divides the first line, blanks may. Paths then come first, and may hold
      blanks themselves.
    - A line that starts with ``#`` is a comment, unless there is a file of that name.
    - A first line that holds a clip's path is a row, and the header is missing. If the line has two
      cells, the other one is taken for the label, with a warning; else ``header`` must be given.

    Args:
        table: path of the list.
        names: possible names of columns.
        header: names of all columns, for a list without a header.

    Raises:
        InputError: a file that is no text, a missing header, quotes that do not close, or a row with
            more cells than there are columns.
    """
    found = _beginning(table, names)
    if header and found.line:
        columns, delimiter, has_names = _named(table, found, list(header))
    elif certain := _without_header(table, found, names):
        columns, delimiter = certain
        has_names = False
        log.warning(
            "%s: no line of column names; its columns are read as %s", table, ",".join(columns)
        )
    else:
        delimiter = _delimiter(found.lines, names, found.delimiters)
        columns = _columns(found, delimiter)
        has_names = True
    num_before = found.num_before + found.is_comment
    layout = CsvLayout(columns, delimiter, num_before, has_names and not found.is_comment)
    rows = _blank_rows(table, layout) if delimiter == BLANK else _csv_rows(table, layout)
    return ListTable(columns, rows, delimiter)


def looks_like_clip(table: Path, cell: str, names: Sequence[str] = ()) -> bool:
    """Whether a cell is the path of a clip: it has the suffix of a video, or the file exists."""
    if is_video(cell):
        return True
    return not columns_named(names, [cell]) and os.path.isfile(table.parent / local_path(cell))


def _is_comment(table: Path, cell: str) -> bool:
    """Whether the first cell of a line makes it a comment: it starts with ``#`` and is no file."""
    return cell.startswith("#") and not os.path.lexists(table.parent / local_path(cell))


def _beginning(table: Path, names: Sequence[str]) -> _Beginning:
    """Find the line where the list begins. A comment that names columns is its header."""
    if is_video(table.name):
        raise InputError(
            f"{table}: is a single clip; give a folder with one sub-folder per class, or a list"
            " (a clip to be answered goes to predict-video, as INPUT)"
        )
    try:
        if kind := _ENDINGS.get(Path(plain_name(table)).suffix.lower()):
            raise InputError(
                f"{table}: is {kind}; a list of clips is a text file (.csv, .tsv, .txt) with a row"
                " for each clip: write it as CSV"
            )
        head = csv_head(table, format=_FORMAT, num_lines=_MOST_COMMENTS)
    except OSError as error:
        raise InputError(
            f"{table}: cannot be read ({error.strerror or error}); make it readable"
        ) from error
    delimiters = head.delimiter or DELIMITERS
    for number, line in enumerate(head.lines):
        bare, below = line.strip(), head.lines[number + 1 :]
        num_before = head.num_before + number
        if not bare:
            continue
        first = _split(bare, next((sign for sign in DELIMITERS if sign in bare), BLANK))[0]
        if not _is_comment(table, first):
            return _Beginning(bare, [line, *below], num_before, False, delimiters)
        named = bare.lstrip("# ")
        cells = _split(named, _delimiter([named], names, delimiters))
        if len(columns_named(names, cells)) > 1:
            return _Beginning(named, [named, *below], num_before, True, delimiters)
    return _Beginning("", [], head.num_before + len(head.lines), False, delimiters)


def _split(line: str, delimiter: str) -> list[str]:
    return (line.split() or [""]) if delimiter == BLANK else cells_of(line, delimiter)


def _delimiter(lines: Sequence[str], names: Sequence[str], delimiters: str) -> str:
    if len(delimiters) == 1 or not lines:
        return delimiters[0]
    best = likely_delimiter(lines, names)
    is_one = len(cells_of(lines[0], best)) == 1
    return BLANK if is_one and len(columns_named(names, lines[0].split())) > 1 else best


def _columns(found: _Beginning, delimiter: str) -> list[str]:
    if not found.lines:
        return []
    if delimiter == BLANK:
        return found.line.split()
    # Quotes may hold a line end, also in a name.
    records = records_in(found.lines[:100], delimiter)
    return [cell.strip() for cell in records[0]] if records else []


def _without_header(
    table: Path, found: _Beginning, names: Sequence[str]
) -> tuple[list[str], str] | None:
    """Columns and delimiter of a list whose first line is a row; None where it is a header."""
    for delimiter in found.delimiters:
        cells = cells_of(found.line, delimiter)
        are_clips = [looks_like_clip(table, cell, names) for cell in cells]
        if len(cells) == 2 and sum(are_clips) == 1:
            return (["path", "label"] if are_clips[0] else ["label", "path"]), delimiter
        if any(are_clips):
            raise _no_header(table, found.line, len(cells))
    words = found.line.split()
    first = _unquoted(found.line.rsplit(maxsplit=1)[0]) if len(words) > 1 else ""
    if looks_like_clip(table, first, names):
        return ["path", "label"], BLANK
    if any(map(is_video, words)):
        raise _no_header(table, found.line, len(words))
    return None


def _no_header(table: Path, line: str, num_cells: int) -> InputError:
    others = (f"other{k}" for k in range(1, num_cells))
    example = ",".join(["path", "label", "split", *others][: max(num_cells, 2)])
    return InputError(
        f"{table}: has no line of column names: its first is '{line[:100]}'; a label is needed for"
        f" each path: add that line, or name the columns in their order, e.g."
        f" --data.columns={example}"
    )


def _named(table: Path, found: _Beginning, header: list[str]) -> tuple[list[str], str, bool]:
    """Given columns, their delimiter, and whether the first line is a header all the same."""
    line = found.line
    fits = [sign for sign in found.delimiters if len(cells_of(line, sign)) == len(header)]
    if not fits and len(line.split()) >= len(header) and columns_named(PATH, header[:1]):
        fits = [BLANK]
    most = max(found.delimiters, key=lambda sign: len(cells_of(line, sign)))
    delimiter = fits[0] if fits else most
    cells = _split(line, delimiter)
    is_header = cells == header
    at_paths = dict(zip(header, cells, strict=False)).get(
        next(iter(columns_named(PATH, header)), "")
    )
    if not is_header and at_paths is not None and columns_named(PATH, [at_paths]):
        raise InputError(
            f"{table}: its first line seems to name its columns: '{line[:100]}'; leave out"
            f" --data.columns={','.join(header)}, or give null for it"
        )
    if is_header:
        log.warning("%s: its first line names its columns; --data.columns is not needed", table)
    elif not fits:
        raise InputError(
            f"{table}: --data.columns={','.join(header)} names {len(header)} columns, and its first"
            f" line has {len(cells)}: '{line[:100]}'; name each of them"
        )
    return header, delimiter, is_header


def _csv_rows(table: Path, layout: CsvLayout) -> Iterator[tuple[int, dict[str, str]]]:
    num_columns, num_comments = len(layout.columns), 0
    for record in csv_records(table, layout, format=_FORMAT):
        cells = record.cells
        # Spreadsheets write blank cells beyond the columns.
        while len(cells) > num_columns and not cells[-1].strip():
            cells = cells[:-1]
        if _is_comment(table, record.cells[0]):
            num_comments += 1
        elif len(cells) > num_columns:
            raise InputError(
                f"{table}, line {record.line}: {wrong_number(cells, layout, format=_FORMAT)}"
            )
        elif any(cell.strip() for cell in cells):
            yield record.line, dict(zip(layout.columns, cells, strict=False))
    _tell_of_comments(table, num_comments)


def _blank_rows(table: Path, layout: CsvLayout) -> Iterator[tuple[int, dict[str, str]]]:
    """Read rows with blanks between the cells. A path in the first place may hold blanks."""
    num_columns, num_comments = len(layout.columns), 0
    path_first = bool(columns_named(PATH, layout.columns[:1]))
    lines = enumerate(read_text(table, option=None).split("\n"), 1)
    rows = [(number, line.strip()) for number, line in lines if line.strip()]
    rows = [(number, line) for number, line in rows if number > layout.num_before]
    for number, line in rows[layout.has_names :]:
        words = line.rsplit(maxsplit=num_columns - 1) if path_first else line.split()
        words[0] = _unquoted(words[0])
        if _is_comment(table, words[0]):
            num_comments += 1
        elif len(words) != num_columns or (
            " " in words[0] and not looks_like_clip(table, words[0])
        ):
            raise InputError(
                f"{table}, line {number}: '{line[:100]}' does not end in {num_columns - 1} word(s)"
                " after a path, as lines with blanks between the cells must; separate the cells by"
                " commas"
            )
        else:
            yield number, dict(zip(layout.columns, words, strict=True))
    _tell_of_comments(table, num_comments)


def _tell_of_comments(table: Path, num_comments: int) -> None:
    if num_comments:
        log.warning("%s: %d line(s) that begin with # are left out", table, num_comments)


def _unquoted(cell: str) -> str:
    return cell[1:-1] if len(cell) > 1 and cell[0] == cell[-1] == '"' else cell
