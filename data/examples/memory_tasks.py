"""Synthetic memory tasks: sequences whose target can only be known from memory.

B sequences · T steps of each · D features · K symbols
"""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import one_hot


class MemoryBatch(NamedTuple):
    """Batch of sequences of one length, end to end as in a ragged batch."""

    features: Tensor
    """(B · T, D) float32."""
    lengths: Tensor
    """(B,) int64, all T."""
    targets: Tensor
    """(B,) symbols int64, or sums float32."""


def recall_features(num_symbols: int) -> int:
    """Number of features D of `recall`: the symbol (one-hot), the mark and the question."""
    return num_symbols + 2


def recall(
    delay_steps: int, *, num_sequences: int, num_symbols: int, generator: torch.Generator
) -> MemoryBatch:
    """Make recall sequences: a marked symbol, ``delay_steps`` others, and the question for the first.

    After Hochreiter & Schmidhuber 1997, "Long Short-Term Memory", §5.2 and 5.3. The symbol to
    remember comes first and the distractors are of the same kind, so that a network must choose
    what to store. T = delay_steps + 2, and chance is 1 / K.
    """
    num_steps = delay_steps + 2
    symbols = torch.randint(num_symbols, (num_sequences, num_steps), generator=generator)
    grid = torch.zeros(num_sequences, num_steps, recall_features(num_symbols))
    grid[:, :-1, :num_symbols] = one_hot(symbols[:, :-1], num_symbols).float()
    grid[:, 0, -2] = 1
    grid[:, -1, -1] = 1
    return _ragged(grid, symbols[:, 0])


def adding(num_steps: int, *, num_sequences: int, generator: torch.Generator) -> MemoryBatch:
    """Make adding sequences: numbers of which two are marked, one in each half; the target is their sum.

    The adding problem of Hochreiter & Schmidhuber 1997, §5.4. D = 2: the number, uniform between 0
    and 1, and the mark. The constant answer 1 has a mean squared error of 1/6.
    """
    half = num_steps // 2
    numbers = torch.rand(num_sequences, num_steps, generator=generator)
    first = torch.randint(half, (num_sequences,), generator=generator)
    second = half + torch.randint(num_steps - half, (num_sequences,), generator=generator)
    rows = torch.arange(num_sequences)
    marks = torch.zeros(num_sequences, num_steps)
    marks[rows, first] = marks[rows, second] = 1
    return _ragged(
        torch.stack([numbers, marks], dim=2), numbers[rows, first] + numbers[rows, second]
    )


def _ragged(grid: Tensor, targets: Tensor) -> MemoryBatch:
    num_sequences, num_steps, _ = grid.shape
    return MemoryBatch(grid.flatten(0, 1), torch.full((num_sequences,), num_steps), targets)
