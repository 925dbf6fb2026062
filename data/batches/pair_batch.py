"""The batch of pairs: sources, and the sequences to write of them, each end to end without padding.

B pairs · N source steps in the batch · M tokens to write in the batch
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from data.batches.ragged import Skipped


class PairBatch(NamedTuple):
    """Batch that a data set of pairs hands to a model; an empty one (B = 0) is legal."""

    steps: Tensor
    """(N, …): frames (N, 3, H, W) uint8 or tokens (N,) int64 of the sources."""
    lengths: Tensor
    """(B,) int64: steps of each source, each ≥ 1."""
    tokens: Tensor
    """(M,) int64: the tokens that a decoder reads, [END, w₁ …] of each target."""
    token_lengths: Tensor
    """(B,) int64: their number, each ≥ 1."""
    targets: Tensor
    """(M,) int64: the token after each, [w₁ …, END] of each target."""
    ids: Tensor
    """(B,) int64: the row of each pair in its data set, so that each is counted once."""
    skipped: tuple[Skipped, ...] = ()
    """Pairs of this batch that could not be read."""
    is_encoded: bool = False
    """Whether the steps are features that were computed before."""

    @property
    def num_sequences(self) -> int:
        """Number B of pairs."""
        return len(self.lengths)


def taught(targets: Sequence[np.ndarray], *, end: int) -> tuple[Tensor, Tensor, Tensor]:
    """Make the tokens to read, their numbers and the tokens to write of B targets without END."""
    empty = np.empty(0, np.int64)
    read = np.concatenate([empty, *(np.append(end, one) for one in targets)])
    write = np.concatenate([empty, *(np.append(one, end) for one in targets)])
    lengths = np.array([len(one) + 1 for one in targets], np.int64)
    return (
        torch.from_numpy(read.astype(np.int64)),
        torch.from_numpy(lengths),
        torch.from_numpy(write.astype(np.int64)),
    )
