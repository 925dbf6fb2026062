"""Batches for truncated backpropagation: parallel streams that continue from batch to batch.

B streams · T steps of a batch · N = B · T steps in the batch
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from data.batches.position import Position
from data.files.errors import InputError

# A short part is read in fewer streams, so that each is at least so many batches long. At the start
# of a stream the model has no context, which should hardly count.
BATCHES_PER_STREAM = 10


class StreamBatch(NamedTuple):
    """Next steps of every stream, end to end as in a `RaggedBatch`, and the token after each."""

    steps: Tensor
    """(N,) int64: tokens to read, those of the first stream, then those of the second …"""
    lengths: Tensor
    """(B,) int64: steps of each stream; in an epoch's last batch they may differ by one."""
    targets: Tensor
    """(N,) int64: token after each step."""


class StreamBatches(Position):
    """Batches of an epoch, in the order that a carried state needs.

    The n tokens make n - 1 pairs of a token and its successor. They are cut into B parallel streams,
    stream b from pair ⌊b (n - 1) / B⌋ on, and batch k is the k-th segment of every stream (Mikolov
    2010; Zaremba 2014): every token but the very first is predicted exactly once an epoch. Segments
    have equal lengths, at most ``bptt_steps``, so that no short rest weighs as much as a full batch.

    Args:
        tokens: (n,) integers, may be memory-mapped.
        num_streams: B of each rank.
        bptt_steps: the most steps of a stream in a batch, through which gradients flow back.
        shift: start the streams at another place in each epoch, drawn from ``seed`` and the epoch.
            The text is read as a ring, so that all tokens still occur once. (The order of documents
            stays: shuffling them would mean writing all tokens anew.)
        seed: seed of the shift.
        num_ranks, rank: number of processes that share the tokens, and the index of this one. Each
            has streams of its own, and all have the same number of batches.
        where: name of the text in errors.

    Raises:
        InputError: fewer pairs than streams.
    """

    def __init__(
        self,
        tokens: np.ndarray,
        *,
        num_streams: int,
        bptt_steps: int,
        shift: bool = False,
        seed: int = 0,
        num_ranks: int = 1,
        rank: int = 0,
        where: str = "the text",
    ) -> None:
        self._tokens = tokens
        self._num_pairs = max(len(tokens) - 1, 0)
        self._shift, self._seed = shift, seed
        self.epoch = 0
        all_streams = num_streams * num_ranks
        shortest, self._num_longer = divmod(self._num_pairs, all_streams)
        if shortest == 0:
            raise InputError(
                f"{where}: {len(tokens)} tokens are too few for {all_streams} streams; give a"
                f" longer text, or lower --data.num_streams={num_streams}"
            )
        self._streams = np.arange(rank * num_streams, (rank + 1) * num_streams)
        self._starts = self._streams * shortest + np.minimum(self._streams, self._num_longer)
        num_batches = min(-(-(shortest + (self._num_longer > 0)) // bptt_steps), shortest)
        self._bounds = np.linspace(0, shortest, num_batches + 1).astype(np.int64)

    @property
    def sampler(self) -> "StreamBatches":
        """Object on which Lightning calls `set_epoch`."""
        return self

    batch_sampler = sampler

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch, from which the shift is drawn."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self._bounds) - 1

    @property
    def num_batches(self) -> int:
        """Number of batches in an epoch."""
        return len(self)

    def __iter__(self) -> Iterator[StreamBatch]:
        first, self.first_batch = self.first_batch, 0
        offset = 0
        if self._shift:
            offset = int(np.random.default_rng([self._seed, self.epoch]).integers(self._num_pairs))
        for k in range(first, len(self)):
            self.num_given = k + 1
            yield self._batch(k, offset)
        self.num_given = 0

    def _batch(self, k: int, offset: int) -> StreamBatch:
        start, end = self._bounds[k : k + 2]
        lengths = np.full(len(self._streams), end - start)
        if k == len(self) - 1:
            lengths[self._streams < self._num_longer] += 1
        ranges = zip(self._starts + start, lengths, strict=True)
        pairs = np.concatenate([np.arange(first, first + length) for first, length in ranges])
        pairs = (pairs + offset) % self._num_pairs
        steps, targets = (self._tokens[at].astype(np.int64) for at in (pairs, pairs + 1))
        return StreamBatch(*map(torch.from_numpy, (steps, lengths, targets)))


def streams_for(num_tokens: int, *, num_streams: int, bptt_steps: int, num_ranks: int) -> int:
    """Choose the number of streams for an evaluation part: fewer if it is short."""
    fitting = num_tokens // (BATCHES_PER_STREAM * bptt_steps * num_ranks)
    return min(max(fitting, 1), num_streams)
