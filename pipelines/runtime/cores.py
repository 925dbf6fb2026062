"""Division of the cores between the data workers and PyTorch's compute threads."""

import os

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


class LeaveCores(Callback):
    """Callback that calls `leave_cores` before training and before a test."""

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Limit the threads; by now, parts may be cached in memory and need no workers."""
        data = trainer.datamodule  # type: ignore[attr-defined]
        name = "train" if stage == "fit" else data.reported_part
        leave_cores(trainer, data.workers_for(data.parts[name]))
