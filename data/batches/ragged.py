"""The ragged batch: all steps of all its sequences end to end, nothing between them.

B sequences · N steps in the batch
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor


class Skipped(NamedTuple):
    """An example that could not be read: its row in the data set, where it came from, and why."""

    id: int
    source: str
    reason: str


class RaggedBatch(NamedTuple):
    """What a data set hands to a model.

    A batch of no sequence at all (B = 0) is legal: every example of it was skipped, or there was
    none left for this process.
    """

    steps: Tensor
    """(N, …), N the sum of the lengths: frames (N, 3, H, W) uint8 or tokens (N,) int64."""
    lengths: Tensor
    """(B,) int64: the steps of each sequence, each ≥ 1."""
    labels: Tensor
    """(B,) int64: class indices."""
    ids: Tensor
    """(B,) int64: the row of each example in its data set, so that each is counted once."""
    skipped: tuple[Skipped, ...] = ()
    """Examples that were to be in this batch and could not be read."""
    is_encoded: bool = False
    """Whether the steps are features (N, D) that an encoder gave before."""

    @property
    def num_sequences(self) -> int:
        """B."""
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
    """A `RaggedBatch` of steps that already lie end to end."""
    return RaggedBatch(
        steps=steps,
        lengths=torch.as_tensor(lengths, dtype=torch.int64),
        labels=torch.as_tensor(labels, dtype=torch.int64),
        ids=torch.as_tensor(ids, dtype=torch.int64),
        skipped=tuple(skipped),
        is_encoded=is_encoded,
    )


def steps_of(batch: RaggedBatch, chosen: Tensor) -> Tensor:
    """The steps of the sequences at some places (b,) of a batch, end to end: (n,) int64."""
    ends = batch.lengths.cumsum(0)
    spans = [torch.arange(int(ends[k] - batch.lengths[k]), int(ends[k])) for k in chosen.tolist()]
    return torch.cat([torch.empty(0, dtype=torch.int64), *spans]).to(batch.steps.device)


def select(batch: RaggedBatch, chosen: Tensor) -> RaggedBatch:
    """The sequences at some places (b,) of a batch."""
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
    """Batches of one kind of steps, one or more, as a single one."""
    return RaggedBatch(
        steps=torch.cat([batch.steps for batch in batches]),
        lengths=torch.cat([batch.lengths for batch in batches]),
        labels=torch.cat([batch.labels for batch in batches]),
        ids=torch.cat([batch.ids for batch in batches]),
        skipped=tuple(one for batch in batches for one in batch.skipped),
        is_encoded=batches[0].is_encoded,
    )
