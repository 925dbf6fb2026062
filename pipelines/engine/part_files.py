"""Files of answers in the output folder: which are there, and how one is added."""

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from data.files.atomic_write import written_whole
from data.files.errors import InputError
from pipelines.engine.pieces import Piece

_NAME = re.compile(r"part-([0-9]{6})\.parquet", re.ASCII)
# As `written_whole` names what is not finished.
_UNFINISHED = re.compile(
    r"\.[0-9a-f]{32}-(?:part-([0-9]{6})\.parquet|_run\.json|_listing\.parquet)", re.ASCII
)
# Keys of a file's own metadata.
_RUN, _ERRORS = b"manytoone.run", b"manytoone.errors"


class Counts(NamedTuple):
    """Rows of one or several files, and those with an error."""

    rows: int = 0
    errors: int = 0

    def plus(self, other: "Counts") -> "Counts":
        """Sum of both."""
        return Counts(self.rows + other.rows, self.errors + other.errors)


class _Listing(NamedTuple):
    """The folder at one moment."""

    whole: set[int]
    """Numbers of the pieces whose file is there."""
    unfinished: list[tuple[int | None, str]]
    """Piece and name of files that were being written: now, or when their process was killed.

    None in place of a piece: the description of the run, or its listing."""


class PartFiles:
    """The files ``part-000123.parquet`` of one run.

    A file is there whole or not at all: it is written under another name, brought to the disk and
    renamed. The bookkeeping is the names in the folder, and nothing else.

    Args:
        folder: the output folder.
        run: digest of the run's description, which each file carries.
    """

    def __init__(self, folder: Path, run: str) -> None:
        self.folder, self.run = folder, run

    def path(self, number: int) -> Path:
        """Path of the file of a piece."""
        return self.folder / f"part-{number:06d}.parquet"

    def whole(self) -> set[int]:
        """Numbers of the pieces whose file is there."""
        return self._listing().whole

    def clean(self) -> set[int]:
        """Delete what killed processes have left of pieces that are whole; return those as `whole`.

        What belongs to a piece that is not whole may be written at this moment, by another process.
        It is deleted once the piece is whole. A process that still writes it then finds that
        another was faster (see `write`, and `written_once`).
        """
        whole, unfinished = self._listing()
        for number, name in unfinished:
            if number is None or number in whole:
                (self.folder / name).unlink(missing_ok=True)
        return whole

    def write(self, piece: Piece, table: pa.Table) -> Counts:
        """Write the rows of a piece atomically.

        Args:
            piece: the piece.
            table: its rows, with the column ``error``.
        """
        counts = Counts(table.num_rows, table.num_rows - table["error"].null_count)
        file = self.path(piece.number)
        kept = {_RUN: self.run.encode(), _ERRORS: str(counts.errors).encode()}
        try:
            with written_whole(file) as place, place.open("wb") as out:
                with pq.ParquetWriter(out, table.schema, compression="zstd") as writer:
                    writer.write_table(table)
                    writer.add_key_value_metadata(kept)
                out.flush()
                os.fsync(out.fileno())
        except FileNotFoundError:
            if not file.exists():
                raise
            # Another process has written the piece, and cleaned up: it has the same rows.
        _sync_folder(self.folder)
        return counts

    def counts(self, piece: Piece) -> Counts | None:
        """Rows and errors of a piece that is there, by the file's own footer.

        Returns:
            None if the file is damaged, or has another number of rows than the piece.

        Raises:
            InputError: it is the file of another run.
        """
        file = self.path(piece.number)
        try:
            found = pq.read_metadata(file)
            about = found.metadata or {}
            errors = int(about.get(_ERRORS, b"0"))
        except (pa.ArrowException, OSError, ValueError):
            return None
        if about.get(_RUN) != self.run.encode():
            raise InputError(
                f"{file}: is no file of the run that {self.folder / '_run.json'} describes; move it"
                " away, or name another OUTPUT"
            )
        return Counts(found.num_rows, errors) if found.num_rows == piece.num_items else None

    def total(self, pieces: Iterable[Piece]) -> tuple[Counts, list[int]]:
        """Rows and errors of pieces that are there, and the numbers of those that are damaged."""
        sum_of, damaged = Counts(), []
        for piece in pieces:
            counts = self.counts(piece)
            if counts is None:
                damaged.append(piece.number)
            else:
                sum_of = sum_of.plus(counts)
        return sum_of, damaged

    def _listing(self) -> _Listing:
        whole: set[int] = set()
        unfinished: list[tuple[int | None, str]] = []
        with os.scandir(self.folder) as entries:
            for entry in entries:
                if found := _NAME.fullmatch(entry.name):
                    whole.add(int(found[1]))
                elif found := _UNFINISHED.fullmatch(entry.name):
                    number = found[1]
                    unfinished.append((None if number is None else int(number), entry.name))
        return _Listing(whole, unfinished)


def _sync_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk, where the system can do so."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(descriptor)
    except OSError:
        pass  # some network file systems refuse it
    finally:
        os.close(descriptor)
