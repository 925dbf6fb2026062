"""Records of tables that are read from their beginning: CSV, JSON, lines of text."""

from collections.abc import Callable, Iterator
from hashlib import blake2b
from itertools import islice
from pathlib import Path

import pyarrow as pa

from data.tables.csv_rows import csv_rows
from data.tables.json_rows import json_rows
from data.tables.table_format import TableFormat
from pipelines.engine.records.record import Record, RecordMaker, Records
from pipelines.predict.inputs import readable_input, text_items


class StreamRecords(Records):
    """Rows of a file that is read from its beginning to the rows that are asked for.

    Args:
        path: the file.
        open_rows: opens it at its beginning.
    """

    def __init__(self, path: Path, open_rows: Callable[[], Iterator[Record]]) -> None:
        self._open = open_rows
        digest = blake2b(digest_size=16)
        with readable_input(path), path.open("rb") as content:
            while block := content.read(2**20):
                digest.update(block)
        self.fingerprint = digest.hexdigest()
        self._rows: Iterator[Record] = iter(())
        self._position = -1

    def count(self) -> int:
        return sum(1 for _ in self._open())

    def read(self, start: int, stop: int) -> Iterator[Record]:
        if not 0 <= self._position <= start:
            self._rows, self._position = self._open(), 0
        for _ in islice(self._rows, start - self._position):
            self._position += 1
        for record in islice(self._rows, stop - start):
            self._position += 1
            yield record


def line_records(path: Path, format: TableFormat) -> StreamRecords:
    """Lines of a .txt file, each a text."""

    def opened() -> Iterator[Record]:
        items = text_items(str(path), column="", format=format)
        return (Record(item, item.source) for item in items)

    return StreamRecords(path, opened)


def table_records(path: Path, kind: str, maker: RecordMaker, format: TableFormat) -> StreamRecords:
    """Rows of a CSV or JSON table.

    Args:
        path: the table.
        kind: ``csv`` or ``json``.
        maker: makes records of cells.
        format: the table's format.
    """
    columns = maker.columns

    def opened() -> Iterator[Record]:
        with readable_input(path):
            if kind == "csv":
                _, rows = csv_rows(path, [columns.source], format=format, bad_bytes="row")
            else:
                rows = json_rows(path, columns.names, format=format, bad_bytes="row")
            for row in rows:
                yield maker.of(row.values, place=row.place, problem=row.problem)

    found = StreamRecords(path, opened)
    found.id_type = None if columns.id is None else pa.string()
    found.has_sections = (columns.start_seconds, columns.end_seconds) != (None, None)
    return found
