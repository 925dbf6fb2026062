"""Division of the cores between the data workers and PyTorch's compute threads."""

import os
import time

import torch
from pytorch_lightning import Callback, LightningModule, Trainer

from data.files.workers import available_cores


def leave_cores(trainer: Trainer, num_workers: int) -> None:
    """Limit PyTorch to the cores that ``num_workers`` data workers leave free.

    Workers and compute threads that share cores slow each other out of proportion. Nothing is
    changed where the launcher of several processes has set the threads of each, or where the user
    has set OMP_NUM_THREADS.
    """
    if trainer.world_size == 1 and "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(max(available_cores() - num_workers, 1))


class CoreTrial:
    """Tries once whether work is faster on all cores, beside workers that need little of theirs.

    Decoding pictures takes a fortieth of the time that a network takes for them, decoding films as
    much or more.

    Args:
        trainer, num_workers: see `leave_cores`.
        seconds: the least time that each of the two ways is measured.
    """

    def __init__(self, trainer: Trainer, num_workers: int, *, seconds: float = 5.0) -> None:
        self._trainer, self._num_workers, self._seconds = trainer, num_workers, seconds
        self._rates: list[float] = []
        self._begin()
        leave_cores(trainer, num_workers)

    def add(self, num_steps: int) -> None:
        """Count steps that were computed; it may change the number of threads."""
        self._num_steps += num_steps
        passed = time.monotonic() - self._started
        if self._num_workers == 0 or len(self._rates) == 2 or passed < self._seconds:
            return
        self._rates.append(self._num_steps / passed)
        if len(self._rates) == 1:
            leave_cores(self._trainer, 0)
        elif self._rates[1] < self._rates[0]:
            leave_cores(self._trainer, self._num_workers)
        self._begin()

    def _begin(self) -> None:
        self._num_steps, self._started = 0, time.monotonic()


class LeaveCores(Callback):
    """Callback that calls `leave_cores` before training and before a test."""

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Limit the threads; by now, parts may be cached in memory and need no workers."""
        data = trainer.datamodule  # type: ignore[attr-defined]
        name = "train" if stage == "fit" else data.reported_part
        leave_cores(trainer, data.workers_for(data.parts[name]))
