"""The ragged batch: the steps of all its sequences end to end, without padding.

B sequences · N steps in the batch
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor


class Skipped(NamedTuple):
    """An example that could not be read: its row in the data set, its source, and the reason."""

    id: int
    source: str
    reason: str


class RaggedBatch(NamedTuple):
    """Batch that a data set hands to a model.

    An empty batch (B = 0) is legal: all its examples were skipped, or none was left for this rank.
    """

    steps: Tensor
    """(N, …), where N is the sum of the lengths: frames (N, 3, H, W) uint8 or tokens (N,) int64."""
    lengths: Tensor
    """(B,) int64: the steps of each sequence, each ≥ 1."""
    labels: Tensor
    """(B,) int64: class indices."""
    ids: Tensor
    """(B,) int64: the row of each example in its data set, so that each is counted once."""
    skipped: tuple[Skipped, ...] = ()
    """Examples of this batch that could not be read."""
    is_encoded: bool = False
    """Whether the steps are features (N, D) that were computed before."""

    @property
    def num_sequences(self) -> int:
        """Number B of sequences."""
        return len(self.lengths)


def collate(
    steps: Tensor,
    *,
    lengths: Sequence[int] | np.ndarray,
    labels: Sequence[int] | np.ndarray,
    ids: Sequence[int] | np.ndarray,
    skipped: Sequence[Skipped] = (),
    is_encoded: bool = False,
) -> RaggedBatch:
    """Make a `RaggedBatch` of steps that already lie end to end."""
    return RaggedBatch(
        steps=steps,
        lengths=torch.as_tensor(lengths, dtype=torch.int64),
        labels=torch.as_tensor(labels, dtype=torch.int64),
        ids=torch.as_tensor(ids, dtype=torch.int64),
        skipped=tuple(skipped),
        is_encoded=is_encoded,
    )


def steps_of(batch: RaggedBatch, chosen: Tensor) -> Tensor:
    """Indices (n,) int64 of the steps of the sequences at some places (b,) of a batch."""
    ends = batch.lengths.cumsum(0)
    spans = [torch.arange(int(ends[k] - batch.lengths[k]), int(ends[k])) for k in chosen.tolist()]
    return torch.cat([torch.empty(0, dtype=torch.int64), *spans]).to(batch.steps.device)


def select(batch: RaggedBatch, chosen: Tensor) -> RaggedBatch:
    """Select the sequences at some places (b,) of a batch."""
    steps = batch.steps[steps_of(batch, chosen)]
    at = chosen.to(batch.lengths.device)
    return batch._replace(
        steps=steps,
        lengths=batch.lengths[at],
        labels=batch.labels[at],
        ids=batch.ids[at],
        skipped=(),
    )


def concatenate(batches: Sequence[RaggedBatch]) -> RaggedBatch:
    """Concatenate one or more batches, of one kind of steps, to a single one."""
    return RaggedBatch(
        steps=torch.cat([batch.steps for batch in batches]),
        lengths=torch.cat([batch.lengths for batch in batches]),
        labels=torch.cat([batch.labels for batch in batches]),
        ids=torch.cat([batch.ids for batch in batches]),
        skipped=tuple(one for batch in batches for one in batch.skipped),
        is_encoded=batches[0].is_encoded,
    )


def shards_of(batch: RaggedBatch, *, count: int) -> list[RaggedBatch]:
    """Cut a batch into so many of about as many sequences, in their order; fewer if it has fewer."""
    count = max(min(count, batch.num_sequences), 1)
    sizes = [len(part) for part in torch.arange(batch.num_sequences).tensor_split(count)]
    num_steps = [int(part.sum()) for part in batch.lengths.split(sizes)]
    pieces = zip(
        batch.steps.split(num_steps),
        batch.lengths.split(sizes),
        batch.labels.split(sizes),
        batch.ids.split(sizes),
        strict=True,
    )
    return [
        RaggedBatch(steps, lengths, labels, ids, is_encoded=batch.is_encoded)
        for steps, lengths, labels, ids in pieces
    ]
