import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_sequence, pad_packed_sequence

from models.recurrence.cells import GRUCell, LSTMCell, VanillaCell
from models.recurrence.layout import Layout
from models.recurrence.recurrences import GRU, LSTM, RNN, Unrolled

KINDS = {"RNN": (RNN, nn.RNN), "GRU": (GRU, nn.GRU), "LSTM": (LSTM, nn.LSTM)}


def same_weights(ours, kernel):
    with torch.no_grad():
        for depth, directions in enumerate(ours.layers):
            for backward, layer in enumerate(directions):
                for name, parameter in layer.fused.named_parameters():
                    suffix = f"_l{depth}" + "_reverse" * backward
                    getattr(kernel, name.replace("_l0", suffix)).copy_(parameter)


@pytest.mark.parametrize("num_layers", [1, 3])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_equals_pytorch_on_packed_sequences(kind, bidirectional, num_layers):
    make, make_kernel = KINDS[kind]
    ours = make(5, hidden_size=7, num_layers=num_layers, bidirectional=bidirectional)
    kernel = make_kernel(5, 7, num_layers, bidirectional=bidirectional)
    same_weights(ours, kernel)
    lengths = torch.tensor([4, 11, 1, 7])
    steps = torch.randn(int(lengths.sum()), 5)
    num_states = num_layers * (2 if bidirectional else 1)
    state = tuple(torch.randn(num_states, 4, 7) for _ in range(2 if kind == "LSTM" else 1))
    packed = pack_sequence(torch.split(steps, lengths.tolist()), enforce_sorted=False)
    expected, end = kernel(packed, state if kind == "LSTM" else state[0])
    padded, _ = pad_packed_sequence(expected, batch_first=True)
    expected = torch.cat([row[:n] for row, n in zip(padded, lengths, strict=True)])
    outputs, carried = ours(steps, lengths, state, carry=True)
    torch.testing.assert_close(outputs, expected, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(carried, end if kind == "LSTM" else (end,), atol=1e-5, rtol=1e-5)


ALL = {
    **{kind: make for kind, (make, _) in KINDS.items()},
    **{
        cell.__name__: lambda size, cell=cell, **options: Unrolled(size, cell=cell, **options)
        for cell in (VanillaCell, GRUCell, LSTMCell)
    },
}


@pytest.mark.parametrize("kind", ALL)
class TestConformance:
    def test_alone_as_in_a_batch(self, kind):
        model = ALL[kind](3, hidden_size=5, num_layers=2, bidirectional=True)
        lengths = torch.tensor([2, 30, 9])
        steps = torch.randn(41, 3)
        together, states = model(steps, lengths, carry=True)
        for row, one in enumerate(torch.split(steps, lengths.tolist())):
            outputs, state = model(one, lengths[row : row + 1], carry=True)
            start = int(lengths[:row].sum())
            torch.testing.assert_close(outputs, together[start : start + len(one)])
            for alone, all_of_them in zip(state, states, strict=True):
                torch.testing.assert_close(alone[:, 0], all_of_them[:, row])

    def test_carried_state_continues_where_it_stopped(self, kind):
        model = ALL[kind](3, hidden_size=5, num_layers=2)
        steps, first = torch.randn(10 + 6, 3), [7, 2]
        whole, end = model(steps, torch.tensor([10, 6]), carry=True)
        a, b = steps[:10], steps[10:]
        _, state = model(torch.cat([a[:7], b[:2]]), torch.tensor(first), carry=True)
        rest, continued = model(torch.cat([a[7:], b[2:]]), torch.tensor([3, 4]), state, carry=True)
        torch.testing.assert_close(rest, torch.cat([whole[7:10], whole[12:]]))
        torch.testing.assert_close(continued, end)

    def test_no_state_unless_asked(self, kind):
        _, state = ALL[kind](3, hidden_size=5)(torch.randn(4, 3), torch.tensor([4]))
        assert state is None


def test_held_cell_state_is_exact_after_long_padding():
    model = LSTM(3, hidden_size=4)
    steps = torch.randn(2 + 1000, 3)
    _, (_, c) = model(steps, torch.tensor([2, 1000]), carry=True)
    _, (_, alone) = model(steps[:2], torch.tensor([2]), carry=True)
    torch.testing.assert_close(c[:, 0], alone[:, 0], atol=1e-6, rtol=0)


@pytest.mark.parametrize("weight_dropout", [0, 1e-9])
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_too_long_for_the_kernel_is_read_in_stretches(kind, weight_dropout, monkeypatch):
    make, _ = KINDS[kind]
    model = make(3, hidden_size=4, num_layers=2, bidirectional=True, weight_dropout=weight_dropout)
    steps, lengths = torch.randn(40, 3, requires_grad=True), torch.tensor([29, 11])

    def read():
        outputs, state = model(steps, lengths, carry=True)
        (gradient,) = torch.autograd.grad(outputs.square().sum(), steps)
        return outputs, state, gradient

    at_once = read()
    # Two sequences of four gates of four units: 7 steps at once; of RNNs more, but not all.
    monkeypatch.setattr("models.recurrence.fused.MAX_GATES", 7 * 2 * 16)
    torch.testing.assert_close(read(), at_once, atol=1e-6, rtol=1e-5)


@pytest.mark.slow
def test_a_text_of_two_million_tokens():
    model = LSTM(8, hidden_size=256)
    steps = torch.randn(2_000_000, 8)
    with torch.inference_mode():
        outputs, _ = model(steps, torch.tensor([len(steps)]))
        last, _ = model(steps[-1000:], torch.tensor([1000]))
    torch.testing.assert_close(outputs[-1], last[-1], atol=1e-5, rtol=1e-4)


def test_layout_pads_and_unpads():
    layout = Layout(torch.tensor([1, 3]), 4)
    steps = torch.tensor([[1.0], [2.0], [3.0], [4.0]])
    assert layout.pad(steps)[..., 0].tolist() == [[1, 2], [0, 3], [0, 4]]
    assert layout.pad(steps, reverse=True)[..., 0].tolist() == [[1, 4], [0, 3], [0, 2]]
    assert layout.padding().tolist() == [[False, False], [True, False], [True, False]]
    for reverse in (False, True):
        assert torch.equal(layout.unpad(layout.pad(steps, reverse=reverse), reverse=reverse), steps)


@pytest.mark.parametrize(("lengths", "num_steps"), [([0, 3], 3), ([2, 3], 4)])
def test_layout_refuses_lengths_that_are_not(lengths, num_steps):
    with pytest.raises(ValueError, match=r"at least 1|add up"):
        Layout(torch.tensor(lengths), num_steps)


def test_an_lstm_that_is_to_remember_thousands_of_steps_learns_from_the_first():
    torch.manual_seed(0)
    first = {}
    for memory_steps in (None, 5000):
        lstm = LSTM(4, hidden_size=32, memory_steps=memory_steps)
        steps = torch.randn(5000, 4, requires_grad=True)
        outputs, _ = lstm(steps, torch.tensor([5000]))
        outputs[-1].sum().backward()
        first[memory_steps] = float(steps.grad[0].abs().max())
    assert first[None] == 0.0  # 0.7 ** 5000
    assert first[5000] > 1e-8
    biases = lstm.layers[0][0].fused.bias_ih_l0 + lstm.layers[0][0].fused.bias_hh_l0
    write, keep, _, _ = biases.detach().chunk(4)
    assert torch.equal(write, -keep)
    assert keep.min() >= 0
    # Memories spread evenly from 1 to 4,999 steps.
    assert 1500 < keep.exp().mean() < 3500
    assert keep.exp().max() < 4999
