"""What is to be answered: a text, the rows of a file, lines as they come, the clips of a folder."""

import codecs
import glob
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from data.clip import is_video, local_path, video_files
from data.errors import InputError
from data.folders import is_junk, why_absent, why_no_file
from data.left_out import is_left_out, left_out_below, tell_left_out
from data.text_rows import Row, csv_rows, json_columns, json_rows
from data.text_tables import FORMATS
from data.vocabulary import clean

STANDARD_INPUT = "-"
TEXT_SUFFIXES = (".txt", *FORMATS)
_BYTES_AT_ONCE = 2**16
_ROWS_AT_ONCE = 1000


class Item(NamedTuple):
    """One thing to be answered."""

    source: str
    """The text itself, or the path of the clip."""
    problem: str | None = None
    """Why it cannot be answered, where that is known before it is read."""


def clip_items(source: str) -> list[Item]:
    """The clips of a path: one file, whatever it is called; a folder; or a pattern such as ``*.mp4``.

    Of folders and patterns, what has the ending of a video file: folders with all that lies below
    them, junk aside (see `data.folders`). A path that exists is no pattern, and neither is its
    beginning: ``[set1]/*.mp4`` looks into the folder ``[set1]`` where there is one. Sorted as people
    count: ``clip2`` stands before ``clip10``.

    Raises:
        InputError: nothing there.
    """
    path = local_path(source)
    if os.path.isfile(path):
        return [Item(str(path))]
    if os.path.isdir(path):
        found, left_out = _below(path), left_out_below(path)
    elif glob.has_magic(source) and not os.path.lexists(path):
        matches = _matches(path)
        files = [m for m in matches if m.is_file() and is_video(m.name)]
        found = {*files, *(file for m in matches if m.is_dir() for file in _below(m))}
        left_out = [m for m in matches if m.is_file() and is_left_out(m.name)]
        left_out += [file for m in matches if m.is_dir() for file in left_out_below(m)]
    else:
        raise InputError(
            f"INPUT={source}: {why_absent(path)}; give a video file, a folder of them, or a"
            " pattern in quotes such as 'clips/*.mp4'"
        )
    tell_left_out(f"INPUT={source}", left_out)
    if not found:
        raise InputError(
            f"INPUT={source}: holds no video file (.mp4, .avi, .mkv, .webm, …); name another folder"
            " or pattern, or one file by its path"
        )
    return [Item(str(path)) for path in sorted(found, key=_as_counted)]


def _matches(pattern: Path) -> list[Path]:
    """What a pattern matches; its longest beginning that exists is taken literally."""
    beginning = next((path for path in pattern.parents if os.path.lexists(path)), Path())
    rest = pattern.relative_to(beginning)
    matches = glob.glob(str(rest), root_dir=beginning, recursive=True)
    # What is typed as it is called is wanted, whatever it is called.
    return [
        beginning / match
        for match in matches
        if not any(is_junk(name) for name in set(Path(match).parts) - set(rest.parts))
    ]


def _below(folder: Path) -> set[Path]:
    return {Path(here, name) for here, names in video_files(folder) for name in names}


def _as_counted(path: Path) -> list[list[str | int]]:
    """Texts and numbers by turns, of each part of the path."""
    return [
        [int(piece) if k % 2 else piece.casefold() for k, piece in enumerate(pieces)]
        for pieces in (re.split(r"([0-9]+)", part) for part in path.parts)
    ]


def text_items(source: str, *, column: str) -> Iterator[Item]:
    """The texts of a file: of .txt each line that is not blank, of a table one column.

    Rows that cannot be used come with the reason.

    Args:
        source: a file ending in one of `TEXT_SUFFIXES`.
        column: what the texts' column is called.

    Raises:
        InputError: not there, of another kind, without the column, or damaged beyond a row.
    """
    path = local_path(source)
    suffix = path.suffix.lower()
    if not os.path.isfile(path):
        raise InputError(
            f"INPUT={source}: {why_no_file(path)}; give one that ends in"
            f" {', '.join(TEXT_SUFFIXES)}, or - for standard input;"
            ' a text itself is given as TEXT="…"'
        )
    if suffix not in TEXT_SUFFIXES:
        raise InputError(
            f"INPUT={source}: a file of type '{suffix}' is not read; allowed are"
            f" {', '.join(TEXT_SUFFIXES)}"
        )
    return _READERS[FORMATS.get(suffix, "lines")](path, column)


def standard_input(file_descriptor: int) -> Iterator[list[Item]]:
    """The lines of a pipe or a terminal, as many at a time as are there; blank ones are passed over.

    Nothing is waited for but the first of them, so that each can be answered as it comes.
    """
    rest = b""
    while block := os.read(file_descriptor, _BYTES_AT_ONCE):
        *lines, rest = (rest + block).split(b"\n")
        if items := _items_of(lines):
            yield items
    if items := _items_of([rest]):
        yield items


def _items_of(lines: Iterable[bytes]) -> list[Item]:
    return [_line_item(line) for line in lines if line.strip()]


def _line_item(line: bytes) -> Item:
    try:
        return Item(line.decode("utf-8").rstrip("\r"))
    except UnicodeDecodeError as error:
        problem = f"byte 0x{line[error.start]:02x} is not UTF-8; write the line as UTF-8"
        return Item(line.decode("utf-8", "replace"), problem)


def _lines(path: Path, column: str) -> Iterator[Item]:
    with _readable(path), path.open("rb") as file:
        start = file.read(len(codecs.BOM_UTF8))
        if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            raise InputError(f"INPUT={path}: is UTF-16; save it as UTF-8")
        file.seek(len(start) if start == codecs.BOM_UTF8 else 0)
        for line in file:
            yield from _items_of([line.rstrip(b"\n")])


def _csv(path: Path, column: str) -> Iterator[Item]:
    with _readable(path):
        columns, rows = csv_rows(path, [column], bad_bytes="row")
        _require(column, columns, path)
        yield from (_row_item(row, column) for row in rows)


def _json(path: Path, column: str) -> Iterator[Item]:
    with _readable(path):
        _require(column, json_columns(path, bad_bytes="row"), path)
        yield from (_row_item(row, column) for row in json_rows(path, [column], bad_bytes="row"))


def _parquet(path: Path, column: str) -> Iterator[Item]:
    with _readable(path):
        try:
            file = pq.ParquetFile(path, memory_map=True)
            _require(column, file.schema_arrow.names, path)
            for batch in file.iter_batches(_ROWS_AT_ONCE, columns=[column]):
                texts = batch.column(column).cast(pa.string()).to_pylist()
                yield from (_cell_item(text, f"'{column}'") for text in texts)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise InputError(
                f"INPUT={path}: cannot be read as parquet ({' '.join(str(error).split())}); write"
                " or copy it anew"
            ) from error


_READERS = {"lines": _lines, "csv": _csv, "json": _json, "parquet": _parquet}


def _row_item(row: Row, column: str) -> Item:
    text = row.values.get(column)
    if row.problem is not None:
        return Item(text or row.place, f"{row.place} {row.problem}")
    return _cell_item(text, f"'{column}' in {row.place}")


def _cell_item(text: str | None, where: str) -> Item:
    return Item("", f"there is no {where}") if text is None else Item(clean(text))


def _require(column: str, columns: list[str], path: Path) -> None:
    if not columns:
        raise InputError(f"INPUT={path}: holds no text; there must be a row each")
    if column not in columns:
        raise InputError(
            f"INPUT={path}: no column '{column}': its columns are {', '.join(columns)}; name the"
            " right one by --text_column"
        )


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Within it, a file that cannot be opened or read is the user's to mend."""
    try:
        yield
    except OSError as error:
        raise InputError(
            f"INPUT={path}: cannot be read ({error.strerror or error}); mend it, or name another"
            " file"
        ) from error
