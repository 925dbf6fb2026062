"""Opening of an input: a table of texts or clips, a folder of tables or of clips, lines of text."""

import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from data.clips.clip import local_path
from data.files.atomic_write import written_once
from data.files.compressed import plain_name
from data.files.errors import InputError
from data.files.folders import files_below, why_absent
from data.tables.column_names import (
    END_SECONDS,
    PATH,
    START_SECONDS,
    columns_like_times,
    find_column,
)
from data.tables.table_format import TableFormat, is_table_file, require_table
from data.tables.text_tables import columns_of, shown
from pipelines.engine.records.parquet import ParquetRecords
from pipelines.engine.records.record import Columns, RecordMaker, Records
from pipelines.engine.records.stream import line_records, table_records
from pipelines.predict.inputs import STANDARD_INPUT, chosen_column, readable_input
from pipelines.predict.steps import Reader

log = logging.getLogger(__name__)

#: file in the output folder with the paths of a folder of clips, as the first process found them
LISTING = "_listing.parquet"


class Asked(NamedTuple):
    """Options of the input."""

    path: str
    text_column: str
    path_column: str
    id_column: str | None
    format: TableFormat


def open_records(asked: Asked, steps: Reader | None, *, output: Path, lists_anew: bool) -> Records:
    """Open an input.

    Args:
        asked: the options.
        steps: reader of a model that takes paths; None: the model takes texts.
        output: the output folder, in which the listing of a folder of clips is kept.
        lists_anew: whether a folder is compared with the listing that is kept of it.

    Raises:
        InputError: it is not there, of another kind, or without a needed column.
    """
    if asked.path == STANDARD_INPUT:
        raise InputError(
            "INPUT=-: has no rows to come back to; write them to a file, and name that"
        )
    path = local_path(asked.path)
    if steps is None:
        return _texts(asked, path, output)
    if os.path.isfile(path) and is_table_file(path):
        return _clips_of_table(asked, path, steps)
    _refuse_ids(asked)
    return _clips_of_folder(asked, steps, output, lists_anew)


def _texts(asked: Asked, path: Path, output: Path) -> Records:
    if path.is_dir():
        files = _tables_below(asked.path, path, output)
        return ParquetRecords(files, RecordMaker(_text_columns(asked, files[0]), None))
    if not path.is_file():
        raise InputError(
            f"INPUT={asked.path}: {why_absent(path)}; give a table, a .txt file with a text a line, or"
            " a folder of Parquet files"
        )
    if Path(plain_name(path)).suffix.lower() == ".txt":
        _refuse_ids(asked)
        return line_records(path, asked.format)
    kind = require_table(path, allowed=[".txt"])
    maker = RecordMaker(_text_columns(asked, path), None)
    if kind == "parquet":
        return ParquetRecords([path], maker)
    return table_records(path, kind, maker, asked.format)


def _tables_below(named: str, folder: Path, output: Path) -> list[Path]:
    if output.resolve().is_relative_to(folder.resolve()):
        raise InputError(
            f"OUTPUT={output}: lies in INPUT={named}, whose Parquet files are all read; name a"
            " folder elsewhere"
        )
    found = [
        Path(here, name)
        for here, names in files_below(folder, lambda name: name.lower().endswith(".parquet"))
        for name in names
    ]
    if not found:
        raise InputError(
            f"INPUT={named}: is a folder without a Parquet file; texts come from Parquet files, or"
            " from one table or .txt file"
        )
    return sorted(found)


def _text_columns(asked: Asked, path: Path) -> Columns:
    with readable_input(path):
        text = chosen_column(path, asked.text_column, asked.format)
        names = columns_of(path, [text], format=asked.format, bad_bytes="row").names
    return Columns(text, _id_column(asked, names))


def _id_column(asked: Asked, names: Sequence[str]) -> str | None:
    if asked.id_column is not None and asked.id_column not in names:
        raise InputError(
            f"INPUT={asked.path}: no column '{asked.id_column}': its columns are {shown(names)}; name"
            " the right one by --id_column"
        )
    return asked.id_column or ("id" if "id" in names else None)


def _refuse_ids(asked: Asked) -> None:
    if asked.id_column is not None:
        raise InputError(
            f"--id_column={asked.id_column}: INPUT={asked.path} is no table, and has no columns; leave"
            " it out"
        )


def _clips_of_table(asked: Asked, path: Path, steps: Reader) -> Records:
    kind, where = require_table(path), f"INPUT={asked.path}"
    with readable_input(path):
        names = columns_of(path, [asked.path_column], format=asked.format, bad_bytes="row").names
    source: str | None = asked.path_column if asked.path_column in names else None
    if source is None and asked.path_column == PATH[0]:
        source = find_column(PATH, names, source=where, option="--path_column")
    if source is None:
        raise InputError(
            f"{where}: no column '{asked.path_column}': its columns are {shown(names)}; name the"
            " right one by --path_column"
        )
    if source != asked.path_column:
        log.warning("%s: reads the column '%s' as the paths", where, source)
    start, end = (
        find_column(known, names, source=where, option=f"a column {known[0]}")
        for known in (START_SECONDS, END_SECONDS)
    )
    if (start or end) and not steps.takes_sections:
        raise InputError(
            f"{where}: has times ({start or end}), and this model reads whole files; leave the column"
            " out"
        )
    others = set(columns_like_times(names)) - {start, end}
    if others:
        log.warning(
            "%s: the column(s) %s are not read; times are read in seconds, from start_seconds and"
            " end_seconds",
            *(where, ", ".join(sorted(others))),
        )
    maker = RecordMaker(Columns(source, _id_column(asked, names), start, end), path.parent)
    if kind == "parquet":
        return ParquetRecords([path], maker)
    return table_records(path, kind, maker, asked.format)


def _clips_of_folder(asked: Asked, steps: Reader, output: Path, lists_anew: bool) -> Records:
    """Records of the kept listing; the first process makes it.

    A process that has all pieces to itself lists anew, so that a folder that has changed is
    refused. Of many shards each would ask the file system for millions of names: they take the
    listing that is there.
    """
    kept = output / LISTING
    maker = RecordMaker(Columns("path"), _base(asked))
    if not kept.exists():
        paths = _listed(asked, steps)
        with written_once(kept) as place:
            pq.write_table(paths, place, compression="zstd", row_group_size=10_000)
    elif lists_anew:
        _refuse_another(asked, _listed(asked, steps), kept)
    else:
        log.warning(
            "INPUT=%s: its files are those of %s, as the first start found them", asked.path, kept
        )
    return ParquetRecords([kept], maker, paths_are_bytes=True)


def _base(asked: Asked) -> Path:
    """The folder that listed paths are relative to: that of the input, wherever it is mounted."""
    path = local_path(asked.path)
    return path if path.is_dir() else Path()


def _listed(asked: Asked, steps: Reader) -> pa.Table:
    base = _base(asked)
    items = steps.items_at(asked.path)
    paths = [os.fsencode(Path(item.source).relative_to(base)) for item in items]
    return pa.table({"path": pa.array(paths, pa.binary())})


def _refuse_another(asked: Asked, found: pa.Table, kept: Path) -> None:
    before = pq.read_table(kept, columns=["path"])
    if found.equals(before):
        return
    old, new = (set(table["path"].to_pylist()) for table in (before, found))
    raise InputError(
        f"INPUT={asked.path}: is not what {kept} has listed: {len(new - old):,} files are new, and"
        f" {len(old - new):,} are gone; name another OUTPUT, or put them back"
    )
