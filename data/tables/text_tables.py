"""Tables of texts, converted to memory-mapped Arrow files in the cache.

The cache key is the content of the file. The same content is converted once, wherever the file lies,
and results derived from it (tokens) are found again too.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
from datasets import Dataset, Features, Value

from data.files.atomic_write import written_whole
from data.files.errors import InputError
from data.tables.column_names import require_once
from data.tables.column_types import require_plain
from data.tables.csv_reader import BadBytes
from data.tables.csv_rows import Row, csv_layout, csv_rows
from data.tables.json_rows import json_columns, json_rows
from data.tables.parquet_rows import parquet_batches, readable_parquet
from data.tables.table_format import UNSAID, TableFormat, require_table

#: column of reasons that rows cannot be used; null for usable rows
PROBLEM = "_problem"
# Raise it when the same file gives other rows than before.
_VERSION = 3
_ROWS_AT_ONCE, _CHARACTERS_AT_ONCE = 1000, 2**23


class _Batches(NamedTuple):
    """Content of a file in batches of rows."""

    columns: Sequence[str]
    """All columns of the file, asked for or not."""
    schema: pa.Schema
    batches: Iterable[pa.RecordBatch]


class Columns(NamedTuple):
    """The columns of a file."""

    names: list[str]
    suggested: str | None
    """See `CsvLayout`."""


def columns_of(
    path: Path,
    names: Sequence[str],
    *,
    format: TableFormat = UNSAID,
    bad_bytes: BadBytes = "file",
) -> Columns:
    """List the columns of a file.

    Args:
        path, format: as in `file_table`.
        names: columns to look for (see `csv_layout`).
        bad_bytes: see `csv_rows`.
    """
    kind = require_table(path)
    try:
        if kind == "csv":
            layout = csv_layout(path, names, format=format)
            return Columns(layout.columns, layout.suggested)
        if kind == "json":
            return Columns(json_columns(path, format=format, bad_bytes=bad_bytes), None)
        with readable_parquet(path):
            columns = list(pq.read_schema(path, memory_map=True).names)
        require_once(names, columns, source=str(path))
        return Columns(columns, None)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error


def file_table(
    path: Path,
    *,
    needed: Mapping[str, str],
    wanted: Sequence[str] = (),
    cache: Path,
    format: TableFormat = UNSAID,
) -> Dataset:
    """Read some columns of a file, and the column `PROBLEM`.

    Args:
        path: path of a table (see `table_format.FORMATS`), compressed or not.
        needed: required columns by the options that name them (``--data.<key>_column``), that of
            the texts first. Texts become strings.
        wanted: optional columns.
        cache: cache folder.
        format: options of the file.

    Raises:
        InputError: an unreadable file (with the line where there is one), or a missing column.
    """
    names = list(dict.fromkeys([*needed.values(), *wanted]))
    kind = require_table(path)
    try:
        # Decompression goes by the suffix.
        written = (path.suffix.lower(), *format)
        what = repr((_VERSION, kind, written, dict(needed), names))
        key = hashlib.blake2b(what.encode(), digest_size=16)
        with path.open("rb") as file:
            while block := file.read(2**20):
                key.update(block)
        kept = cache / "tables" / f"{key.hexdigest()}.arrow"
        if not kept.exists():
            found = _READERS[kind](path, names, format)
            require(needed, found.columns, str(path), prefix=format.prefix)
            _keep(found, kept)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error
    return Dataset.from_file(str(kept))


def require(
    needed: Mapping[str, str], columns: Sequence[str], source: str, *, prefix: str = "--data."
) -> None:
    """Raise an `InputError` if a required column is missing.

    Args:
        needed: required columns by the options that name them.
        columns: columns of the source.
        source: name of the source in errors.
        prefix: prefix of command-line options.
    """
    if not columns:
        raise InputError(f"{source}: holds no text; there must be a row each")
    for option, column in needed.items():
        if column not in columns:
            raise InputError(
                f"{source}: no column '{column}': its columns are {shown(columns)}; name the"
                f" right one by {prefix}{option}_column"
            )


def shown(columns: Sequence[str]) -> str:
    """List columns for an error: the first ones, shortened, since a name may be a text by mistake."""
    some = [name if len(name) <= 40 else f"{name[:39]}…" for name in columns[:30]]
    return ", ".join(some) + (", …" if len(columns) > 30 else "")


def _keep(found: _Batches, file: Path) -> None:
    with written_whole(file) as place, pa.ipc.new_stream(str(place), found.schema) as writer:
        for batch in found.batches:
            writer.write_batch(batch)


def _csv(path: Path, names: Sequence[str], format: TableFormat) -> _Batches:
    columns, rows = csv_rows(path, names, format=format)
    return _of_text(columns, rows, [name for name in names if name in columns])


def _json(path: Path, names: Sequence[str], format: TableFormat) -> _Batches:
    columns = json_columns(path, format=format)
    rows = json_rows(path, names, format=format)
    return _of_text(columns, rows, [name for name in names if name in columns])


def _of_text(columns: Sequence[str], rows: Iterator[Row], names: Sequence[str]) -> _Batches:
    schema = pa.schema([(name, pa.string()) for name in (*names, PROBLEM)])

    def batch(held: list[Row]) -> pa.RecordBatch:
        cells = {name: [row.values.get(name) for row in held] for name in names}
        cells[PROBLEM] = [row.problem and f"{row.place} {row.problem}" for row in held]
        return pa.RecordBatch.from_pydict(cells, schema=schema)

    def batches() -> Iterator[pa.RecordBatch]:
        held: list[Row] = []
        size = 0
        for row in rows:
            held.append(row)
            size += sum(len(value or "") for value in row.values.values())
            if len(held) == _ROWS_AT_ONCE or size >= _CHARACTERS_AT_ONCE:
                yield batch(held)
                held, size = [], 0
        if held:
            yield batch(held)

    return _Batches(columns, schema, batches())


def _parquet(path: Path, names: Sequence[str], format: TableFormat) -> _Batches:
    """Read Parquet. Types stay, except that of the texts: class indices may carry names."""
    with readable_parquet(path):
        whole = pq.read_schema(path, memory_map=True)
        columns = whole.names
    known = [name for name in names if name in columns]
    fields = [whole.field(name) for name in known]
    # A categorical of pandas is read as its values.
    fields = [
        f.with_type(f.type.value_type) if pa.types.is_dictionary(f.type) else f for f in fields
    ]
    where = f"{path}: cannot be read as parquet"
    for field in fields:
        require_plain(field.type, field.name, source=where, prefix=format.prefix)
    with readable_parquet(path):
        features = Features.from_arrow_schema(pa.schema(fields, whole.metadata))
        features = Features({n: features[n] for n in known} | {PROBLEM: Value("string")})
        if known[:1] == list(names[:1]):
            features[known[0]] = Value("string")
        schema = features.arrow_schema

    def batches() -> Iterator[pa.RecordBatch]:
        with readable_parquet(path):
            for batch in parquet_batches(path, known, schema=schema, rows=_ROWS_AT_ONCE):
                problem = pa.nulls(batch.num_rows, pa.string())
                yield pa.RecordBatch.from_arrays([*batch.columns, problem], schema=schema)

    return _Batches(columns, schema, batches())


_READERS = {"csv": _csv, "json": _json, "parquet": _parquet}
