"""Exchange of plain objects between the processes of a run."""

from typing import Any

import torch
from pytorch_lightning import Trainer


def from_all_ranks(trainer: Trainer, ours: Any) -> list[Any]:
    """Gather the objects of all processes in the order of ranks: plain values and tensors on the CPU."""
    if trainer.world_size == 1:
        return [ours]
    everyone: list[Any] = [None] * trainer.world_size
    torch.distributed.all_gather_object(everyone, ours)
    return everyone
