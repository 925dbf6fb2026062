"""Recurrences: from the features of every step to a state that remembers what came before.

B sequences · N steps in the batch · T steps of the longest · D features · H hidden size

PyTorch's fused kernels run over padded sequences and never over packed ones: on a CPU packing costs
2 to 9 times the time of a training step, and up to 50 where memory is asked for anew each time. That
is exact all the same, because

- forward in time, padding stands behind a sequence's end, where nothing that is read depends on it;
- backward in time, each sequence is reversed by its own length, so padding stands behind its
  *start*; two one-way passes make an exact two-directional one;
- the state carried out is the one at each sequence's own end (`FusedLSTM` says how, for the cell).
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
        input_dropout: the same of what the first layer reads.
        output_dropout: the same of what the last layer puts out.
        locked: whether these drop the same features at every step of a sequence (see
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
            for depth in range(max(num_layers, 1))
        )

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

        While training, every call draws what it drops anew, also one that reads on from a carried
        state (truncated backpropagation): a mask lasts from one cut to the next.

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
    """The vanilla recurrent network (Elman 1990) on the fused kernel."""

    def layer(self, in_features: int, hidden_size: int) -> nn.Module:
        return FusedRNN(in_features, hidden_size, weight_dropout=self.weight_dropout)


class GRU(Recurrence):
    """Gated recurrent units (Cho 2014) on the fused kernel."""

    def layer(self, in_features: int, hidden_size: int) -> nn.Module:
        return FusedGRU(in_features, hidden_size, weight_dropout=self.weight_dropout)


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
        return FusedLSTM(
            in_features,
            hidden_size,
            weight_dropout=self.weight_dropout,
            memory_steps=self._memory_steps,
        )


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
        if self.weight_dropout > 0:
            raise OptionError(
                f"weight_dropout={self.weight_dropout}: cells are stepped with all their weights;"
                " give 0, or a fused recurrence (RNN, GRU, LSTM)"
            )

    def layer(self, in_features: int, hidden_size: int) -> nn.Module:
        return UnrolledCell(self._cell(in_features, hidden_size))
