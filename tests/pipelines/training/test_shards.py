"""Shards of a batch that threads learn from side by side: the same loss, scores and gradients."""

from functools import partial

import pytest
import torch
from torch import nn

from data.batches.ragged import collate, shards_of
from models.chance import Dropout
from models.encoders.frames import SmallCNN
from models.recurrence.recurrences import LSTM
from models.sequence.ensemble import side_by_side
from pipelines.training import member_losses
from pipelines.training.member_losses import MemberLosses, is_shardable
from pipelines.training.training_loss import TrainingLoss

LENGTHS = [4, 1, 3, 2, 5]


def clips(lengths=LENGTHS):
    torch.manual_seed(1)
    frames = torch.randint(0, 256, (sum(lengths), 3, 16, 16), dtype=torch.uint8)
    numbers = range(len(lengths))
    return collate(frames, lengths=lengths, labels=[k % 3 for k in numbers], ids=[*numbers])


def classifier(members=1, *, dropout=0.0):
    torch.manual_seed(0)
    return side_by_side(
        SmallCNN(features=4, width=8), partial(LSTM, hidden_size=3), num_classes=3,
        members=members, dropout=dropout,
    )  # fmt: skip


def learnt(model, batch, *, num_threads, monkeypatch):
    """Loss, scores, and the gradient of each parameter."""
    monkeypatch.setattr(torch, "get_num_threads", lambda: num_threads)
    loss = TrainingLoss(3)
    loss.weights.copy_(torch.tensor([0.5, 1.0, 3.0]))
    encode = lambda some: model.encoder.encode_ragged(some.steps, some.lengths)  # noqa: E731
    model.zero_grad()
    value, scores = MemberLosses(model, loss)(batch, encode=encode)
    value.backward()
    return value, scores, {name: p.grad for name, p in model.named_parameters()}


@pytest.mark.parametrize("count", [1, 2, 3, 5, 9])
def test_they_are_the_batch_in_order(count):
    batch = clips()
    shards = shards_of(batch, count=count)
    assert len(shards) == min(count, 5)
    sizes = [shard.num_sequences for shard in shards]
    assert max(sizes) - min(sizes) <= 1
    for field in ("steps", "lengths", "labels", "ids"):
        pieces = [getattr(shard, field) for shard in shards]
        assert torch.equal(torch.cat(pieces), getattr(batch, field))
    for shard in shards:
        assert shard.lengths.sum() == len(shard.steps)
        assert not shard.is_encoded


def test_features_stay_features():
    batch = collate(torch.zeros(3, 2), lengths=[2, 1], labels=[0, 1], ids=[0, 1], is_encoded=True)
    assert all(shard.is_encoded for shard in shards_of(batch, count=2))


@pytest.mark.parametrize("members", [1, 2])
@pytest.mark.parametrize("num_threads", [2, 3, 8])
def test_loss_scores_and_gradients_are_those_of_the_whole_batch(members, num_threads, monkeypatch):
    model, batch = classifier(members), clips()
    whole = learnt(model, batch, num_threads=1, monkeypatch=monkeypatch)
    sharded = learnt(model, batch, num_threads=num_threads, monkeypatch=monkeypatch)
    torch.testing.assert_close(sharded, whole)


def test_what_is_frozen_gets_no_gradient(monkeypatch):
    model = classifier()
    model.encoder.requires_grad_(False)
    *_, gradients = learnt(model, clips(), num_threads=2, monkeypatch=monkeypatch)
    for name, gradient in gradients.items():
        assert (gradient is None) == name.startswith("encoder.")


def test_a_seed_draws_the_same_in_each_run(monkeypatch):
    model, batch = classifier(dropout=0.5), clips()
    found = []
    for _ in range(3):
        torch.manual_seed(7)
        found.append(learnt(model, batch, num_threads=2, monkeypatch=monkeypatch))
    assert all(torch.equal(one[0], found[0][0]) for one in found)
    other = learnt(model, batch, num_threads=2, monkeypatch=monkeypatch)
    assert not torch.equal(other[1], found[0][1])


@pytest.mark.parametrize("layer", [nn.BatchNorm2d(4), nn.Dropout(0.5)], ids=["norm", "dropout"])
def test_layers_that_need_the_whole_batch_get_it(layer, monkeypatch):
    def none(*_):
        raise AssertionError("in shards")

    monkeypatch.setattr(member_losses, "shards_of", none)
    model = classifier()
    model.encoder.add_module("more", layer)
    assert not is_shardable(model)
    learnt(model, clips(), num_threads=2, monkeypatch=monkeypatch)
    layer.eval()
    assert is_shardable(model)


def test_dropout_of_a_generator_of_its_own_may_be_sharded():
    assert is_shardable(nn.Sequential(Dropout(0.5)))


@pytest.mark.parametrize("lengths", [[3], [2, 2]])
def test_small_batches(lengths, monkeypatch):
    model, batch = classifier(), clips(lengths)
    whole = learnt(model, batch, num_threads=1, monkeypatch=monkeypatch)
    torch.testing.assert_close(learnt(model, batch, num_threads=8, monkeypatch=monkeypatch), whole)
