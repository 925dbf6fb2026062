"""Gated inputs: by hand, for each direction, and whatever stands beside a sequence."""

import math

import pytest
import torch

from models.encoders.words import OneHot
from models.errors import OptionError
from models.heads.gated import GatedInputs
from models.recurrence.recurrences import LSTM
from models.sequence.many_to_one import ManyToOne


def by_hand(num_directions=1):
    """One output, one input and one gated feature: v = tanh(2 h + 0.5) · (3 x + 1)."""
    made = GatedInputs(1, 1, features=1, num_directions=num_directions)
    with torch.no_grad():
        for gate, value in zip(made.gates, made.values, strict=True):
            gate.weight.fill_(2.0)
            value.weight.fill_(3.0)
            value.bias.fill_(1.0)
    return made


@torch.no_grad()
def test_the_gate_is_that_of_the_output_before_and_each_sequence_begins_with_none():
    outputs, inputs = torch.tensor([[0.1], [-0.7], [0.4]]), torch.tensor([[1.0], [2.0], [3.0]])
    found = by_hand().beside(outputs, inputs, torch.tensor([2, 1]))
    assert found[:, :1].tolist() == outputs.tolist()
    due = [math.tanh(0.5) * 4, math.tanh(0.2 + 0.5) * 7, math.tanh(0.5) * 10]
    assert found[:, 1].tolist() == pytest.approx(due)


@torch.no_grad()
def test_the_backward_direction_is_gated_by_the_step_behind():
    outputs = torch.tensor([[0.1, 0.2], [-0.7, 0.9], [0.4, -0.3]])
    inputs = torch.tensor([[1.0], [2.0], [3.0]])
    found = by_hand(num_directions=2).beside(outputs, inputs, torch.tensor([2, 1]))
    forward, backward = found.chunk(2, dim=1)
    assert torch.equal(forward[:, 0], outputs[:, 0])
    assert torch.equal(backward[:, 0], outputs[:, 1])
    due = [math.tanh(1.8 + 0.5) * 4, math.tanh(0.5) * 7, math.tanh(0.5) * 10]
    assert backward[:, 1].tolist() == pytest.approx(due)


def test_a_gate_can_turn_the_sign():
    made = by_hand()
    value = torch.ones(1, 1)
    assert made(value, torch.tensor([[-1.0]])) < 0 < made(value, torch.zeros(1, 1))


@pytest.mark.parametrize("pooling", ["last", "mean", "max", "concat"])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_an_answer_does_not_depend_on_what_stands_beside(pooling, bidirectional):
    torch.manual_seed(0)
    recurrence = LSTM(5, hidden_size=4, bidirectional=bidirectional)
    model = ManyToOne(OneHot(5), recurrence, num_classes=2, pooling=pooling, gated_features=3)
    texts = [torch.tensor([0, 3, 2, 2]), torch.tensor([4]), torch.tensor([1, 0])]
    lengths = torch.tensor([len(text) for text in texts])
    together = model.eval()(torch.cat(texts), lengths)
    for row, text in enumerate(texts):
        torch.testing.assert_close(model(text, lengths[row : row + 1])[0], together[row])


def test_without_them_a_model_is_as_it_was_and_fewer_than_none_are_refused():
    torch.manual_seed(0)
    model = ManyToOne(OneHot(5), LSTM(5, hidden_size=4), num_classes=2)
    assert not any("gated" in name for name in model.state_dict())
    with pytest.raises(OptionError, match="gated_features=-1: 0"):
        ManyToOne(OneHot(5), LSTM(5), num_classes=2, gated_features=-1)
