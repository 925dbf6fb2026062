"""Gates and states at every step equal what the fused kernels compute."""

import pytest
import torch
from torch import nn

from models.recurrence import traces
from models.recurrence.cells import Cell, GRUCell, LSTMCell, VanillaCell
from models.recurrence.recurrences import GRU, LSTM, RNN, Unrolled
from models.recurrence.traces import cell_of, state_after, trace

NAMES = {
    "LSTM": ["i", "f", "g", "o", "c", "h"],
    "GRU": ["r", "z", "n", "h"],
    "RNN": ["h"],
}
KINDS = {"RNN": (RNN, VanillaCell), "GRU": (GRU, GRUCell), "LSTM": (LSTM, LSTMCell)}


def features(num_steps=23):
    return torch.randn(num_steps, 5, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("num_layers", [1, 2])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("unrolled", [False, True])
def test_h_is_what_the_recurrence_puts_out(kind, num_layers, bidirectional, unrolled):
    torch.manual_seed(0)
    fused, cell = KINDS[kind]
    options = {
        "hidden_size": 7, "num_layers": num_layers, "bidirectional": bidirectional,
        "dropout": 0.5, "output_dropout": 0.5,
    }  # fmt: skip
    made = Unrolled(5, cell=cell, **options) if unrolled else fused(5, **options)
    made.eval()
    steps = features()
    outputs, _ = made(steps, torch.tensor([len(steps)]))
    layers = trace(made, steps)
    directions = 2 if bidirectional else 1
    assert len(layers) == num_layers * directions
    assert all(list(one) == NAMES[kind] for one in layers)
    assert all(value.shape == (23, 7) for one in layers for value in one.values())
    found = torch.cat([one["h"] for one in layers[-directions:]], dim=1)
    torch.testing.assert_close(found, outputs, atol=1e-5, rtol=0)
    assert not any(value.requires_grad for one in layers for value in one.values())


@pytest.mark.parametrize("kind", KINDS)
def test_pieces_with_carried_state_are_the_whole(kind):
    torch.manual_seed(0)
    made = KINDS[kind][0](5, hidden_size=7, num_layers=2).eval()
    steps = features()
    whole = trace(made, steps)
    state, pieces = None, []
    for piece in steps.split(10):
        pieces.append(trace(made, piece, state))
        state = state_after(made, pieces[-1])
    for layer, one in enumerate(whole):
        for name, values in one.items():
            together = torch.cat([piece[layer][name] for piece in pieces])
            torch.testing.assert_close(together, values, atol=1e-6, rtol=0)
    _, carried = made(steps, torch.tensor([len(steps)]), carry=True)
    for found, expected in zip(state, carried, strict=True):
        torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)


def test_the_trace_of_an_lstm_obeys_its_equations():
    torch.manual_seed(0)
    (one,) = trace(LSTM(5, hidden_size=7).eval(), features())
    before = torch.cat([torch.zeros(1, 7), one["c"][:-1]])
    torch.testing.assert_close(one["c"], one["f"] * before + one["i"] * one["g"])
    torch.testing.assert_close(one["h"], one["o"] * one["c"].tanh())
    assert all(one[gate].min() >= 0 and one[gate].max() <= 1 for gate in "ifo")


def test_blocks_do_not_show(monkeypatch):
    torch.manual_seed(0)
    made = LSTM(5, hidden_size=7).eval()
    (whole,) = trace(made, features())
    monkeypatch.setattr(traces, "_STEPS_AT_ONCE", 4)
    (blocks,) = trace(made, features())
    for name, values in whole.items():
        torch.testing.assert_close(blocks[name], values, atol=1e-6, rtol=0)


class Adder(Cell):
    """A cell of one's own, which reads x itself."""

    blocks = ("h",)

    def forward(self, x, state):
        return (state[0] + x[:, :1],), {"twice": 2 * x[:, :1]}


def test_a_cell_of_ones_own_is_stepped_as_it_is():
    (one,) = trace(Unrolled(5, cell=Adder, hidden_size=1), features())
    torch.testing.assert_close(one["h"], features()[:, :1].cumsum(0))
    torch.testing.assert_close(one["twice"], 2 * features()[:, :1])


def test_what_cannot_be_traced():
    made = LSTM(5, hidden_size=7, bidirectional=True)
    with pytest.raises(ValueError, match="0 steps"):
        trace(made, torch.empty(0, 5))
    with pytest.raises(ValueError, match="reads a sequence whole"):
        state_after(made, trace(made, features()))
    with pytest.raises(ValueError, match="Linear: the equations"):
        cell_of(nn.Linear(2, 2))
