"""Recurrences, from the features of every step to a state that remembers earlier steps.

B sequences · N steps in the batch · T steps of the longest · D features · H hidden size

PyTorch's fused kernels run over padded sequences and never over packed ones. On a CPU a training step
with packed sequences takes 2 to 9 times the time, and up to 50 times where memory is asked for anew each
time. Padding is exact all the same, because

- forward in time, padding stands behind a sequence's end, where no step that is read depends on it;
- backward in time, each sequence is reversed by its own length, so padding stands behind its *start*,
  and two one-way passes make an exact two-directional one;
- the state carried out is the one at each sequence's own end (`FusedLSTM` tells how, for the cell).
"""

from typing import Any

import torch
from torch import Tensor, nn

from models.chance import Dropout
from models.errors import OptionError
from models.recurrence.cells import Cell, LSTMCell, State
from models.recurrence.dropout import LockedDropout, share
from models.recurrence.fused import FusedGRU, FusedLSTM, FusedRNN
from models.recurrence.layout import Layout


class UnrolledCell(nn.Module):
    """One layer in one direction: a `Cell` stepped through time, whose state is held on padding."""

    def __init__(self, cell: Cell) -> None:
        super().__init__()
        self.cell = cell
        self.state_names = cell.state_names

    def forward(
        self, grid: Tensor, layout: Layout, state: State | None, *, carry: bool
    ) -> tuple[Tensor, State | None]:
        """Grid (T, B, D), state of (B, H) each → outputs (T, B, H), the state at each end."""
        now = self.cell.initial_state(grid[0]) if state is None else state
        outputs = []
        for step, is_padding in zip(grid, layout.padding().unsqueeze(2), strict=True):
            following, _ = self.cell(step, now)
            now = tuple(torch.where(is_padding, a, b) for a, b in zip(now, following, strict=True))
            outputs.append(now[0])
        return torch.stack(outputs), now if carry else None


class Recurrence(nn.Module):
    """The contract of recurrences, which read each sequence to its end, step by step.

    The same weights are used at every step. A recurrence has any depth, and one or two directions. A
    subclass makes one layer in one direction in `layer`.

    Args:
        in_features: D, the encoder's ``out_features``, or those of the inputs made of them.
        hidden_size: H, the size of each layer and direction.
        num_layers: the number of layers, one upon the other.
        bidirectional: whether to read from both ends. The two outputs stand side by side, and the
            backward direction starts at a sequence's own last step.
        dropout: share of a layer's outputs that is zeroed, while training, before the next layer.
        input_dropout: share of the first layer's inputs that is zeroed while training.
        output_dropout: share of the last layer's outputs that is zeroed while training.
        locked: whether these three drop the same features at every step of a sequence (see
            `LockedDropout`) rather than others at each.
        weight_dropout: share of the hidden-to-hidden weights that is zeroed, while training, for
            all steps of a batch (Merity et al. 2018, "Regularizing and Optimizing LSTM Language
            Models", §2, after Wan et al. 2013).

    Raises:
        OptionError: a share below 0, or of 1 and more.
    """

    def __init__(
        self,
        in_features: int,
        *,
        hidden_size: int = 128,
        num_layers: int = 1,
        bidirectional: bool = False,
        dropout: float = 0.0,
        input_dropout: float = 0.0,
        output_dropout: float = 0.0,
        locked: bool = False,
        weight_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        for name, count in (("hidden_size", hidden_size), ("num_layers", num_layers)):
            if count < 1:
                raise OptionError(f"{name}={count}: at least 1")
        self.weight_dropout = share("weight_dropout", weight_dropout)
        kind: type[LockedDropout] | type[Dropout] = LockedDropout if locked else Dropout
        self.dropout = kind(share("dropout", dropout))
        self.input_dropout = kind(share("input_dropout", input_dropout))
        self.output_dropout = kind(share("output_dropout", output_dropout))
        self.num_directions = 2 if bidirectional else 1
        self.out_features = hidden_size * self.num_directions
        self.layers = nn.ModuleList(
            nn.ModuleList(
                self.layer(self.out_features if depth else in_features, hidden_size)
                for _ in range(self.num_directions)
            )
            for depth in range(num_layers)
        )

    @property
    def state_names(self) -> tuple[str, ...]:
        """The parts of the state: (h,) or (h, c)."""
        first: tuple[str, ...] = self.layers[0][0].state_names  # type: ignore[index]
        return first

    def layer(self, in_features: int, hidden_size: int) -> nn.Module:
        """One layer in one direction, called as `FusedLayer.forward` is, with its ``state_names``."""
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

        While training, every call draws its masks anew. So does one that reads on from a carried
        state (truncated backpropagation): a mask lasts from one cut to the next.

        Args:
            steps: (N, D), all steps of all sequences end to end.
            lengths: (B,) int64, each ≥ 1, summing to N.
            state: the state that an earlier call returned; None: zeros.
            carry: whether to return the state at the end of each sequence.

        Returns:
            outputs: (N, out_features). Backward outputs stand at the step they belong to.
            state: (h,) or (h, c), each (num_layers · num_directions, B, H), ordered as PyTorch
                does (layer 0 forward, layer 0 backward, layer 1 …). None unless ``carry``.
        """
        if steps.device.type == "cpu":
            # The CPU's LSTM is no faster in bfloat16, and missing on some processors.
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
            steps = self._drop(self.dropout if depth else self.input_dropout, steps, layout)
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
        steps = self._drop(self.output_dropout, steps, layout)
        return steps, tuple(map(torch.stack, zip(*ends, strict=True))) if carry else None

    @staticmethod
    def _drop(kind: LockedDropout | Dropout, steps: Tensor, layout: Layout) -> Tensor:
        if not kind.training or kind.p == 0:
            return steps
        if isinstance(kind, LockedDropout):
            return kind(steps, layout.row_of, layout.batch_size)
        return kind(steps)


class RNN(Recurrence):
    """The vanilla recurrent network on the fused kernel (see `VanillaCell`)."""

    def layer(self, in_features: int, hidden_size: int) -> nn.Module:
        return FusedRNN(in_features, hidden_size, weight_dropout=self.weight_dropout)


class GRU(Recurrence):
    """Gated recurrent units on the fused kernel (see `GRUCell`)."""

    def layer(self, in_features: int, hidden_size: int) -> nn.Module:
        return FusedGRU(in_features, hidden_size, weight_dropout=self.weight_dropout)


class LSTM(Recurrence):
    """Long short-term memory on the fused kernel (see `LSTMCell`).

    Args:
        in_features: see `Recurrence`.
        memory_steps: the most steps that its cells remember before any training, for sequences of
            thousands of steps. Without it only the last hundred or so are learnt from at first.
            About the longest sequence's length is right. None: a few steps (forget biases of 1).
        options: the other options of `Recurrence`.
    """

    def __init__(
        self, in_features: int, *, memory_steps: int | None = None, **options: Any
    ) -> None:
        self._memory_steps = memory_steps  # before super().__init__, which calls `layer`
        super().__init__(in_features, **options)

    def layer(self, in_features: int, hidden_size: int) -> nn.Module:
        return FusedLSTM(
            in_features,
            hidden_size,
            weight_dropout=self.weight_dropout,
            memory_steps=self._memory_steps,
        )


class Unrolled(Recurrence):
    """Any `Cell` as a recurrence, its equations stepped through time in Python.

    It is for looking inside, and for cells of your own. The fused kernels are many times faster.

    Args:
        in_features: see `Recurrence`.
        cell: the class of the cell.
        options: the other options of `Recurrence`.

    Raises:
        OptionError: hidden weights that are dropped.
    """

    def __init__(self, in_features: int, *, cell: type[Cell] = LSTMCell, **options: Any) -> None:
        self._cell = cell  # before super().__init__, which calls `layer`
        super().__init__(in_features, **options)
        if self.weight_dropout > 0:
            raise OptionError(
                f"weight_dropout={self.weight_dropout}: cells are stepped with all their weights;"
                " give 0, or a fused recurrence (RNN, GRU, LSTM)"
            )

    def layer(self, in_features: int, hidden_size: int) -> nn.Module:
        return UnrolledCell(self._cell(in_features, hidden_size))
