"""What the processes of a run tell each other."""

from typing import Any

import torch
from pytorch_lightning import Trainer


def from_all_ranks(trainer: Trainer, ours: Any) -> list[Any]:
    """What each process has, in the order of their ranks; plain objects and tensors on the CPU."""
    if trainer.world_size == 1:
        return [ours]
    everyone: list[Any] = [None] * trainer.world_size
    torch.distributed.all_gather_object(everyone, ours)
    return everyone
