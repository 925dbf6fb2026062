"""A file of texts → a table on disk that is mapped into memory.

It is kept under the content of the file: the same rows, whenever they were written and wherever
they lie, are read once, and what is made of them later (tokens) is found again too.
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
from data.tables.table_format import UNSAID, TableFormat, require_table

#: the column that says why a row cannot be used; null where it can
PROBLEM = "_problem"
# Raise it when files are read into other rows than before.
_VERSION = 3
_ROWS_AT_ONCE, _CHARACTERS_AT_ONCE = 1000, 2**23


class _Batches(NamedTuple):
    """What a file holds, a thousand rows at a time."""

    columns: Sequence[str]
    """All that it has, whether they are asked for or not."""
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
    """The columns of a file, which is read for it as far as that takes.

    Args:
        path, format: as `file_table` takes them.
        names: those that are looked for (see `csv_layout`).
        bad_bytes: see `csv_rows`.
    """
    kind = require_table(path)
    try:
        if kind == "csv":
            layout = csv_layout(path, names, format=format)
            return Columns(layout.columns, layout.suggested)
        if kind == "json":
            return Columns(json_columns(path, format=format, bad_bytes=bad_bytes), None)
        columns = list(pq.read_schema(path, memory_map=True).names)
        require_once(names, columns, source=str(path))
        return Columns(columns, None)
    except pa.ArrowInvalid as error:
        raise _damaged(path, error) from error
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
    """Some columns of a file, and the column `PROBLEM`.

    Args:
        path: a table (see `table_format.FORMATS`), compressed or not.
        needed: columns that must be there, by the options that name them
            (``--data.<key>_column``); that of the texts first. Texts come as strings.
        wanted: columns that may be there.
        cache: folder for the table.
        format: what the file does not say of itself.

    Raises:
        InputError: a file that cannot be read (it names the line where there is one), or a column
            that is missing.
    """
    names = list(dict.fromkeys([*needed.values(), *wanted]))
    kind = require_table(path)
    try:
        # How a file is unfolded goes by its name.
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
    """Complain of a column that is missing.

    Args:
        needed: columns by the options that name them.
        columns: those that are there.
        source: what has them.
        prefix: what options begin with on the command line.
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
    """Names of columns in an error: some, shortened, since what is taken for a name may be a text."""
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
    """Types stay, but that of the texts: a column of class indices may know their names."""
    try:
        file = pq.ParquetFile(path, memory_map=True)
    except pa.ArrowInvalid as error:
        raise _damaged(path, error) from error
    columns = file.schema_arrow.names
    known = [name for name in names if name in columns]
    fields = [file.schema_arrow.field(name) for name in known]
    # A category of pandas is its value.
    fields = [
        f.with_type(f.type.value_type) if pa.types.is_dictionary(f.type) else f for f in fields
    ]
    where = f"{path}: cannot be read as parquet"
    for field in fields:
        require_plain(field.type, field.name, source=where, prefix=format.prefix)
    features = Features.from_arrow_schema(pa.schema(fields, file.schema_arrow.metadata))
    features = Features({n: features[n] for n in known} | {PROBLEM: Value("string")})
    if known[:1] == list(names[:1]):
        features[known[0]] = Value("string")
    schema = features.arrow_schema

    def batches() -> Iterator[pa.RecordBatch]:
        try:
            for batch in file.iter_batches(_ROWS_AT_ONCE, columns=known):
                columns = [batch.column(name).cast(schema.field(name).type) for name in known]
                problem = pa.nulls(batch.num_rows, pa.string())
                yield pa.RecordBatch.from_arrays([*columns, problem], schema=schema)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError) as error:
            raise _damaged(path, error) from error

    return _Batches(columns, schema, batches())


def _damaged(path: Path, error: Exception) -> InputError:
    return InputError(
        f"{path}: cannot be read as parquet ({' '.join(str(error).split())}); write or copy it anew"
    )


_READERS = {"csv": _csv, "json": _json, "parquet": _parquet}
