import math

import pytest
import torch
from torch import nn

from models.recurrence.cells import GRUCell, LSTMCell, VanillaCell
from models.recurrence.recurrences import GRU, LSTM, RNN, Unrolled

FUSED = {VanillaCell: RNN, GRUCell: GRU, LSTMCell: LSTM}


def sigmoid(x):
    return 1 / (1 + math.exp(-x))


def fill(cell, weight_ih, weight_hh, bias):
    with torch.no_grad():
        cell.weight_ih.copy_(torch.tensor(weight_ih).reshape(-1, 1))
        cell.weight_hh.copy_(torch.tensor(weight_hh).reshape(-1, 1))
        cell.bias_ih.copy_(torch.tensor(bias))
        cell.bias_hh.zero_()


def test_vanilla_steps_by_hand():
    cell = VanillaCell(1, 1)
    fill(cell, [0.5], [2.0], [0.1])
    state = cell.initial_state(torch.zeros(1, 1))
    (h,), _ = cell(torch.tensor([[1.0]]), state)
    assert h.item() == pytest.approx(math.tanh(0.6))
    (h2,), _ = cell(torch.tensor([[-1.0]]), (h,))
    assert h2.item() == pytest.approx(math.tanh(-0.4 + 2 * math.tanh(0.6)))


def test_lstm_steps_by_hand():
    cell = LSTMCell(1, 1)
    fill(cell, [0.1, 0.2, 0.3, 0.4], [0.5, 0.6, 0.7, 0.8], [0.0, 1.0, 0.0, 0.0])
    h = c = 0.0
    state = cell.initial_state(torch.zeros(1, 1))
    for x in (1.0, -2.0, 0.5):
        i, f = sigmoid(0.1 * x + 0.5 * h), sigmoid(0.2 * x + 0.6 * h + 1)
        g, o = math.tanh(0.3 * x + 0.7 * h), sigmoid(0.4 * x + 0.8 * h)
        c = f * c + i * g
        h = o * math.tanh(c)
        state, gates = cell(torch.tensor([[x]]), state)
        assert [part.item() for part in state] == pytest.approx([h, c])
        assert {k: v.item() for k, v in gates.items()} == pytest.approx(
            {"i": i, "f": f, "g": g, "o": o}
        )


def test_gru_equals_pytorchs_cell():
    cell, reference = GRUCell(3, 4), nn.GRUCell(3, 4)
    cell.load_state_dict(reference.state_dict())
    x, h = torch.randn(5, 3), torch.randn(5, 4)
    (ours,), _ = cell(x, (h,))
    torch.testing.assert_close(ours, reference(x, h))


def test_forget_gate_starts_open():
    for bias in (
        LSTMCell(3, 4).bias_ih + LSTMCell(3, 4).bias_hh,
        sum(
            getattr(LSTM(3, hidden_size=4).layers[0][0].fused, f"bias_{k}_l0") for k in ("ih", "hh")
        ),
    ):
        assert torch.equal(bias[4:8], torch.ones(4))


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("cell", FUSED, ids=lambda cell: cell.__name__)
def test_fused_equals_equations_in_value_and_gradient(cell, bidirectional):
    options = {"hidden_size": 6, "num_layers": 2, "bidirectional": bidirectional}
    fused, unrolled = FUSED[cell](4, **options), Unrolled(4, cell=cell, **options)
    for a, b in zip(fused.layers, unrolled.layers, strict=True):
        for one, other in zip(a, b, strict=True):
            other.cell.copy_from(one.fused)
    lengths = torch.tensor([5, 1, 9, 3])
    steps = torch.randn(18, 4)
    results = []
    for model in (fused, unrolled):
        x = steps.clone().requires_grad_()
        outputs, state = model(x, lengths, carry=True)
        (outputs.square().sum() + sum(part.square().sum() for part in state)).backward()
        results.append((outputs, state, x.grad, [p.grad for p in model.parameters()]))
    torch.testing.assert_close(results[0], results[1], atol=1e-5, rtol=1e-5)
