"""Recurrences: from the features of every step to a state that remembers what came before.

B sequences · N steps in the batch · T steps of the longest · D features · H hidden size

PyTorch's fused kernels run over padded sequences and never over packed ones: on a CPU packing costs
3 to 50 times the time of a training step. That is exact all the same, because

- forward in time, padding stands behind a sequence's end, where nothing that is read depends on it;
- backward in time, each sequence is reversed by its own length, so padding stands behind its
  *start*; two one-way passes make an exact two-directional one;
- the state carried out is the one at each sequence's own end (`FusedLSTM` says how, for the cell).
"""

from typing import Any

import torch
from torch import Tensor, nn

from models.cells import Cell, LSTMCell, State
from models.ragged import Layout


class FusedLayer(nn.Module):
    """One layer in one direction on one of PyTorch's fused kernels (`torch.nn.RNN`, `torch.nn.GRU`).

    The state is what the kernel puts out, (h,), so the state at a sequence's end is its last
    output.
    """

    kernel: type[nn.RNNBase]

    def __init__(self, in_features: int, hidden_size: int) -> None:
        super().__init__()
        self.fused: nn.RNNBase = self.kernel(in_features, hidden_size)  # type: ignore[call-arg, arg-type]

    def weights(self) -> list[Tensor]:
        """Input weights, hidden weights, input biases, hidden biases."""
        return list(self.fused.parameters())

    def forward(
        self, grid: Tensor, layout: Layout, state: State | None, *, carry: bool
    ) -> tuple[Tensor, State | None]:
        """(T, B, D) and a state of (B, H) each → outputs (T, B, H), the state at each end."""
        outputs, _ = self.fused(grid, None if state is None else state[0].unsqueeze(0))
        return outputs, (_at_ends(outputs, layout),) if carry else None


class FusedRNN(FusedLayer):
    """`torch.nn.RNN`: h_t = tanh(W x_t + U h_{t-1} + b)."""

    kernel = nn.RNN


class FusedGRU(FusedLayer):
    """`torch.nn.GRU` (Cho 2014)."""

    kernel = nn.GRU


class FusedLSTM(FusedLayer):
    """`torch.nn.LSTM`; its state is (h, c), and the kernel shows c only after the last step.

    For a sequence that ended before, that c has run on over padding. When it is asked for, the
    input gets one more feature, 1 on padding and 0 elsewhere, whose weights shut the input gate and
    open the forget gate as far as floats go: c_t = 1 · c_{t-1} + 0, so c stands still to the end.
    """

    kernel = nn.LSTM
    # Large enough that sigmoid(±SHUT + anything met in practice) is exactly 0 or 1, small enough
    # for float16.
    SHUT = 1e4

    def __init__(
        self, in_features: int, hidden_size: int, *, memory_steps: int | None = None
    ) -> None:
        super().__init__(in_features, hidden_size)
        _, _, *biases = self.weights()
        LSTMCell.open_forget_gate(*biases, memory_steps=memory_steps)

    def forward(
        self, grid: Tensor, layout: Layout, state: State | None, *, carry: bool
    ) -> tuple[Tensor, State | None]:
        """(T, B, D) and a state of (B, H) each → outputs (T, B, H), the state at each end."""
        initial = None if state is None else tuple(part.unsqueeze(0) for part in state)
        if not (carry and layout.is_padded):
            outputs, (_, cell) = self.fused(grid, initial)
        else:
            outputs, cell = self._hold_on_padding(grid, layout, initial)
        return outputs, (_at_ends(outputs, layout), cell[0]) if carry else None

    def _hold_on_padding(
        self, grid: Tensor, layout: Layout, initial: State | None
    ) -> tuple[Tensor, Tensor]:
        weight, *others = self.weights()
        hidden_size = self.fused.hidden_size
        column = weight.new_zeros(4 * hidden_size, 1)
        column[:hidden_size] = -self.SHUT  # input gate
        column[hidden_size : 2 * hidden_size] = self.SHUT  # forget gate
        if initial is None:
            zeros = grid.new_zeros(1, layout.batch_size, hidden_size)
            initial = (zeros, zeros)
        weights = [torch.cat([weight, column], dim=1), *others]
        marked = torch.cat([grid, layout.padding().unsqueeze(2).to(grid.dtype)], dim=2)
        # has_biases, num_layers, dropout, train, bidirectional, batch_first
        outputs, _, cell = torch.lstm(
            marked, initial, weights, True, 1, 0.0, self.training, False, False
        )
        return outputs, cell


class UnrolledCell(nn.Module):
    """One layer in one direction: a `Cell` stepped through time in Python, state held on padding."""

    def __init__(self, cell: Cell) -> None:
        super().__init__()
        self.cell = cell

    def forward(
        self, grid: Tensor, layout: Layout, state: State | None, *, carry: bool
    ) -> tuple[Tensor, State | None]:
        """(T, B, D) and a state of (B, H) each → outputs (T, B, H), the state at each end."""
        now = self.cell.initial_state(grid[0]) if state is None else state
        outputs = []
        for step, is_padding in zip(grid, layout.padding().unsqueeze(2), strict=True):
            following, _ = self.cell(step, now)
            now = tuple(torch.where(is_padding, a, b) for a, b in zip(now, following, strict=True))
            outputs.append(now[0])
        return torch.stack(outputs), now if carry else None


class Recurrence(nn.Module):
    """Reads each sequence to its end, step by step, with the same weights at every step.

    Any depth, one or two directions. A subclass says in `layer` what one layer in one direction is.

    Args:
        in_features: D, what the encoder puts out.
        hidden_size: H, of each layer and direction.
        num_layers: how many layers stand on each other.
        bidirectional: read from both ends; the two outputs stand side by side. The backward pass
            of a sequence starts at its own last step.
        dropout: share of a layer's outputs that is zeroed, while training, before the next layer.
    """

    def __init__(
        self,
        in_features: int,
        *,
        hidden_size: int = 128,
        num_layers: int = 1,
        bidirectional: bool = False,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.num_directions = 2 if bidirectional else 1
        self.out_features = hidden_size * self.num_directions
        sizes = [in_features] + [self.out_features] * (num_layers - 1)
        self.layers = nn.ModuleList(
            nn.ModuleList(self.layer(size, hidden_size) for _ in range(self.num_directions))
            for size in sizes
        )
        self.dropout = nn.Dropout(dropout)

    def layer(self, in_features: int, hidden_size: int) -> nn.Module:
        """One layer in one direction, called as `FusedLayer.forward` is."""
        raise NotImplementedError(f"{type(self).__name__} must define layer(in, hidden)")

    def forward(
        self,
        steps: Tensor,
        lengths: Tensor,
        state: State | None = None,
        *,
        carry: bool = False,
    ) -> tuple[Tensor, State | None]:
        """Read B sequences.

        Args:
            steps: (N, D), all steps of all sequences end to end.
            lengths: (B,) int64, each ≥ 1, summing to N.
            state: what an earlier call carried out; zeros when None.
            carry: whether to return the state at the end of each sequence.

        Returns:
            outputs: (N, out_features); backward outputs stand at the step they belong to.
            state: (h,) or (h, c), each (num_layers · num_directions, B, H), ordered as PyTorch
                does (layer 0 forward, layer 0 backward, layer 1 …); None unless ``carry``.
        """
        if steps.device.type == "cpu":
            # In bfloat16 the CPU's LSTM is no faster, and on some processors there is none.
            with torch.autocast("cpu", enabled=False):
                return self._read(steps.float(), lengths, state, carry=carry)
        return self._read(steps, lengths, state, carry=carry)

    def _read(
        self, steps: Tensor, lengths: Tensor, state: State | None, *, carry: bool
    ) -> tuple[Tensor, State | None]:
        layout = Layout(lengths, len(steps))
        ends: list[State] = []
        for depth, directions in enumerate(self.layers):
            assert isinstance(directions, nn.ModuleList)
            if depth > 0:
                steps = self.dropout(steps)
            outputs = []
            for direction, layer in enumerate(directions):
                index = depth * self.num_directions + direction
                initial = None if state is None else tuple(part[index] for part in state)
                reverse = direction == 1
                grid = layout.pad(steps, reverse=reverse)
                grid, end = layer(grid, layout, initial, carry=carry)
                outputs.append(layout.unpad(grid, reverse=reverse))
                if carry:
                    ends.append(end)
            steps = outputs[0] if len(outputs) == 1 else torch.cat(outputs, dim=1)
        return steps, tuple(map(torch.stack, zip(*ends, strict=True))) if carry else None


class RNN(Recurrence):
    """The vanilla recurrent network (Elman 1990) on the fused kernel."""

    def layer(self, in_features: int, hidden_size: int) -> nn.Module:
        return FusedRNN(in_features, hidden_size)


class GRU(Recurrence):
    """Gated recurrent units (Cho 2014) on the fused kernel."""

    def layer(self, in_features: int, hidden_size: int) -> nn.Module:
        return FusedGRU(in_features, hidden_size)


class LSTM(Recurrence):
    """Long short-term memory (Hochreiter & Schmidhuber 1997) on the fused kernel.

    Args:
        in_features: D, what the encoder puts out.
        memory_steps: how many steps its cells remember at the start, at the most; for sequences of
            thousands of steps, of which without it the last hundred or so are learnt from at first.
            About the longest sequence's length is right. None: a few steps (forget biases of 1).
        options: what `Recurrence` takes.
    """

    def __init__(
        self, in_features: int, *, memory_steps: int | None = None, **options: Any
    ) -> None:
        self._memory_steps = memory_steps  # before super().__init__, which calls `layer`
        super().__init__(in_features, **options)

    def layer(self, in_features: int, hidden_size: int) -> nn.Module:
        return FusedLSTM(in_features, hidden_size, memory_steps=self._memory_steps)


class Unrolled(Recurrence):
    """Any `Cell` as a recurrence, its equations stepped through time in Python.

    For looking inside, and for cells of your own; the fused kernels are many times faster.

    Args:
        in_features: D, what the encoder puts out.
        cell: the class of the cell.
        options: what `Recurrence` takes.
    """

    def __init__(self, in_features: int, *, cell: type[Cell] = LSTMCell, **options: Any) -> None:
        self._cell = cell  # before super().__init__, which calls `layer`
        super().__init__(in_features, **options)

    def layer(self, in_features: int, hidden_size: int) -> nn.Module:
        return UnrolledCell(self._cell(in_features, hidden_size))


def _at_ends(outputs: Tensor, layout: Layout) -> Tensor:
    """The outputs (T, B, H) at each sequence's last step: (B, H)."""
    rows = torch.arange(layout.batch_size, device=outputs.device)
    return outputs[layout.lengths - 1, rows]
