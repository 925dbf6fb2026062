"""Tables that list clips → columns and rows, however people and programs separate their cells."""

import csv
import io
import logging
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from data.clips.clip import is_video, local_path
from data.clips.list_text import text_of_list
from data.files.errors import InputError
from data.tables.column_names import PATH, columns_named

log = logging.getLogger(__name__)

DELIMITERS = ",;\t|"
BLANK = " "
_SEPARATOR_LINE = re.compile(r'\A"?sep=.?"?[,;]*(\r\n|\r|\n)', re.IGNORECASE)

Cells = tuple[int, list[str]]
"""The line a row ends on, and its cells."""


class ListTable(NamedTuple):
    """A table, its rows read as they are asked for."""

    columns: list[str]
    rows: Iterator[tuple[int, dict[str, str]]]
    """The line of each row and its cells by column; a cell missing at the end is not in the dict."""
    delimiter: str
    """The sign between cells; `BLANK` for any number of blanks."""


def open_table(table: Path, *, names: Sequence[str], header: Sequence[str] = ()) -> ListTable:
    """Read a table that lists clips.

    Commas, semicolons, tabs or bars stand between the cells: what makes most of the names appear
    in the first line. Where none does, blanks may; then the paths come first and may hold blanks
    themselves. Lines without a cell are passed over, and so are comments: lines that start with
    ``#`` where no file is called so.

    A first line that holds a clip's path is no line of column names. With two cells in it, the
    other one is the label, which a warning says; else the header must be given.

    Args:
        table: the file (see `text_of_list` for its encodings).
        names: what columns may be called.
        header: names of the columns of a table without a line that names them.

    Raises:
        InputError: no text; no header, and none that is certain; quotes that do not close; a row
            with more cells than there are columns.
    """
    # Excel writes the separator above all else.
    text = _SEPARATOR_LINE.sub(r"\1", text_of_list(table), count=1)
    text, first = _first_line(table, text, names)
    if header and first:
        columns, delimiter, skips_first = _named(table, first, list(header))
    elif found := _layout_without_header(table, first, names):
        columns, delimiter = found
        skips_first = False
        log.warning(
            "%s: no line of column names; its columns are read as %s", table, ",".join(columns)
        )
    else:
        delimiter = _delimiter_of_header(first, names)
        columns, skips_first = _cells(first, delimiter), True
    path_first = bool(columns_named(PATH, columns[:1]))
    rows = (
        _blank_rows(table, text, len(columns), path_first)
        if delimiter == BLANK
        else _csv_rows(table, text, delimiter)
    )
    if skips_first and (row := next(rows, None)) is not None and delimiter != BLANK:
        columns = [cell.strip() for cell in row[1]]
    return ListTable(columns, _by_column(table, rows, columns, delimiter), delimiter)


def header_of(option: str | None) -> list[str]:
    """The names in ``--data.columns=path,label``; none where nothing is said.

    Raises:
        InputError: a name is empty, or there twice.
    """
    if option is None:
        return []
    names = [name.strip() for name in option.strip("[]").split(",")]
    if "" in names or len(set(names)) < len(names):
        raise InputError(
            f"--data.columns={option}: name each column once, in their order, with commas between"
            " them, e.g. path,label,split"
        )
    return names


def looks_like_clip(table: Path, cell: str, names: Sequence[str] = ()) -> bool:
    """Whether a cell is a path: of a video by its ending, or of a file that is there."""
    if is_video(cell):
        return True
    return not columns_named(names, [cell]) and os.path.isfile(table.parent / local_path(cell))


def _is_comment(table: Path, cell: str) -> bool:
    """Whether the first cell of a line makes it a comment: no file is called so."""
    return cell.startswith("#") and not os.path.lexists(table.parent / local_path(cell))


def _first_line(table: Path, text: str, names: Sequence[str]) -> tuple[str, str]:
    """The text without comments above its first line, and that line.

    A comment that names columns is the header.
    """
    above = 0
    for found in re.finditer(r"[^\r\n]*(?:\r\n|[\r\n])?", text):
        line = found[0]
        bare = line.strip()
        if bare and _is_comment(table, _cells(bare, _any(bare))[0]):
            named = bare.lstrip("# ")
            if len(columns_named(names, _cells(named, _delimiter_of_header(named, names)))) > 1:
                at = above + line.index(bare)
                return _emptied(text[:at]) + named + text[at + len(bare) :], named
        elif bare:
            return _emptied(text[:above]) + text[above:], bare
        above += len(line)
    return "", ""


def _emptied(text: str) -> str:
    """Its line ends alone, so that the lines below keep their numbers."""
    return re.sub(r"[^\r\n]", "", text)


def _any(line: str) -> str:
    return next((delimiter for delimiter in DELIMITERS if delimiter in line), BLANK)


def _cells(line: str, delimiter: str) -> list[str]:
    """The cells of a line, of which there is one at least."""
    if delimiter == BLANK:
        return line.split() or [""]
    try:
        cells = next(csv.reader([line], delimiter=delimiter, skipinitialspace=True), [""])
    except csv.Error:
        cells = line.split(delimiter)
    return [cell.strip(' "') for cell in cells]


def _delimiter_of_header(line: str, names: Sequence[str]) -> str:
    def found(delimiter: str) -> tuple[int, int]:
        cells = _cells(line, delimiter)
        return len(columns_named(names, cells)), len(cells)

    best = max(DELIMITERS, key=found)
    if found(best)[1] == 1 and found(BLANK)[0] > 1:
        return BLANK
    return best


def _layout_without_header(
    table: Path, line: str, names: Sequence[str]
) -> tuple[list[str], str] | None:
    """Columns and delimiter of a table whose first line is a row already; None where it is not."""
    for delimiter in DELIMITERS:
        cells = _cells(line, delimiter)
        are_clips = [looks_like_clip(table, cell, names) for cell in cells]
        if len(cells) == 2 and sum(are_clips) == 1:
            return (["path", "label"] if are_clips[0] else ["label", "path"]), delimiter
        if any(are_clips):
            raise _no_header(table, line, len(cells))
    words = line.split()
    if len(words) > 1 and looks_like_clip(table, _unquoted(line.rsplit(maxsplit=1)[0])):
        return ["path", "label"], BLANK
    if any(map(is_video, words)):
        raise _no_header(table, line, len(words))
    return None


def _no_header(table: Path, line: str, num_cells: int) -> InputError:
    others = (f"other{k}" for k in range(1, num_cells))
    example = ",".join(["path", "label", "split", *others][: max(num_cells, 2)])
    return InputError(
        f"{table}: has no line of column names: its first is '{line[:100]}'; a label is needed for"
        f" each path: add that line, or name the columns in their order, e.g."
        f" --data.columns={example}"
    )


def _named(table: Path, line: str, header: list[str]) -> tuple[list[str], str, bool]:
    """The columns that are named, what separates them, and whether the first line names them too."""
    fits = [d for d in DELIMITERS if len(_cells(line, d)) == len(header)]
    if not fits and len(line.split()) >= len(header) and columns_named(PATH, header[:1]):
        fits = [BLANK]
    delimiter = (
        fits[0] if fits else max(DELIMITERS, key=lambda delimiter: len(_cells(line, delimiter)))
    )
    cells = _cells(line, delimiter)
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
            f" line has {len(_cells(line, delimiter))}: '{line[:100]}'; name each of them"
        )
    return header, delimiter, is_header


def _csv_rows(table: Path, text: str, delimiter: str) -> Iterator[Cells]:
    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True, strict=True
    )
    try:
        for row in reader:
            if any(cell and not cell.isspace() for cell in row):
                yield reader.line_num, row
    except csv.Error as error:
        raise InputError(
            f"{table}, line {reader.line_num}: {error}; mend the quotes around its cells"
        ) from error


def _blank_rows(table: Path, text: str, num_columns: int, path_first: bool) -> Iterator[Cells]:
    """Rows of words; a path that comes first may hold blanks."""
    for number, line in enumerate(re.split(r"\r\n|\r|\n", text), 1):
        words = line.strip().rsplit(maxsplit=num_columns - 1) if path_first else line.split()
        if not words:
            continue
        words[0] = _unquoted(words[0])
        if _is_comment(table, words[0]):
            pass
        elif len(words) != num_columns or (
            " " in words[0] and not looks_like_clip(table, words[0])
        ):
            raise InputError(
                f"{table}, line {number}: '{line.strip()[:100]}' does not end in"
                f" {num_columns - 1} word(s) after a path, as lines with blanks between the cells"
                " must; separate the cells by commas"
            )
        yield number, words


def _unquoted(cell: str) -> str:
    return cell[1:-1] if len(cell) > 1 and cell[0] == cell[-1] == '"' else cell


def _by_column(
    table: Path, rows: Iterator[Cells], columns: Sequence[str], delimiter: str
) -> Iterator[tuple[int, dict[str, str]]]:
    num_comments = 0
    for line, cells in rows:
        if _is_comment(table, cells[0]):
            num_comments += 1
            continue
        if any(cell.strip() for cell in cells[len(columns) :]):
            raise InputError(
                f"{table}, line {line}: has {len(cells)} cells, and the columns are"
                f" {', '.join(columns)}; put quotes around a cell that holds a '{delimiter}'"
            )
        yield line, dict(zip(columns, cells, strict=False))
    if num_comments:
        log.warning("%s: %d line(s) that begin with # are left out", table, num_comments)
