"""Communication between the processes of a run."""

from typing import Any

import torch
from pytorch_lightning import Trainer


def from_all_ranks(trainer: Trainer, ours: Any) -> list[Any]:
    """Gather plain objects, or tensors on the CPU, from all processes, in the order of their ranks."""
    if trainer.world_size == 1:
        return [ours]
    everyone: list[Any] = [None] * trainer.world_size
    torch.distributed.all_gather_object(everyone, ours)
    return everyone
