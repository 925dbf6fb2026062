"""Rows of a Parquet file in batches, with a limit against decompression bombs."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from data.files.compressed import most_bytes, unfolds_too_far
from data.files.errors import InputError


@contextmanager
def readable_parquet(path: Path, *, named: str | None = None) -> Iterator[None]:
    """Report Parquet that cannot be read as an InputError: damage surfaces as many types.

    Args:
        path: the file.
        named: name of the file in the error, where it is not the path.
    """
    try:
        yield
    except Exception as error:
        # An error of the system has a number.
        if isinstance(error, InputError) or getattr(error, "errno", None) is not None:
            raise
        raise InputError(
            f"{named or path}: cannot be read as parquet ({' '.join(str(error).split())}); write or"
            " copy it anew"
        ) from error


def parquet_batches(
    path: Path, columns: Sequence[str], *, schema: pa.Schema, rows: int
) -> Iterator[pa.RecordBatch]:
    """Yield some columns of a file, ``rows`` at once.

    A value that repeats is stored once, and compressed. Its bytes are counted before it is repeated.

    Args:
        path: path of the file.
        columns: names of columns.
        schema: their types to convert to; it may have further columns.
        rows: number of rows of a batch.

    Raises:
        InputError: the columns hold more bytes than the limit (see `data.files.compressed`).
        Exception: the file is damaged (see `readable_parquet`).
    """
    with _opened(path, columns) as file:
        every = range(file.num_row_groups)
        yield from _bounded(file, every, path, columns, schema=schema, rows=rows)


def group_sizes(path: Path) -> list[int]:
    """Number of rows of each row group.

    Raises:
        Exception: the file is damaged (see `readable_parquet`).
    """
    with pq.ParquetFile(path, memory_map=True) as file:
        return [file.metadata.row_group(k).num_rows for k in range(file.num_row_groups)]


def parquet_batches_from(
    path: Path, columns: Sequence[str], *, first_group: int, schema: pa.Schema, rows: int
) -> Iterator[pa.RecordBatch]:
    """Yield the rows from a row group on, as `parquet_batches` does; earlier groups are not read.

    The limit holds for each row group: whoever reads a part of a file may have a file of any size.
    """
    with _opened(path, columns) as file:
        for group in range(first_group, file.num_row_groups):
            yield from _bounded(file, [group], path, columns, schema=schema, rows=rows)


def _opened(path: Path, columns: Sequence[str]) -> pq.ParquetFile:
    return pq.ParquetFile(
        path,
        memory_map=True,
        read_dictionary=list(columns),
        page_checksum_verification=True,
    )


def _bounded(
    file: pq.ParquetFile,
    groups: Sequence[int],
    path: Path,
    columns: Sequence[str],
    *,
    schema: pa.Schema,
    rows: int,
) -> Iterator[pa.RecordBatch]:
    """Yield the rows of some row groups, up to the limit."""
    most = most_bytes(path.stat().st_size)
    # The footer tells what the pages of a group decompress to. To ask it for the columns of a
    # damaged one can end the process.
    if sum(file.metadata.row_group(k).total_byte_size for k in groups) > most:
        raise unfolds_too_far(path)
    num_bytes = 0
    for batch in file.iter_batches(rows, row_groups=list(groups), columns=list(columns)):
        # Arrow does not look into texts of its own accord.
        batch.validate(full=True)
        num_bytes += sum(_num_bytes(batch.column(name)) for name in columns)
        if num_bytes > most:
            raise unfolds_too_far(path)
        yield pa.RecordBatch.from_arrays(
            [batch.column(name).cast(schema.field(name).type) for name in columns],
            schema=pa.schema([schema.field(name) for name in columns]),
        )


def _num_bytes(column: pa.Array) -> int:
    """Bytes of a column whose values are written out."""
    if not pa.types.is_dictionary(column.type):
        return column.nbytes
    values = column.dictionary
    if pa.types.is_primitive(values.type):
        return len(column) * values.type.bit_width // 8
    return pc.sum(pc.take(pc.binary_length(values), column.indices)).as_py() or 0
