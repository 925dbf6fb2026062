"""The batch of pairs: sources, and the sequences to write of them, each end to end without padding.

B sources · C sequences to write of them · N source steps in the batch · M tokens to write
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
    """(N, …): frames (N, 3, H, W) uint8, tokens (N,) int64, or features of the sources."""
    lengths: Tensor
    """(B,) int64: steps of each source, each ≥ 1."""
    tokens: Tensor
    """(M,) int64: the tokens that a decoder reads, [END, w₁ …] of each target."""
    token_lengths: Tensor
    """(C,) int64: their number, each ≥ 1."""
    targets: Tensor
    """(M,) int64: the token after each, [w₁ …, END] of each target."""
    source_of: Tensor
    """(C,) int64: the place of each target's source among the B, ascending."""
    ids: Tensor
    """(B,) int64: the row of each source in its data set, so that each is counted once."""
    skipped: tuple[Skipped, ...] = ()
    """Pairs of this batch that could not be read."""
    is_encoded: bool = False
    """Whether the steps are features that were computed before."""

    @property
    def num_sequences(self) -> int:
        """Number B of sources."""
        return len(self.lengths)


def taught(targets: Sequence[np.ndarray], *, end: int) -> tuple[Tensor, Tensor, Tensor]:
    """Make the tokens to read, their numbers and the tokens to write of C targets without END."""
    empty = np.empty(0, np.int64)
    read = np.concatenate([empty, *(np.append(end, one) for one in targets)])
    write = np.concatenate([empty, *(np.append(one, end) for one in targets)])
    lengths = np.array([len(one) + 1 for one in targets], np.int64)
    return (
        torch.from_numpy(read.astype(np.int64)),
        torch.from_numpy(lengths),
        torch.from_numpy(write.astype(np.int64)),
    )


def pair_shards(batch: PairBatch, *, count: int) -> list[PairBatch]:
    """Cut a batch into so many of about as many sources, in their order; fewer if it has fewer."""
    count = max(min(count, batch.num_sequences), 1)
    sizes = [len(part) for part in torch.arange(batch.num_sequences).tensor_split(count)]
    targets_of = torch.bincount(batch.source_of, minlength=batch.num_sequences)
    num_targets = [int(part.sum()) for part in targets_of.split(sizes)]
    num_tokens = [int(part.sum()) for part in batch.token_lengths.split(num_targets)]
    pieces = zip(
        batch.steps.split([int(part.sum()) for part in batch.lengths.split(sizes)]),
        batch.lengths.split(sizes),
        batch.tokens.split(num_tokens),
        batch.token_lengths.split(num_targets),
        batch.targets.split(num_tokens),
        batch.source_of.split(num_targets),
        batch.ids.split(sizes),
        strict=True,
    )
    shards, start = [], 0
    for steps, lengths, tokens, token_lengths, targets, source_of, ids in pieces:
        own = PairBatch(steps, lengths, tokens, token_lengths, targets, source_of - start, ids)
        shards.append(own._replace(is_encoded=batch.is_encoded))
        start += len(lengths)
    return shards
