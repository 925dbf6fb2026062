"""The equations of recurrent cells, one step at a time.

B sequences · D input features · H hidden size

A recurrent network applies one function with one set of weights at every step:
h_t = f_W(h_{t-1}, x_t). A cell is that f_W. The fused kernels in `fused.py` must equal these equations.
Gates can be looked at here alone. Weights have the names and the layout of PyTorch's own cells, so that
they can be copied over (`Cell.copy_from`).
"""

from typing import ClassVar

import torch
from torch import Tensor, nn

# The state that a cell carries from step to step is (h,) or (h, c), each (B, H). The output h is first.
State = tuple[Tensor, ...]


class Cell(nn.Module):
    """The contract of cells: f_W, from the last state and one step's input to the next state.

    A subclass names the blocks of its weights in ``blocks`` and the parts of its state in
    ``state_names``, the output h first. It writes its equations in `forward`.

    Args:
        in_features: D.
        hidden_size: H.
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
        """Input x (B, D), state of (B, H) each → next state, and gates by name, (B, H) each."""
        raise NotImplementedError(f"{type(self).__name__} must define forward(x, state)")

    def initial_state(self, x: Tensor) -> State:
        """Zeros, for as many sequences as x (B, D) has rows."""
        return (x.new_zeros(len(x), self.hidden_size),) * len(self.state_names)

    def copy_from(self, kernel: nn.RNNBase) -> None:
        """Take over the weights of a one-layer, one-way `torch.nn.RNN`, `GRU` or `LSTM`."""
        with torch.no_grad():
            for name, parameter in self.named_parameters():
                parameter.copy_(getattr(kernel, f"{name}_l0"))

    def _inputs(self, x: Tensor) -> tuple[Tensor, ...]:
        """The input products W x + b, (B, H) for each block."""
        return nn.functional.linear(x, self.weight_ih, self.bias_ih).chunk(len(self.blocks), dim=1)

    def _hidden(self, h: Tensor) -> tuple[Tensor, ...]:
        """The hidden products U h + b', (B, H) for each block."""
        return nn.functional.linear(h, self.weight_hh, self.bias_hh).chunk(len(self.blocks), dim=1)


class VanillaCell(Cell):
    """The plain recurrent network: h_t = tanh(W x_t + U h_{t-1} + b).

    Elman 1990, "Finding Structure in Time".
    """

    blocks = ("h",)

    def forward(self, x: Tensor, state: State) -> tuple[State, dict[str, Tensor]]:
        """Input x (B, D), state (h,) → (h,) and no gates."""
        (wx,), (uh,) = self._inputs(x), self._hidden(state[0])
        return (torch.tanh(wx + uh),), {}


class GRUCell(Cell):
    """The gated recurrent unit, in the form of cuDNN: r acts after the matrix product.

    Cho et al. 2014, "Learning Phrase Representations using RNN Encoder–Decoder for Statistical
    Machine Translation", eq. 5 to 8.

    r = σ(W_r x + U_r h + b_r)               how much of the state the candidate sees
    z = σ(W_z x + U_z h + b_z)               how much of the state to keep
    n = tanh(W_n x + b_n + r ⊙ (U_n h + b'_n))   the candidate
    h_t = (1 - z) ⊙ n + z ⊙ h_{t-1}
    """

    blocks = ("r", "z", "n")

    def forward(self, x: Tensor, state: State) -> tuple[State, dict[str, Tensor]]:
        """Input x (B, D), state (h,) → (h,), and r (reset), z (update), n (candidate)."""
        (h,) = state
        (xr, xz, xn), (hr, hz, hn) = self._inputs(x), self._hidden(h)
        r = torch.sigmoid(xr + hr)
        z = torch.sigmoid(xz + hz)
        n = torch.tanh(xn + r * hn)
        return ((1 - z) * n + z * h,), {"r": r, "z": z, "n": n}


class LSTMCell(Cell):
    """Long short-term memory, with a forget gate.

    Hochreiter & Schmidhuber 1997, "Long Short-Term Memory"; Gers et al. 2000, "Learning to Forget:
    Continual Prediction with LSTM".

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
        """Start the forget gate's bias at 1, so that a new network remembers some steps.

        Jozefowicz et al. 2015, "An Empirical Exploration of Recurrent Network Architectures".

        With ``memory_steps`` T the cells start with memories of 1 to T - 1 steps: b_f = ln u with u
        uniform in (1, T - 1), and b_i = -b_f (Tallec & Ollivier 2018, "Can recurrent neural networks
        warp time?"). PyTorch adds two biases, (4 H,) each, and only their sum counts.
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
        """Input x (B, D), state (h, c) → (h, c), and the gates i, f, o and the candidate g."""
        h, c = state
        (xi, xf, xg, xo), (hi, hf, hg, ho) = self._inputs(x), self._hidden(h)
        i = torch.sigmoid(xi + hi)
        f = torch.sigmoid(xf + hf)
        g = torch.tanh(xg + hg)
        o = torch.sigmoid(xo + ho)
        c = f * c + i * g
        return (o * torch.tanh(c), c), {"i": i, "f": f, "g": g, "o": o}
