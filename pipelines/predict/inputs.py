"""Items to predict for: a text, the rows of a file, lines of standard input, the clips of a folder."""

import glob
import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from data.clips.clip import is_picture_or_video, is_video, local_path
from data.clips.left_out import is_left_out, left_out_below, tell_left_out
from data.decoding.sampling import WHOLE, Section
from data.files.compressed import plain_name
from data.files.encodings import (
    BAD_BYTE,
    decoder_of,
    encoding_of,
    is_mostly_zero,
    is_too_short,
    open_text,
    undecodable,
)
from data.files.errors import InputError
from data.files.folders import files_below, is_junk, why_absent, why_no_file
from data.plain_text.content import clean
from data.tables.chosen_columns import choose_columns
from data.tables.column_types import require_plain
from data.tables.csv_rows import Row, csv_rows
from data.tables.json_rows import json_rows
from data.tables.parquet_rows import parquet_batches, readable_parquet
from data.tables.table_format import READABLE, TableFormat, require_table
from data.tables.text_tables import columns_of

STANDARD_INPUT = "-"
# By whether pictures are read too.
_KINDS = {False: "video file", True: "picture or video file"}
# The options of the predict command have no group prefix such as ``--data.``.
ANSWERED = TableFormat(prefix="--")
_BYTES_AT_ONCE = 2**16
_ROWS_AT_ONCE = 1000


class Item(NamedTuple):
    """One input to predict for."""

    source: str
    """Text itself, or path of the clip."""
    problem: str | None = None
    """Reason why there is no answer, where it is known before the item is read."""
    section: Section = WHOLE
    """Section of the clip's file, for readers that take sections."""


def items_of(sources: Iterable[str | Path], *, takes_paths: bool) -> Iterator[Item]:
    """Items of texts, or of paths, that a program gives.

    Raises:
        InputError: one text or path in place of several, or an item that is neither, on reaching it.
    """
    if isinstance(sources, str | Path):
        raise InputError(f"many('{sources}'): give a list, or ask for one by model(…)")
    for source in sources:
        if not isinstance(source, str | Path):
            raise InputError(f"{type(source).__name__}: give one text or path, or many([…])")
        if isinstance(source, Path) and not takes_paths:
            raise InputError(f"{source}: is a path; give the text itself, path.read_text()")
        yield Item(str(source))


def clip_items(source: str, *, pictures: bool = False) -> list[Item]:
    """Clips of a path: one file, whatever its name; a folder; or a pattern such as ``*.mp4``.

    Folders and patterns give the files with the ending of a video file, and of a picture where
    ``pictures`` are asked for. Folders are searched with
    all their subfolders, except for junk (see `data.files.folders`). A path that exists is never
    taken for a pattern, and neither is an existing beginning of a path: ``[set1]/*.mp4`` looks into
    the folder ``[set1]`` where there is one. Clips are in natural order: ``clip2`` before
    ``clip10``.

    Raises:
        InputError: no clip is found.
    """
    path = local_path(source)
    is_wanted = is_picture_or_video if pictures else is_video
    if os.path.isfile(path):
        return [Item(str(path))]
    if os.path.isdir(path):
        found, left_out = _below(path, is_wanted), left_out_below(path)
    elif glob.has_magic(source) and not os.path.lexists(path):
        matches = _matches(path)
        files = [m for m in matches if m.is_file() and is_wanted(m.name)]
        found = {*files, *(file for m in matches if m.is_dir() for file in _below(m, is_wanted))}
        left_out = [m for m in matches if m.is_file() and is_left_out(m.name)]
        left_out += [file for m in matches if m.is_dir() for file in left_out_below(m)]
    else:
        raise InputError(
            f"INPUT={source}: {why_absent(path)}; give a {_KINDS[pictures]}, a folder of them, or a"
            " pattern in quotes such as 'clips/*.mp4'"
        )
    tell_left_out(f"INPUT={source}", left_out)
    if not found:
        raise InputError(
            f"INPUT={source}: holds no {_KINDS[pictures]} ({'.jpg, .png, ' if pictures else ''}.mp4,"
            " .avi, .mkv, .webm, …); name another folder or pattern, or one file by its path"
        )
    return [Item(str(path)) for path in sorted(found, key=_as_counted)]


def _matches(pattern: Path) -> list[Path]:
    """Paths that a pattern matches; the longest existing beginning of it is taken literally."""
    beginning = next((path for path in pattern.parents if os.path.lexists(path)), Path())
    rest = pattern.relative_to(beginning)
    matches = glob.glob(str(rest), root_dir=beginning, recursive=True)
    # A junk name that the user typed in full is meant.
    return [
        beginning / match
        for match in matches
        if not any(is_junk(name) for name in set(Path(match).parts) - set(rest.parts))
    ]


def _below(folder: Path, is_wanted: Callable[[str], bool]) -> set[Path]:
    return {Path(here, name) for here, names in files_below(folder, is_wanted) for name in names}


def _as_counted(path: Path) -> list[list[str | int]]:
    """Sort key for natural order: each part of the path as alternating texts and numbers."""
    return [
        [int(piece) if k % 2 else piece.casefold() for k, piece in enumerate(pieces)]
        for pieces in (re.split(r"([0-9]+)", part) for part in path.parts)
    ]


def text_items(source: str, *, column: str, format: TableFormat = ANSWERED) -> Iterator[Item]:
    """Texts of a file: each line of a .txt file, or one column of a table.

    Blank or unreadable lines and rows are items with a problem, so that there is one answer for
    each line or row.

    Args:
        source: a text file or a table, compressed or not.
        column: name of the column with the texts (see `choose_columns`).
        format: properties of the file that it does not state itself.

    Raises:
        InputError: the file is absent, of another kind, without the column, or damaged beyond a
            row.
    """
    path = local_path(source)
    if not os.path.isfile(path):
        raise InputError(
            f"INPUT={source}: {why_no_file(path)}; give a .txt file or a table ({READABLE}), or -"
            ' for standard input; a text itself is given as TEXT="…"'
        )
    kind = "lines"
    if Path(plain_name(path)).suffix.lower() != ".txt":
        kind = require_table(path, allowed=[".txt"])
    return _READERS[kind](path, column, format)


def standard_input(file_descriptor: int, *, encoding: str | None = None) -> Iterator[list[Item]]:
    """Lines of a pipe or a terminal, in groups of those that have arrived.

    A group never waits for further lines, so that each line can be answered as it arrives.
    """
    start = b""
    while (block := os.read(file_descriptor, _BYTES_AT_ONCE)) and is_too_short(start + block):
        start += block
    decoder = decoder_of(start + block, encoding)
    used = encoding_of(start + block, encoding)
    block, rest, number = start + block, "", 0
    while block:
        *lines, rest = (rest + decoder.decode(block)).split("\n")
        if lines:
            yield [line_item(line, number + k, used) for k, line in enumerate(lines, start=1)]
        number += len(lines)
        block = os.read(file_descriptor, _BYTES_AT_ONCE)
    if rest := rest + decoder.decode(b"", final=True):
        lines = rest.removesuffix("\n").split("\n")
        yield [line_item(line, number + k, used) for k, line in enumerate(lines, start=1)]


def line_item(line: str, number: int, encoding: str) -> Item:
    """Make the item of a line; a blank or undecodable one has a problem."""
    if bad := BAD_BYTE.search(line):
        problem = f"line {number} {undecodable(bad[0], encoding, option='--encoding')}"
        return Item(BAD_BYTE.sub("\ufffd", line), problem)
    if is_mostly_zero(line):
        reason = "holds zero bytes, and so no text: name its encoding, e.g. by --encoding=utf-16-le"
        return Item(line, f"line {number} {reason}")
    return Item(line) if line.strip() else Item(line, f"line {number} is blank")


def _lines(path: Path, column: str, format: TableFormat) -> Iterator[Item]:
    with readable_input(path), open_text(path, encoding=format.encoding) as file:
        for number, line in enumerate(file, start=1):
            yield line_item(line.removesuffix("\n"), number, file.encoding)


def _csv(path: Path, column: str, format: TableFormat) -> Iterator[Item]:
    with readable_input(path):
        column = chosen_column(path, column, format)
        _, rows = csv_rows(path, [column], format=format, bad_bytes="row")
        yield from (row_item(row, column) for row in rows)


def _json(path: Path, column: str, format: TableFormat) -> Iterator[Item]:
    with readable_input(path):
        column = chosen_column(path, column, format)
        rows = json_rows(path, [column], format=format, bad_bytes="row")
        yield from (row_item(row, column) for row in rows)


def _parquet(path: Path, column: str, format: TableFormat) -> Iterator[Item]:
    with readable_input(path), readable_parquet(path, named=f"INPUT={path}"):
        column = chosen_column(path, column, format)
        kind = pq.read_schema(path, memory_map=True).field(column).type
        require_plain(kind, column, source=f"INPUT={path}", prefix=format.prefix)
        schema = pa.schema([(column, pa.string())])
        for batch in parquet_batches(path, [column], schema=schema, rows=_ROWS_AT_ONCE):
            texts = batch.column(column).to_pylist()
            yield from (cell_item(text, f"'{column}'") for text in texts)


_READERS = {"lines": _lines, "csv": _csv, "json": _json, "parquet": _parquet}


def chosen_column(path: Path, column: str, format: TableFormat) -> str:
    """Choose the column of the texts (see `choose_columns`)."""
    columns = columns_of(path, [column], format=format, bad_bytes="row")
    asked = {"text": column}
    return choose_columns(columns, asked, source=f"INPUT={path}", prefix=format.prefix)["text"]


def row_item(row: Row, column: str) -> Item:
    """Make the item of a row of a table of texts."""
    text = row.values.get(column)
    if row.problem is not None:
        return Item(text or row.place, f"{row.place} {row.problem}")
    return cell_item(text, f"'{column}' in {row.place}")


def cell_item(text: str | None, where: str) -> Item:
    """Make the item of a cell; ``where`` names it in the problem if it is empty."""
    return Item("", f"there is no {where}") if text is None else Item(clean(text))


@contextmanager
def readable_input(path: Path) -> Iterator[None]:
    """Report a file that cannot be opened or read as an InputError."""
    try:
        yield
    except OSError as error:
        raise InputError(
            f"INPUT={path}: cannot be read ({error.strerror or error}); mend it, or name another"
            " file"
        ) from error
