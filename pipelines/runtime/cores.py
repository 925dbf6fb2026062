"""Which cores compute: those that the data workers leave."""

import os

import torch
from pytorch_lightning import Callback, LightningModule, Trainer

from data.files.workers import available_cores


def leave_cores(trainer: Trainer, num_workers: int) -> None:
    """Let PyTorch compute on the cores that so many data workers leave.

    Workers and compute threads that share cores slow each other out of proportion. Where several
    processes share a machine, their launcher has given each its threads; and who sets
    OMP_NUM_THREADS has other things to do there.
    """
    if trainer.world_size == 1 and "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(max(available_cores() - num_workers, 1))


class LeaveCores(Callback):
    """Does so before training, and before a test."""

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Runs after parts may have been replaced by others that need no workers."""
        data = trainer.datamodule  # type: ignore[attr-defined]
        name = "train" if stage == "fit" else data.reported_part
        leave_cores(trainer, data.workers_for(data.parts[name]))
