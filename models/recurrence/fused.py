"""Layers on PyTorch's fused kernels, each in one direction, over padded sequences.

B sequences · T steps of the longest · D features · H hidden size
"""

from collections.abc import Callable
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from models.chance import dropped
from models.recurrence.cells import LSTMCell, State
from models.recurrence.layout import Layout

#: the most gates (steps × sequences × units) that a kernel is given at once; on a CPU none can be made
#: for 2^29, which are 2 GiB
MAX_GATES = 2**28


class FusedLayer(nn.Module):
    """One layer in one direction on a fused kernel of PyTorch (`torch.nn.RNN`, `torch.nn.GRU`).

    The state is (h,), and h is the kernel's output. So the state at a sequence's end is its last
    output.

    Args:
        in_features: D.
        hidden_size: H.
        weight_dropout: share of the hidden weights that is zeroed while training.
    """

    kernel: type[nn.RNNBase]
    #: see `Cell`
    state_names: ClassVar[tuple[str, ...]] = ("h",)
    #: the kernel as a function of its weights
    function: Callable[..., tuple[Tensor, ...]]

    def __init__(self, in_features: int, hidden_size: int, *, weight_dropout: float = 0.0) -> None:
        super().__init__()
        self.fused: nn.RNNBase = self.kernel(in_features, hidden_size)  # type: ignore[call-arg, arg-type]
        self.weight_dropout = weight_dropout

    def weights(self) -> list[Tensor]:
        """Input weights, hidden weights, input biases, hidden biases."""
        return list(self.fused.parameters())

    def dropped_weights(self) -> list[Tensor]:
        """The weights, with a share of the hidden ones zeroed while training."""
        inputs, hidden, *biases = self.weights()
        return [inputs, dropped(hidden, self.weight_dropout, training=self.training), *biases]

    def run(self, grid: Tensor, initial: Any) -> tuple[Tensor, Any]:
        """Run the kernel with its weights, some dropped while training → outputs, last state."""
        if not self.training or self.weight_dropout == 0:
            return self._in_stretches(self.fused, grid, initial)
        if initial is None:
            zeros = grid.new_zeros(1, grid.shape[1], self.fused.hidden_size)
            initial = (zeros, zeros) if self.kernel is nn.LSTM else zeros
        return self.call(grid, initial, self.dropped_weights())

    def call(self, grid: Tensor, initial: Any, weights: list[Tensor]) -> tuple[Tensor, Any]:
        """Run the kernel with other weights → outputs, last state."""
        if grid.is_cuda:
            weights = _in_one_piece(weights)

        def read(stretch: Tensor, state: Any) -> tuple[Tensor, Any]:
            # has_biases, num_layers, dropout, train, bidirectional, batch_first
            outputs, *after = type(self).function(
                stretch, state, weights, True, 1, 0.0, self.training, False, False
            )
            return outputs, tuple(after) if self.kernel is nn.LSTM else after[0]

        return self._in_stretches(read, grid, initial)

    def _in_stretches(
        self, read: Callable[[Tensor, Any], tuple[Tensor, Any]], grid: Tensor, state: Any
    ) -> tuple[Tensor, Any]:
        """Read sequences in one go, or stretch by stretch where they are too long for the kernel."""
        most = MAX_GATES // (len(self.weights()[0]) * grid.shape[1])
        if len(grid) <= max(most, 1):
            return read(grid, state)
        outputs = []
        for stretch in grid.split(max(most, 1)):
            some, state = read(stretch, state)
            outputs.append(some)
        return torch.cat(outputs), state

    def forward(
        self, grid: Tensor, layout: Layout, state: State | None, *, carry: bool
    ) -> tuple[Tensor, State | None]:
        """Grid (T, B, D), state of (B, H) each → outputs (T, B, H), the state at each end."""
        outputs, _ = self.run(grid, None if state is None else state[0].unsqueeze(0))
        return outputs, (_at_ends(outputs, layout),) if carry else None


class FusedRNN(FusedLayer):
    """A layer of `torch.nn.RNN`, with the equations of `VanillaCell`."""

    kernel = nn.RNN
    function = torch.rnn_tanh


class FusedGRU(FusedLayer):
    """A layer of `torch.nn.GRU`, with the equations of `GRUCell`."""

    kernel = nn.GRU
    function = torch.gru


class FusedLSTM(FusedLayer):
    """A layer of `torch.nn.LSTM`, with the equations of `LSTMCell`.

    Its state is (h, c), and the kernel shows c only after the last step, when that of a shorter
    sequence has run on over padding. Where c is asked for, the input gets one more feature, 1 on
    padding and 0 elsewhere. Its weights shut the input gate and open the forget gate as far as floats
    go: c_t = 1 · c_{t-1} + 0, so c stands still to the end.

    Args:
        in_features, hidden_size, weight_dropout: see `FusedLayer`.
        memory_steps: see `LSTMCell.open_forget_gate`.
    """

    kernel = nn.LSTM
    state_names = LSTMCell.state_names
    function = torch.lstm
    # It is so large that sigmoid(±SHUT + anything met in practice) is exactly 0 or 1, and small enough
    # for float16.
    SHUT = 1e4

    def __init__(
        self,
        in_features: int,
        hidden_size: int,
        *,
        weight_dropout: float = 0.0,
        memory_steps: int | None = None,
    ) -> None:
        super().__init__(in_features, hidden_size, weight_dropout=weight_dropout)
        _, _, *biases = self.weights()
        LSTMCell.open_forget_gate(*biases, memory_steps=memory_steps)

    def forward(
        self, grid: Tensor, layout: Layout, state: State | None, *, carry: bool
    ) -> tuple[Tensor, State | None]:
        """Grid (T, B, D), state of (B, H) each → outputs (T, B, H), the state at each end."""
        initial = None if state is None else tuple(part.unsqueeze(0) for part in state)
        if not (carry and layout.is_padded):
            outputs, (_, cell) = self.run(grid, initial)
        else:
            outputs, cell = self._hold_on_padding(grid, layout, initial)
        return outputs, (_at_ends(outputs, layout), cell[0]) if carry else None

    def _hold_on_padding(
        self, grid: Tensor, layout: Layout, initial: State | None
    ) -> tuple[Tensor, Tensor]:
        weight, *others = self.dropped_weights()
        hidden_size = self.fused.hidden_size
        column = weight.new_zeros(4 * hidden_size, 1)
        column[:hidden_size] = -self.SHUT  # input gate
        column[hidden_size : 2 * hidden_size] = self.SHUT  # forget gate
        if initial is None:
            zeros = grid.new_zeros(1, layout.batch_size, hidden_size)
            initial = (zeros, zeros)
        weights = [torch.cat([weight, column], dim=1), *others]
        marked = torch.cat([grid, layout.padding().unsqueeze(2).to(grid.dtype)], dim=2)
        outputs, (_, cell) = self.call(marked, initial, weights)
        return outputs, cell


def _in_one_piece(weights: list[Tensor]) -> list[Tensor]:
    """The same weights, as views of one piece of memory, in the order in which cuDNN keeps them.

    It gathers weights that lie apart at every call, and warns of it.
    """
    flat = torch.cat([weight.flatten() for weight in weights])
    parts = flat.split([weight.numel() for weight in weights])
    return [part.view_as(weight) for part, weight in zip(parts, weights, strict=True)]


def _at_ends(outputs: Tensor, layout: Layout) -> Tensor:
    """The outputs (T, B, H) at each sequence's last step: (B, H)."""
    rows = torch.arange(layout.batch_size, device=outputs.device)
    return outputs[layout.lengths - 1, rows]
