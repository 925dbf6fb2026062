"""Records of Parquet files: any row is reached without reading the row groups before its own."""

import os
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from data.files.errors import InputError
from data.tables.column_names import require_once
from data.tables.column_types import require_plain
from data.tables.parquet_rows import group_sizes, parquet_batches_from, readable_parquet
from pipelines.engine.records.record import Record, RecordMaker, Records
from pipelines.predict.inputs import readable_input

_ROWS_AT_ONCE = 1000
# A file of at most so many bytes is hashed whole, of a larger one its end and blocks of it.
_WHOLE_BYTES = 2**26
_NUM_BLOCKS, _BLOCK_BYTES = 64, 2**16


class _Group(NamedTuple):
    file: int
    number: int
    """Number of the row group in its file."""


class ParquetRecords(Records):
    """Rows of one or several Parquet files, below each other.

    Args:
        files: the files.
        maker: makes records of cells.
        paths_are_bytes: whether the column of paths holds bytes, as file systems do.

    Raises:
        InputError: a file that is damaged, lacks a column, or holds lists in one.
    """

    def __init__(
        self, files: Sequence[Path], maker: RecordMaker, *, paths_are_bytes: bool = False
    ) -> None:
        self._files, self._maker, self._paths_are_bytes = files, maker, paths_are_bytes
        columns = maker.columns
        self.has_sections = (columns.start_seconds, columns.end_seconds) != (None, None)
        self._groups: list[_Group] = []
        sizes: list[int] = []
        digest = blake2b(digest_size=16)
        for k, file in enumerate(files):
            with readable_input(file), readable_parquet(file, named=f"INPUT={file}"):
                digest.update(content_digest(file))
                self._check_columns(pq.read_schema(file, memory_map=True), file)
                for number, size in enumerate(group_sizes(file)):
                    self._groups.append(_Group(k, number))
                    sizes.append(size)
        self._starts = [0, *accumulate(sizes)]
        self.fingerprint = digest.hexdigest()
        types = {name: pa.string() for name in columns.names}
        if columns.id is not None:
            assert self.id_type is not None
            types[columns.id] = self.id_type
        if paths_are_bytes:
            types[columns.source] = pa.binary()
        self._schema = pa.schema(list(types.items()))
        self._position = 0
        self._group = -1
        self._batches: Iterator[pa.RecordBatch] = iter(())
        self._batch: pa.RecordBatch | None = None

    def count(self) -> int:
        return self._starts[-1]

    def read(self, start: int, stop: int) -> Iterator[Record]:
        while start < stop:
            batch, first = self._batch_at(start)
            rows = batch.slice(start - first, stop - start)
            values = rows.to_pydict()
            for k in range(rows.num_rows):
                yield self._record({name: some[k] for name, some in values.items()})
            start += rows.num_rows

    def num_decoded(self, ranges: Iterable[tuple[int, int]]) -> int:
        groups: set[int] = set()
        for start, stop in ranges:
            first, last = (bisect_right(self._starts, row) - 1 for row in (start, stop - 1))
            groups.update(range(first, last + 1))
        return sum(self._starts[k + 1] - self._starts[k] for k in groups)

    def _record(self, cells: dict[str, object]) -> Record:
        if self._paths_are_bytes:
            path = cells[self._maker.columns.source]
            assert isinstance(path, bytes)
            cells[self._maker.columns.source] = os.fsdecode(path)
        return self._maker.of(cells)

    def _batch_at(self, row: int) -> tuple[pa.RecordBatch, int]:
        """The batch that holds a row, and the number of its first row."""
        group = bisect_right(self._starts, row) - 1
        if row < self._position or group > self._group_of_next():
            file, number = self._groups[group]
            self._batches = self._open(file, number)
            self._position, self._batch = self._starts[group], None
        while self._batch is None or row >= self._position + self._batch.num_rows:
            self._position += 0 if self._batch is None else self._batch.num_rows
            self._batch = next(self._batches)
        return self._batch, self._position

    def _group_of_next(self) -> int:
        """The row group that the next batch of the open reader comes from."""
        if self._batch is None:
            return -1
        return bisect_right(self._starts, self._position + self._batch.num_rows) - 1

    def _open(self, file: int, group: int) -> Iterator[pa.RecordBatch]:
        for k in range(file, len(self._files)):
            path = self._files[k]
            with readable_input(path), readable_parquet(path, named=f"INPUT={path}"):
                yield from parquet_batches_from(
                    path,
                    self._maker.columns.names,
                    first_group=group if k == file else 0,
                    schema=self._schema,
                    rows=_ROWS_AT_ONCE,
                )

    def _check_columns(self, schema: pa.Schema, file: Path) -> None:
        columns, where = self._maker.columns, f"INPUT={file}"
        require_once(columns.names, schema.names, source=where)
        for name in columns.names:
            if name not in schema.names:
                raise InputError(f"{where}: no column '{name}', which {self._files[0].name} has")
            if not self._paths_are_bytes:
                kind = schema.field(name).type
                require_plain(kind, name, source=where, prefix="--")
        if columns.id is not None:
            kind = schema.field(columns.id).type
            is_number = pa.types.is_integer(kind) and columns.id != columns.source
            kind = pa.int64() if is_number else pa.string()
            self.id_type = kind if self.id_type in (None, kind) else pa.string()


def content_digest(file: Path) -> bytes:
    """Digest of a file's content: of all of it, or, of a large file, of its size, end and 64 blocks.

    The end of a Parquet file has the place, size and number of rows of each part of it.
    """
    size = file.stat().st_size
    digest = blake2b(str(size).encode(), digest_size=16)
    with file.open("rb") as content:
        if size <= _WHOLE_BYTES:
            while block := content.read(2**20):
                digest.update(block)
            return digest.digest()
        for k in range(_NUM_BLOCKS):
            content.seek(k * (size - _BLOCK_BYTES) // _NUM_BLOCKS)
            digest.update(content.read(_BLOCK_BYTES))
        # The last eight bytes are the length of what stands before them, and a mark.
        content.seek(size - 8)
        content.seek(max(size - 8 - int.from_bytes(content.read(4), "little"), 0))
        while block := content.read(2**20):
            digest.update(block)
    return digest.digest()
