"""Shards of a batch of pairs: everything once, in order, and in its place."""

import pytest
import torch

from data.batches.pair_batch import PairBatch, pair_shards


def batch():
    """Three sources of 2, 1 and 3 steps, with 1, 0 and 2 targets."""
    return PairBatch(
        steps=torch.arange(6),
        lengths=torch.tensor([2, 1, 3]),
        tokens=torch.arange(7),
        token_lengths=torch.tensor([3, 2, 2]),
        targets=torch.arange(7) + 1,
        source_of=torch.tensor([0, 2, 2]),
        ids=torch.tensor([5, 6, 7]),
        is_encoded=True,
    )


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_shards_put_together_are_the_batch(count):
    whole, shards = batch(), pair_shards(batch(), count=count)
    assert len(shards) == min(count, 3)
    for name in ("steps", "lengths", "tokens", "token_lengths", "targets", "ids"):
        assert torch.equal(torch.cat([getattr(one, name) for one in shards]), getattr(whole, name))
    starts = torch.tensor([0, *(len(one.lengths) for one in shards)]).cumsum(0)
    moved = [one.source_of + start for one, start in zip(shards, starts, strict=False)]
    assert torch.equal(torch.cat(moved), whole.source_of)
    for one in shards:
        assert one.is_encoded
        assert len(one.steps) == one.lengths.sum()
        assert len(one.tokens) == one.token_lengths.sum()


def test_an_empty_batch_is_one_shard():
    empty = PairBatch(*(torch.empty(0, dtype=torch.int64) for _ in range(7)))
    assert len(pair_shards(empty, count=4)) == 1
