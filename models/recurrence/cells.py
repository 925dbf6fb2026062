"""The equations of recurrent cells, one step at a time.

B sequences · D input features · H hidden size

A recurrent network applies one function with one set of weights at every step:
h_t = f_W(h_{t-1}, x_t). A cell is that f_W. The fused kernels in `recurrence.py` must equal these
equations, and where one wants to look at a gate, this is where it can be seen. Weights are named and
laid out as PyTorch's own cells have them, so they can be copied over (`Cell.copy_from`).
"""

from typing import ClassVar

import torch
from torch import Tensor, nn

# What a cell carries from step to step: (h,) or (h, c), each (B, H). h comes first: it is the output.
State = tuple[Tensor, ...]


class Cell(nn.Module):
    """f_W: from the last state and one step's input to the next state.

    A subclass names the blocks of its weights in ``blocks``, its state in ``state_names`` (h first,
    for h is what the cell puts out), and writes its equations in `forward`.
    """

    blocks: ClassVar[tuple[str, ...]]
    state_names: ClassVar[tuple[str, ...]] = ("h",)

    def __init__(self, in_features: int, hidden_size: int) -> None:
        super().__init__()
        self.in_features, self.hidden_size = in_features, hidden_size
        rows = len(self.blocks) * hidden_size
        self.weight_ih = nn.Parameter(torch.empty(rows, in_features))
        self.weight_hh = nn.Parameter(torch.empty(rows, hidden_size))
        self.bias_ih = nn.Parameter(torch.empty(rows))
        self.bias_hh = nn.Parameter(torch.empty(rows))
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -(hidden_size**-0.5), hidden_size**-0.5)

    def forward(self, x: Tensor, state: State) -> tuple[State, dict[str, Tensor]]:
        """x (B, D), state of (B, H) each → the next state, and every gate by name, (B, H) each."""
        raise NotImplementedError(f"{type(self).__name__} must define forward(x, state)")

    def initial_state(self, x: Tensor) -> State:
        """Zeros for the B rows of x (B, D)."""
        return (x.new_zeros(len(x), self.hidden_size),) * len(self.state_names)

    def copy_from(self, kernel: nn.RNNBase) -> None:
        """Take over the weights of a one-layer, one-way `torch.nn.RNN`, `GRU` or `LSTM`."""
        with torch.no_grad():
            for name, parameter in self.named_parameters():
                parameter.copy_(getattr(kernel, f"{name}_l0"))

    def _inputs(self, x: Tensor) -> tuple[Tensor, ...]:
        """W x + b, a (B, H) for each block."""
        return nn.functional.linear(x, self.weight_ih, self.bias_ih).chunk(len(self.blocks), dim=1)

    def _hidden(self, h: Tensor) -> tuple[Tensor, ...]:
        """U h + b', a (B, H) for each block."""
        return nn.functional.linear(h, self.weight_hh, self.bias_hh).chunk(len(self.blocks), dim=1)


class VanillaCell(Cell):
    """h_t = tanh(W x_t + U h_{t-1} + b): the plain recurrent network (Elman 1990)."""

    blocks = ("h",)

    def forward(self, x: Tensor, state: State) -> tuple[State, dict[str, Tensor]]:
        """x (B, D), state (h,) → (h,) and no gates."""
        (wx,), (uh,) = self._inputs(x), self._hidden(state[0])
        return (torch.tanh(wx + uh),), {}


class GRUCell(Cell):
    """Gated recurrent unit (Cho 2014), in the form of cuDNN: r acts after the matrix product."""

    blocks = ("r", "z", "n")

    def forward(self, x: Tensor, state: State) -> tuple[State, dict[str, Tensor]]:
        """x (B, D), state (h,) → (h,) and the gates r (reset), z (update), n (candidate)."""
        (h,) = state
        (xr, xz, xn), (hr, hz, hn) = self._inputs(x), self._hidden(h)
        r = torch.sigmoid(xr + hr)
        z = torch.sigmoid(xz + hz)
        n = torch.tanh(xn + r * hn)
        return ((1 - z) * n + z * h,), {"r": r, "z": z, "n": n}


class LSTMCell(Cell):
    """Long short-term memory (Hochreiter & Schmidhuber 1997; forget gate: Gers 2000).

    i = σ(W_i x + U_i h + b_i)      how much of the candidate to write
    f = σ(W_f x + U_f h + b_f)      how much of the cell to keep
    g = tanh(W_g x + U_g h + b_g)   the candidate
    o = σ(W_o x + U_o h + b_o)      how much of the cell to show
    c_t = f ⊙ c_{t-1} + i ⊙ g       the cell state, along which gradients flow without shrinking
    h_t = o ⊙ tanh(c_t)
    """

    blocks = ("i", "f", "g", "o")
    state_names = ("h", "c")

    def __init__(self, in_features: int, hidden_size: int) -> None:
        super().__init__(in_features, hidden_size)
        self.open_forget_gate(self.bias_ih, self.bias_hh)

    @staticmethod
    def open_forget_gate(
        bias_ih: Tensor, bias_hh: Tensor, *, memory_steps: int | None = None
    ) -> None:
        """Start the forget gate's bias at 1 (Jozefowicz 2015): a new network remembers, some steps.

        With ``memory_steps`` T the cells start with memories of 1 to T - 1 steps: b_f = ln u with u
        uniform in (1, T - 1), and b_i = -b_f (Tallec & Ollivier 2018, "Can recurrent neural networks
        warp time?"). PyTorch adds two biases, (4 H,) each; their sum is what counts.
        """
        input_bias, forget_bias, _, _ = bias_ih.chunk(4)
        with torch.no_grad():
            bias_hh.chunk(4)[1].zero_()
            if memory_steps is None:
                forget_bias.fill_(1.0)
                return
            bias_hh.chunk(4)[0].zero_()
            forget_bias.uniform_(1, max(memory_steps - 1, 1)).log_()
            input_bias.copy_(-forget_bias)

    def forward(self, x: Tensor, state: State) -> tuple[State, dict[str, Tensor]]:
        """x (B, D), state (h, c) → (h, c) and the gates i, f, o and the candidate g."""
        h, c = state
        (xi, xf, xg, xo), (hi, hf, hg, ho) = self._inputs(x), self._hidden(h)
        i = torch.sigmoid(xi + hi)
        f = torch.sigmoid(xf + hf)
        g = torch.tanh(xg + hg)
        o = torch.sigmoid(xo + ho)
        c = f * c + i * g
        return (o * torch.tanh(c), c), {"i": i, "f": f, "g": g, "o": o}
