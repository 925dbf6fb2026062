"""Workers that share pieces and may be killed: the real bookkeeping, with a model that is none."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from unittest import mock

import pyarrow as pa

from pipelines.engine.part_files import PartFiles
from pipelines.engine.pieces import Division, Piece, Shard
from pipelines.engine.work import conclusion, remaining, written_pieces

#: moments of a piece at which a worker may die
MOMENTS = ("answering", "writing", "renaming", "renamed")
_REPLACE = Path.replace


class Killed(BaseException):
    """End of a worker, at which nothing is tidied up."""


class Outcome(NamedTuple):
    """What the workers did."""

    num_starts: int
    num_killed: int
    num_answered: int
    """Pieces that were answered, those more than once that were lost or met by two workers."""
    lines: list[str]
    """The last line of each worker that came to its end."""


def answer(piece: Piece) -> pa.Table:
    """Rows as a model would make them; every seventh has an error."""
    index = range(piece.start, piece.stop)
    errors = [None if k % 7 else "cannot be read" for k in index]
    return pa.table({"index": list(index), "error": pa.array(errors, pa.string())})


class Workers:
    """Workers of a run, of which at any moment some are at work.

    Args:
        folder: the output folder.
        division: the pieces.
        num_shards: number of shards, each started until it has come to its end.
        share_killed: probability that a worker dies in a start, at one of its pieces.
        share_twice: probability that a shard is started twice at once.
        seed: what chance is drawn from.
    """

    def __init__(
        self,
        folder: Path,
        division: Division,
        *,
        num_shards: int,
        share_killed: float,
        share_twice: float = 0.0,
        seed: int = 0,
    ) -> None:
        self._folder, self._division, self._num_shards = folder, division, num_shards
        self._share_killed, self._share_twice = share_killed, share_twice
        self._draw = random.Random(seed)
        self._dying: str | None = None
        self._counts = {"starts": 0, "killed": 0, "answered": 0}
        self._lines: list[str] = []

    def run(self, *, at_once: int = 20) -> Outcome:
        """Run all shards to their ends, so many workers at once, in any order."""
        waiting = list(range(self._num_shards))
        waiting += [k for k in waiting if self._draw.random() < self._share_twice]
        self._draw.shuffle(waiting)
        working: dict[Iterator[None], int] = {}
        replace = lambda place, target: self._replace(place, target)  # noqa: E731 - bound to paths
        with mock.patch.object(Path, "replace", replace), mock.patch("os.fsync"):
            while waiting or working:
                while waiting and len(working) < at_once:
                    number = waiting.pop()
                    working[self._worker(Shard(number, self._num_shards))] = number
                worker = self._draw.choice(list(working))
                try:
                    next(worker)
                except StopIteration:
                    del working[worker]
                except Killed:
                    waiting.insert(0, working.pop(worker))
        counts = self._counts
        return Outcome(counts["starts"], counts["killed"], counts["answered"], self._lines)

    def _worker(self, shard: Shard) -> Iterator[None]:
        """One start of a shard, piece by piece."""
        self._counts["starts"] += 1
        parts = PartFiles(self._folder, "run")
        pieces, _ = remaining(self._division, shard, parts)
        dies_at, moment = None, self._draw.choice(MOMENTS)
        if pieces and self._draw.random() < self._share_killed:
            dies_at = self._draw.randrange(len(pieces))
        yield
        for k, piece in enumerate(pieces):
            self._dying = moment if k == dies_at else None
            try:
                list(written_pieces([piece], self._answer, parts))
            finally:
                self._dying = None
            yield
        self._lines.append(conclusion(self._division, parts))

    def _answer(self, piece: Piece) -> pa.Table:
        if self._dying == "answering":
            self._die()
        self._counts["answered"] += 1
        return answer(piece)

    def _replace(self, place: Path, target: Path) -> Path:
        """Rename, or die shortly before or after. The unfinished file of a killed process stays."""
        if self._dying in ("writing", "renaming") and place.suffix == ".parquet":
            content = place.read_bytes()
            if self._dying == "writing":
                content = content[: len(content) // 2]
            digits = f"{self._draw.getrandbits(128):032x}"
            place.with_name(f".{digits}-{target.name}").write_bytes(content)
            self._die()
        _REPLACE(place, target)
        if self._dying == "renamed":
            self._die()
        return target

    def _die(self) -> None:
        self._counts["killed"] += 1
        raise Killed
