import math

import pytest
import torch
from torch.nn.functional import cross_entropy

from models.encoders.words import WordEmbedding
from models.recurrence.recurrences import LSTM
from models.sequence.many_to_one import ManyToOne
from models.sequence.perturbation import (
    adversarial,
    divergence,
    entropy,
    of_length,
    virtual_adversarial,
)

LENGTHS = torch.tensor([2, 1, 4])


def norms(direction):
    return torch.stack([part.norm() for part in direction.split(LENGTHS.tolist())])


def test_each_sequence_gets_the_norm_whatever_it_had():
    direction = torch.randn(7, 3) * torch.tensor([1e-25, 1e-25, 1, 1e20, 1e20, 1e20, 1e20])[:, None]
    torch.testing.assert_close(norms(of_length(direction, LENGTHS, 5.0)), torch.full((3,), 5.0))
    assert of_length(torch.zeros(7, 3), LENGTHS, 5.0).abs().max() == 0


def test_by_hand():
    direction = torch.tensor([[3.0, 0.0], [0.0, 4.0], [0.0, -2.0], *[[0.0, 0.0]] * 4])
    expected = torch.tensor([[0.6, 0.0], [0.0, 0.8], [0.0, -1.0], *[[0.0, 0.0]] * 4])
    torch.testing.assert_close(of_length(direction, LENGTHS, 1.0), expected)


def test_the_loss_rises_by_the_gradient_s_norm_for_a_linear_reader():
    weights = torch.randn(7, 3)
    features = torch.randn(7, 3, requires_grad=True)
    loss = (features * weights).sum()
    moved = features + adversarial(features, LENGTHS, loss, 0.1)
    torch.testing.assert_close((moved * weights).sum() - loss, 0.1 * norms(weights).sum())
    loss.backward()  # the graph is still there


def test_divergence_and_entropy_by_hand():
    scores = torch.tensor([[math.log(3.0), 0.0]])  # 3/4 and 1/4
    even = torch.zeros(1, 2)
    expected = 0.75 * math.log(1.5) + 0.25 * math.log(0.5)
    torch.testing.assert_close(divergence(scores, even), torch.tensor([expected]))
    assert divergence(scores, scores + 5).item() == pytest.approx(0, abs=1e-6)
    torch.testing.assert_close(entropy(even), torch.tensor([math.log(2.0)]))
    assert entropy(torch.tensor([[1000.0, 0.0]])).item() == 0


def model():
    torch.manual_seed(0)
    encoder = WordEmbedding(20, features=4)
    torch.nn.init.normal_(encoder.embedding.weight)
    return ManyToOne(encoder, LSTM(4, hidden_size=6), num_classes=2).eval()


def test_the_virtual_adversary_changes_answers_more_than_chance():
    reader = model()
    torch.nn.init.normal_(reader.head.weight)
    features = reader.encoder(torch.arange(7))
    read = lambda x: reader.read(x, LENGTHS)  # noqa: E731
    scores = read(features)

    def change(direction):
        return divergence(scores, read(features + direction)).sum().item()

    by_chance = max(change(of_length(torch.randn(7, 4), LENGTHS, 0.3)) for _ in range(20))
    found = virtual_adversarial(read, features, LENGTHS, scores, 0.3, probe=0.1)
    torch.testing.assert_close(norms(found), torch.full((3,), 0.3))
    assert not found.requires_grad
    assert change(found) > by_chance


def test_the_adversary_raises_the_true_loss_more_than_chance():
    reader = model()
    labels = torch.tensor([0, 1, 0])
    features = reader.encoder(torch.arange(7))
    loss = cross_entropy(reader.read(features, LENGTHS), labels)
    worst = adversarial(features, LENGTHS, loss, 0.3)

    def loss_at(direction):
        return cross_entropy(reader.read(features + direction, LENGTHS), labels).item()

    by_chance = max(loss_at(of_length(torch.randn(7, 4), LENGTHS, 0.3)) for _ in range(20))
    assert loss_at(worst) > by_chance > loss.item() - 1
