"""Dropout in recurrent networks: masks over time, and weights that are dropped."""

import copy

import pytest
import torch
from torch import nn

from models.errors import OptionError
from models.recurrence.cells import LSTMCell
from models.recurrence.dropout import LockedDropout
from models.recurrence.fused import _in_one_piece
from models.recurrence.recurrences import GRU, LSTM, RNN, Unrolled

LENGTHS = torch.tensor([3, 5, 4])
ROWS = torch.arange(3).repeat_interleave(LENGTHS)
EVEN = torch.tensor([4, 4, 4])
KINDS = [RNN, GRU, LSTM]
ALL_SHARES = {
    "dropout": 0.3, "input_dropout": 0.3, "output_dropout": 0.3, "weight_dropout": 0.5,
}  # fmt: skip


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
@pytest.mark.parametrize("lengths", [LENGTHS, EVEN])
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
    # Dropped weights have no gradient this time; the others have.
    outputs.square().sum().backward()
    assert torch.equal(fused.weight_hh_l0.grad == 0, dropped == 0)


def test_weights_for_a_gpu_lie_in_one_piece_and_learn():
    weights = LSTM(4, hidden_size=6).layers[0][0].weights()
    views = _in_one_piece(weights)
    start = views[0].data_ptr()
    for view, weight in zip(views, weights, strict=True):
        assert torch.equal(view, weight)
        assert view.is_contiguous()
        assert view.data_ptr() == start
        start += 4 * view.numel()
    sum((k + 1) * view.sum() for k, view in enumerate(views)).backward()
    assert [weight.grad.unique().tolist() for weight in weights] == [[1], [2], [3], [4]]


def test_dropped_weights_are_the_equations_of_an_lstm_with_zeros_in_u():
    recurrence = LSTM(4, hidden_size=6, weight_dropout=0.5)
    steps, fused = torch.randn(12, 4), recurrence.layers[0][0].fused
    torch.manual_seed(1)
    outputs, (h, c) = recurrence(steps, LENGTHS, carry=True)
    torch.manual_seed(1)
    dropped = nn.functional.dropout(fused.weight_hh_l0, 0.5)
    cell = LSTMCell(4, 6)
    cell.copy_from(fused)
    with torch.no_grad():
        cell.weight_hh.copy_(dropped)
    for row, (sequence, read) in enumerate(
        zip(steps.split(LENGTHS.tolist()), outputs.split(LENGTHS.tolist()), strict=True)
    ):
        state = cell.initial_state(sequence[:1])
        for x, output in zip(sequence, read, strict=True):
            state, _ = cell(x[None], state)
            torch.testing.assert_close(output, state[0][0])
        torch.testing.assert_close(torch.stack([h[0, row], c[0, row]]), torch.cat(state))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("lengths", [LENGTHS, EVEN])
@pytest.mark.parametrize("locked", [False, True])
def test_gradients_through_all_that_is_dropped(kind, lengths, locked):
    recurrence = kind(
        2, hidden_size=2, num_layers=2, bidirectional=True, locked=locked, **ALL_SHARES
    ).double()
    steps = torch.randn(12, 2, dtype=torch.double, requires_grad=True)

    def read(steps, *_):
        torch.manual_seed(1)
        # Not the call itself: on a CPU that works in float32, too coarse for differences.
        outputs, state = recurrence._read(steps, lengths, None, carry=True)
        return outputs, *state

    assert torch.autograd.gradcheck(read, (steps, *recurrence.parameters()), fast_mode=True)


@pytest.mark.parametrize("kind", KINDS)
def test_prediction_uses_all_weights_and_checkpoints_do_not_change(kind):
    torch.manual_seed(0)
    dropping = kind(4, hidden_size=6, num_layers=2, bidirectional=True, locked=True, **ALL_SHARES)
    plain = kind(4, hidden_size=6, num_layers=2, bidirectional=True)
    plain.load_state_dict(dropping.state_dict())
    steps = torch.randn(12, 4)
    expected, _ = plain(steps, LENGTHS)
    assert torch.equal(dropping.eval()(steps, LENGTHS)[0], expected)
    learning, _ = dropping.train()(steps, LENGTHS)
    assert not torch.allclose(learning, expected)
    learning.sum().backward()
    assert all(p.grad is not None for p in dropping.parameters())


@pytest.mark.parametrize("kind", KINDS)
def test_prediction_does_not_depend_on_company(kind):
    recurrence = kind(
        4, hidden_size=6, num_layers=2, bidirectional=True, locked=True, **ALL_SHARES
    ).eval()
    steps = torch.randn(12, 4)
    together, _ = recurrence(steps, LENGTHS)
    for one, expected in zip(
        steps.split(LENGTHS.tolist()), together.split(LENGTHS.tolist()), strict=True
    ):
        torch.testing.assert_close(recurrence(one, torch.tensor([len(one)]))[0], expected)


def test_every_call_draws_anew_also_from_a_carried_state():
    for share in ({"weight_dropout": 0.5}, {"output_dropout": 0.5, "locked": True}):
        recurrence = LSTM(4, hidden_size=6, **share)
        steps = torch.randn(12, 4)
        _, state = recurrence(steps, LENGTHS, carry=True)
        first, second = (recurrence(steps, LENGTHS, state)[0] for _ in range(2))
        assert not torch.equal(first, second)


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_drawn_where_nothing_is_dropped(kind):
    recurrence = kind(4, hidden_size=6, num_layers=2, locked=True)
    before = torch.get_rng_state()
    recurrence(torch.randn(12, 4, generator=torch.Generator()), LENGTHS, carry=True)
    assert torch.equal(torch.get_rng_state(), before)


def test_between_layers_both_directions_read_under_one_mask():
    recurrence = LSTM(4, hidden_size=6, num_layers=2, bidirectional=True, dropout=0.5, locked=True)
    grids = []
    for layer in recurrence.layers[1]:
        layer.register_forward_pre_hook(lambda _, arguments: grids.append(arguments[0]))
    recurrence(torch.randn(12, 4), EVEN)
    forward, backward = (grid == 0 for grid in grids)  # (T, B, 2 H)
    assert torch.equal(forward, forward[:1].expand_as(forward))
    assert torch.equal(forward, backward)
    assert 0 < forward.float().mean() < 1
    assert not torch.equal(forward[0, 0], forward[0, 1])


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


@pytest.mark.parametrize("share", [-0.1, 1.0, float("nan")])
@pytest.mark.parametrize("name", ALL_SHARES)
def test_a_share_is_at_least_0_and_below_1(name, share):
    with pytest.raises(OptionError, match=f"^{name}={share}: the share [^\n]*$"):
        LSTM(4, **{name: share})
    with pytest.raises(OptionError, match=f"^p={share}"):
        LockedDropout(share)


def test_a_stepped_cell_drops_no_weights():
    with pytest.raises(OptionError, match=r"weight_dropout=0\.5"):
        Unrolled(4, weight_dropout=0.5)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("lengths", [LENGTHS, EVEN])
def test_a_gpu_runs_dropped_weights_without_a_warning(kind, lengths):
    recurrence = kind(4, hidden_size=6, locked=True, **ALL_SHARES).cuda()
    outputs, _ = recurrence(torch.randn(12, 4).cuda(), lengths.cuda(), carry=True)
    outputs.sum().backward()
    assert (recurrence.layers[0][0].fused.weight_hh_l0.grad == 0).any()
