"""Pooling, from the outputs at all steps to one vector a sequence.

B sequences · N steps in the batch · T steps of one sequence · D features, those of the backward
direction last

Pooling works on ragged outputs, where there is no padding that could leak into a mean or a maximum.
"""

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor


class Pool(Protocol):
    """A function of outputs (N, D), lengths (B,) and 1 or 2 directions → (B, D) or a multiple of D."""

    def __call__(self, outputs: Tensor, lengths: Tensor, num_directions: int = 1) -> Tensor: ...


def last(outputs: Tensor, lengths: Tensor, num_directions: int = 1) -> Tensor:
    """The outputs at which each direction has read everything: its last step, or its first."""
    ends = lengths.cumsum(0)
    forward, *backward = outputs.chunk(num_directions, dim=1)
    read = [forward.index_select(0, ends - 1)]
    read += [part.index_select(0, ends - lengths) for part in backward]
    return torch.cat(read, dim=1)


def mean(outputs: Tensor, lengths: Tensor, num_directions: int = 1) -> Tensor:
    """The mean over each sequence's steps."""
    return torch.segment_reduce(outputs, "mean", lengths=lengths)


def maximum(outputs: Tensor, lengths: Tensor, num_directions: int = 1) -> Tensor:
    """The largest value of each feature over each sequence's steps."""
    return torch.segment_reduce(outputs, "max", lengths=lengths)


def concat(outputs: Tensor, lengths: Tensor, num_directions: int = 1) -> Tensor:
    """Last, maximum and mean side by side: (B, 3 D).

    The concat pooling of Howard & Ruder 2018, "Universal Language Model Fine-tuning for Text
    Classification", §3.3: the words that decide may stand anywhere in a long text.
    """
    parts = [pool(outputs, lengths, num_directions) for pool in (last, maximum, mean)]
    return torch.cat(parts, dim=1)


POOLINGS: dict[str, Pool] = {"last": last, "mean": mean, "max": maximum, "concat": concat}


def running_mean(outputs: Tensor) -> Tensor:
    """The mean up to each step of one sequence: (T, D) → (T, D)."""
    counts = torch.arange(1, len(outputs) + 1, device=outputs.device)
    return outputs.cumsum(0) / counts[:, None]


def running_maximum(outputs: Tensor) -> Tensor:
    """The maximum up to each step of one sequence: (T, D) → (T, D)."""
    return outputs.cummax(0).values


def _running_concat(outputs: Tensor) -> Tensor:
    return torch.cat([outputs, running_maximum(outputs), running_mean(outputs)], dim=1)


#: by pooling: from the outputs (T, D) of one sequence read forward to the vectors (T, …) that the
#: pooling would give had the sequence ended at each step
RUNNING_POOLINGS: dict[str, Callable[[Tensor], Tensor]] = {
    "last": lambda outputs: outputs,
    "mean": running_mean,
    "max": running_maximum,
    "concat": _running_concat,
}
