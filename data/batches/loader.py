"""Loader of ragged batches: it knows its place in the epoch, and survives the death of a worker."""

import logging
import signal
import threading
import time
from collections.abc import Iterator
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset

from data.batches.part import Part
from data.batches.plan import BatchPlan, Positions
from data.batches.position import Position
from data.batches.ragged import RaggedBatch
from data.files.errors import InputError

log = logging.getLogger(__name__)

# A worker that dies as often as this in one epoch will die again.
_MOST_DEATHS = 3


class BatchLoader(Position, DataLoader[RaggedBatch]):
    """Loader of ragged batches that knows its position in the epoch.

    Where a worker process is killed, new ones read on from the batch that is due.
    """

    def __init__(self, part: Part, plan: BatchPlan, **options: Any) -> None:
        # The data set returns whole batches (`__getitems__`), so nothing is left to collate.
        read = _Drawn(part) if part.augments else part
        super().__init__(read, batch_sampler=plan, collate_fn=_as_it_is, **options)  # type: ignore[arg-type]
        self.plan = plan

    def __iter__(self) -> Iterator[RaggedBatch]:  # type: ignore[override]
        self.num_given = self.first_batch
        num_deaths = 0
        while True:
            self.plan.first_batch = self.num_given
            batches = self._batches()
            try:
                # The workers know the position by now; the next epoch starts at its beginning.
                for batch in batches:
                    self.num_given += 1
                    self.first_batch = self.plan.first_batch = 0
                    yield batch
                break
            # A worker may die while it hands over a batch: what that raises has many types.
            except (RuntimeError, EOFError, OSError) as error:
                num_deaths += 1
                self._forget_dead(batches, error, num_deaths=num_deaths)
        self.num_given = 0

    def _batches(self) -> Iterator[RaggedBatch]:
        """Start or continue the workers.

        PyTorch would raise the death of a worker wherever this process is just then, even in the
        midst of a step. Without its handler the loader finds it when it waits for the worker.
        """
        if threading.current_thread() is not threading.main_thread():
            return super().__iter__()
        before = signal.getsignal(signal.SIGCHLD)
        batches = super().__iter__()
        signal.signal(signal.SIGCHLD, before)
        return batches

    def _forget_dead(self, batches: Any, error: Exception, *, num_deaths: int) -> None:
        """Prepare for new workers in place of those of which one has died.

        Raises:
            InputError: it happens again and again.
            Exception: the error is another one, and no worker has died.
        """
        workers = getattr(batches, "_workers", [])
        # One that has just been killed may not have been counted as dead yet.
        until = time.monotonic() + 1
        while all(worker.is_alive() for worker in workers):
            if not workers or time.monotonic() > until:
                raise error
            time.sleep(0.05)
        if num_deaths > _MOST_DEATHS:
            raise InputError(
                f"{num_deaths} worker processes were killed while they read the data, perhaps for want"
                " of memory; lower --data.num_workers or --data.steps_per_batch"
            ) from error
        log.warning("a worker process was killed; new ones read on from the batch that is due")
        batches._shutdown_workers()
        self._iterator = None

    @property
    def num_batches(self) -> int:
        """Number of batches in an epoch."""
        return len(self.plan)


class _Drawn(Dataset[RaggedBatch]):
    """A part whose batches are drawn by the seed that their positions bring."""

    def __init__(self, part: Part) -> None:
        self.part = part

    def __len__(self) -> int:
        return len(self.part)

    def __getitems__(self, positions: Positions) -> RaggedBatch:
        # A worker draws on the CPU. `torch.manual_seed` looks for all devices, which takes longer.
        torch.default_generator.manual_seed(positions.seed)
        return self.part.__getitems__(positions)


def _as_it_is(batch: RaggedBatch) -> RaggedBatch:
    return batch
