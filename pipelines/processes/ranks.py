"""Communication between the processes of a run."""

from collections.abc import Sequence
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


def largest_of_ranks(trainer: Trainer, ours: Sequence[float]) -> list[float]:
    """Find for each number the largest of all processes, the same in all of them."""
    return _reduced(trainer, ours, torch.distributed.ReduceOp.MAX)


def sum_of_ranks(trainer: Trainer, ours: Sequence[float]) -> list[float]:
    """Add each number up over all processes."""
    return _reduced(trainer, ours, torch.distributed.ReduceOp.SUM)


def _reduced(trainer: Trainer, ours: Sequence[float], operation: Any) -> list[float]:
    values = [float(value) for value in ours]
    if trainer.world_size == 1:
        return values
    shared = torch.tensor(values, device=trainer.strategy.root_device)
    torch.distributed.all_reduce(shared, op=operation)
    return shared.tolist()
