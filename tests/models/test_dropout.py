"""Dropout in recurrent networks: masks over time, and weights that are dropped."""

import copy

import pytest
import torch
from torch import nn

from models.dropout import LockedDropout
from models.errors import OptionError
from models.recurrence import GRU, LSTM, RNN, Unrolled

LENGTHS = torch.tensor([3, 5, 4])
ROWS = torch.arange(3).repeat_interleave(LENGTHS)
KINDS = [RNN, GRU, LSTM]


def test_a_mask_stays_over_a_sequence_and_changes_with_it():
    torch.manual_seed(0)
    dropped = LockedDropout(0.5)(torch.ones(12, 50), ROWS, 3)
    assert set(dropped.unique().tolist()) == {0.0, 2.0}
    first = [part[0] for part in dropped.split(LENGTHS.tolist())]
    for part, mask in zip(dropped.split(LENGTHS.tolist()), first, strict=True):
        assert torch.equal(part, mask.expand_as(part))
    assert not torch.equal(first[0], first[1])


def test_its_mean_is_kept_and_nothing_is_dropped_when_not_training():
    torch.manual_seed(0)
    assert LockedDropout(0.3)(torch.ones(12, 20_000), ROWS, 3).mean().item() == pytest.approx(
        1, abs=0.02
    )
    assert LockedDropout(0.3).eval()(torch.ones(12, 4), ROWS, 3).equal(torch.ones(12, 4))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("lengths", [LENGTHS, torch.tensor([4, 4, 4])])
@pytest.mark.parametrize("carry", [False, True])
def test_dropped_weights_are_a_kernel_with_zeros_in_it(kind, lengths, carry):
    torch.manual_seed(0)
    recurrence = kind(4, hidden_size=6, weight_dropout=0.5)
    steps, fused = torch.randn(12, 4), recurrence.layers[0][0].fused
    torch.manual_seed(1)
    outputs, state = recurrence(steps, lengths, carry=carry)
    torch.manual_seed(1)
    dropped = nn.functional.dropout(fused.weight_hh_l0, 0.5)
    assert (dropped == 0).any()
    plain = copy.deepcopy(recurrence).eval()
    with torch.no_grad():
        plain.layers[0][0].fused.weight_hh_l0.copy_(dropped)
    expected, end = plain(steps, lengths, carry=carry)
    torch.testing.assert_close(outputs, expected)
    if carry:
        torch.testing.assert_close(state, end)
    # What was dropped learns nothing this time, the rest does.
    outputs.square().sum().backward()
    assert torch.equal(fused.weight_hh_l0.grad == 0, dropped == 0)


@pytest.mark.parametrize("kind", KINDS)
def test_prediction_uses_all_weights_and_checkpoints_do_not_change(kind):
    torch.manual_seed(0)
    dropping = kind(
        4, hidden_size=6, num_layers=2, bidirectional=True, weight_dropout=0.5, dropout=0.5,
        input_dropout=0.5, output_dropout=0.5, locked=True,
    )  # fmt: skip
    plain = kind(4, hidden_size=6, num_layers=2, bidirectional=True)
    plain.load_state_dict(dropping.state_dict())
    steps = torch.randn(12, 4)
    expected, _ = plain(steps, LENGTHS)
    assert torch.equal(dropping.eval()(steps, LENGTHS)[0], expected)
    learning, _ = dropping.train()(steps, LENGTHS)
    assert not torch.allclose(learning, expected)
    learning.sum().backward()
    assert all(p.grad is not None for p in dropping.parameters())


def test_where_each_share_drops():
    torch.manual_seed(0)
    steps = torch.randn(12, 4)
    out, _ = LSTM(4, hidden_size=6, output_dropout=0.5, locked=True)(steps, LENGTHS)
    zero = out == 0
    assert zero.any()
    for part in zero.split(LENGTHS.tolist()):
        assert torch.equal(part, part[:1].expand_as(part))
    # With nothing left of the input, all that is read is the biases.
    nearly_all = LSTM(4, hidden_size=6, input_dropout=0.999999, locked=True)
    expected, _ = copy.deepcopy(nearly_all).eval()(torch.zeros(12, 4), LENGTHS)
    torch.testing.assert_close(nearly_all(steps, LENGTHS)[0], expected)


@pytest.mark.parametrize("name", ["dropout", "input_dropout", "output_dropout", "weight_dropout"])
def test_a_share_is_below_1(name):
    with pytest.raises(OptionError, match=f"{name}=1.0"):
        LSTM(4, **{name: 1.0})


def test_a_stepped_cell_drops_no_weights():
    with pytest.raises(OptionError, match=r"weight_dropout=0\.5"):
        Unrolled(4, weight_dropout=0.5)
