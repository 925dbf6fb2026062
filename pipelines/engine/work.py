"""Work of one process: the pieces that are its own and not there yet, one after the other."""

import logging
import sys
import time
from collections.abc import Callable, Generator, Iterable
from typing import NamedTuple

import pyarrow as pa

from pipelines.engine.part_files import Counts, PartFiles
from pipelines.engine.pieces import Division, Piece, Shard

log = logging.getLogger(__name__)

#: answers the items of a piece
AnswerPiece = Callable[[Piece], pa.Table]
_SECONDS_BETWEEN_LINES = 20.0


class Remaining(NamedTuple):
    """Pieces of a shard at the start of a process."""

    pieces: list[Piece]
    """Those to answer, ascending."""
    done: Counts
    """Rows and errors of those that are there."""


def remaining(division: Division, shard: Shard, parts: PartFiles) -> Remaining:
    """Find the pieces of a shard that are not there, or damaged.

    Raises:
        InputError: a file is of another run.
    """
    whole = parts.clean()
    pieces, done = [], Counts()
    for number in division.numbers_of(shard):
        piece = division.piece(number)
        counts = parts.counts(piece) if number in whole else None
        if counts is None:
            pieces.append(piece)
            if number in whole:
                log.warning("%s: is damaged; it is written anew", parts.path(number))
        else:
            done = done.plus(counts)
    return Remaining(pieces, done)


def written_pieces(
    pieces: Iterable[Piece], answer: AnswerPiece, parts: PartFiles
) -> Generator[tuple[Piece, Counts], None, None]:
    """Answer pieces and write their files, in this process."""
    for piece in pieces:
        yield piece, parts.write(piece, answer(piece))


class Progress:
    """Lines on stderr, now and then: how much is done, how fast, and how long it may still take.

    Args:
        shard: the shard.
        pieces: what is to be done.
        clock: seconds.
    """

    def __init__(
        self, shard: Shard, pieces: list[Piece], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._shard, self._clock = shard, clock
        self._num_pieces, self._num_items = len(pieces), sum(one.num_items for one in pieces)
        self._num_done = self._num_rows = 0
        self._start = self._last = clock()

    def add(self, num_rows: int) -> None:
        """Count a finished piece; it may say so."""
        self._num_done, self._num_rows = self._num_done + 1, self._num_rows + num_rows
        now = self._clock()
        is_last = self._num_done == self._num_pieces
        if now - self._last >= _SECONDS_BETWEEN_LINES or is_last:
            self._last = now
            print(self.line(now), file=sys.stderr, flush=True)

    def line(self, now: float) -> str:
        """The line at a time."""
        rate = self._num_rows / max(now - self._start, 1e-9)
        left = (self._num_items - self._num_rows) / rate if rate else 0.0
        behind = f", about {duration(left)} left" if left else ""
        return (
            f"shard {self._shard}: {self._num_done:,} of {self._num_pieces:,} files,"
            f" {self._num_rows:,} of {self._num_items:,} items, {rate:,.1f}/s{behind}"
        )


def duration(seconds: float) -> str:
    """Seconds as a text: ``45 s``, ``12 min``, ``3.5 h``."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def conclusion(division: Division, parts: PartFiles) -> str:
    """Last line of a process: all files of all shards, or how many are missing, and which."""
    whole = parts.clean()
    lacking = [k for k in range(division.num_pieces) if k not in whole]
    what, place = "missing", parts.folder
    if not lacking:
        total, lacking = parts.total(map(division.piece, range(division.num_pieces)))
        what = "damaged"
    if not lacking:
        return (
            f"{place}: complete: {division.num_pieces:,} files, {total.rows:,} rows,"
            f" {total.errors:,} with an error"
        )
    return (
        f"{place}: {len(lacking):,} of {division.num_pieces:,} files are {what}: {_listed(lacking)};"
        " they come from other shards, or from the same command once more"
    )


def _listed(numbers: list[int], *, most: int = 10) -> str:
    """Ranges of ascending numbers, the first ones: ``3-7, 9, …``."""
    ranges: list[list[int]] = []
    for number in numbers:
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    shown = [str(a) if a == b else f"{a}-{b}" for a, b in ranges[:most]]
    return ", ".join(shown + (["…"] if len(ranges) > most else []))
