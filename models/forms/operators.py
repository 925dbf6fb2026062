"""Recurrent layers as operators of ONNX: places in a graph, which are never computed here.

T steps of the longest · B sequences · D features · H hidden size · R directions · G gates

The operators `LSTM`, `GRU` and `RNN` of ONNX read sequences of their own lengths in both directions.
PyTorch's exporter would write a padded batch's lengths as index arithmetic, may fix the number of steps
without a word, and unrolls a vanilla network. So a layer stands in the traced graph as one opaque
operator with the arguments of the ONNX one.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from models.errors import OptionError
from models.recurrence.cells import Cell, GRUCell, LSTMCell, State, VanillaCell
from models.recurrence.recurrences import Recurrence
from models.recurrence.traces import cell_of


class Operator(NamedTuple):
    """A recurrent operator of ONNX that computes a cell's equations."""

    name: str
    blocks: tuple[str, ...]
    """The blocks of its weights, in their order, by the cell's names."""


OPERATORS: dict[type[Cell], Operator] = {
    VanillaCell: Operator("RNN", ("h",)),
    GRUCell: Operator("GRU", ("z", "r", "n")),
    LSTMCell: Operator("LSTM", ("i", "o", "f", "g")),
}


@torch.library.custom_op("manytoone::recurrent", mutates_args=())
def recurrent(
    grid: Tensor,
    weight_ih: Tensor,
    weight_hh: Tensor,
    biases: Tensor,
    lengths: Tensor,
    h: Tensor,
    name: str,
) -> tuple[Tensor, Tensor]:
    """A layer whose state is (h,).

    Args:
        grid: (T, B, D).
        weight_ih, weight_hh, biases: (R, G · H, D), (R, G · H, H), (R, 2 · G · H), blocks in the
            operator's order.
        lengths: (B,) int32.
        h: (R, B, H), the state before.
        name: ``GRU`` or ``RNN``.

    Returns:
        outputs (T, R, B, H), zeros on padding; h (R, B, H) at the end of each reading.
    """
    raise NotImplementedError("stands for an operator of ONNX; it is only traced")


@recurrent.register_fake
def _(grid: Tensor, *others: Any) -> tuple[Tensor, Tensor]:
    h = others[4]
    return grid.new_empty(grid.shape[0], *h.shape), torch.empty_like(h)


@torch.library.custom_op("manytoone::recurrent_with_cell", mutates_args=())
def recurrent_with_cell(
    grid: Tensor,
    weight_ih: Tensor,
    weight_hh: Tensor,
    biases: Tensor,
    lengths: Tensor,
    h: Tensor,
    c: Tensor,
) -> tuple[Tensor, Tensor, Tensor]:
    """A layer of an LSTM, whose state is (h, c); see `recurrent`."""
    raise NotImplementedError("stands for an operator of ONNX; it is only traced")


@recurrent_with_cell.register_fake
def _(grid: Tensor, *others: Any) -> tuple[Tensor, Tensor, Tensor]:
    h, c = others[4:]
    return grid.new_empty(grid.shape[0], *h.shape), torch.empty_like(h), torch.empty_like(c)


class OperatorLayer(nn.Module):
    """All directions of one layer, as one operator.

    Args:
        cells: the equations and weights of its one or two directions.
    """

    def __init__(self, cells: list[Cell]) -> None:
        super().__init__()
        self.operator = OPERATORS[type(cells[0])]
        self.num_directions, self.hidden_size = len(cells), cells[0].hidden_size
        made = {name: [self._ordered(cell, name) for cell in cells] for name in _WEIGHTS}
        self.weight_ih = nn.Parameter(torch.stack(made["weight_ih"]), requires_grad=False)
        self.weight_hh = nn.Parameter(torch.stack(made["weight_hh"]), requires_grad=False)
        biases = [torch.cat(pair) for pair in zip(made["bias_ih"], made["bias_hh"], strict=True)]
        self.biases = nn.Parameter(torch.stack(biases), requires_grad=False)

    def _ordered(self, cell: Cell, name: str) -> Tensor:
        weights: Tensor = getattr(cell, name).detach()
        by_block = dict(zip(cell.blocks, weights.chunk(len(cell.blocks)), strict=True))
        return torch.cat([by_block[block] for block in self.operator.blocks])

    def forward(
        self, grid: Tensor, lengths: Tensor, state: State | None
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Grid (T, B, D), lengths (B,), state of (R, B, H) each → outputs (T, B, R · H), the state."""
        if state is None:
            zeros = grid.new_zeros(self.num_directions, grid.shape[1], self.hidden_size)
            state = (zeros, zeros) if self.operator.name == "LSTM" else (zeros,)
        given = (grid, self.weight_ih, self.weight_hh, self.biases, lengths.to(torch.int32), *state)
        if self.operator.name == "LSTM":
            outputs, *after = recurrent_with_cell(*given)
        else:
            outputs, *after = recurrent(*given, self.operator.name)
        return outputs.transpose(1, 2).flatten(2), tuple(after)


_WEIGHTS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


class OperatorRecurrence(nn.Module):
    """A trained recurrence on operators, for evaluation only.

    Args:
        recurrence: of fused layers, or of the cells in `OPERATORS`.

    Raises:
        OptionError: a layer whose equations no operator has.
    """

    def __init__(self, recurrence: Recurrence) -> None:
        super().__init__()
        self.num_directions = recurrence.num_directions
        self.out_features, self.state_names = recurrence.out_features, recurrence.state_names
        layers = []
        for directions in recurrence.layers:
            assert isinstance(directions, nn.ModuleList)
            layers.append(OperatorLayer([_known_cell(layer) for layer in directions]))
        self.layers = nn.ModuleList(layers)

    def read(
        self, grid: Tensor, lengths: Tensor, state: State | None = None
    ) -> tuple[Tensor, State]:
        """Read padded sequences.

        Args:
            grid: (T, B, D).
            lengths: (B,).
            state: (layers · R, B, H) each, ordered as PyTorch does; None: zeros.

        Returns:
            outputs (T, B, R · H), zeros on padding; the state at the end of each reading.
        """
        ends = []
        for depth, layer in enumerate(self.layers):
            first = depth * self.num_directions
            own = None
            if state is not None:
                own = tuple(part[first : first + self.num_directions] for part in state)
            grid, end = layer(grid, lengths, own)
            ends.append(end)
        return grid, tuple(torch.cat(part) for part in zip(*ends, strict=True))

    def forward(
        self,
        steps: Tensor,
        lengths: Tensor,
        state: State | None = None,
        *,
        carry: bool = False,
    ) -> tuple[Tensor, State]:
        """One step of each sequence, called as `Recurrence.forward` is with lengths of 1.

        Args:
            steps: (B, D).
            lengths: (B,) ones.
            state: see `read`.
            carry: has no part in it; the state is always returned.
        """
        outputs, after = self.read(steps.unsqueeze(0), lengths, state)
        return outputs.squeeze(0), after


def _known_cell(layer: nn.Module) -> Cell:
    try:
        cell = cell_of(layer)
    except ValueError as error:
        raise OptionError(f"{error}, and no operator of ONNX computes it") from error
    if type(cell) not in OPERATORS:
        raise OptionError(
            f"{type(cell).__name__}: no operator of ONNX has the equations of this cell; known are"
            f" those of {', '.join(kind.__name__ for kind in OPERATORS)}"
        )
    return cell
