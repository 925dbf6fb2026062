"""Traces: every gate and every state of a recurrence, at every step of one sequence.

T steps · D features · H hidden size

The fused kernels show h and nothing else. The equations of `cells.py` show the rest, with the weights of
these kernels.
"""

import copy

import torch
from torch import Tensor, nn

from models.recurrence.cells import Cell, GRUCell, LSTMCell, State, VanillaCell
from models.recurrence.fused import FusedGRU, FusedLayer, FusedLSTM, FusedRNN
from models.recurrence.recurrences import Recurrence, UnrolledCell

#: values at each step by name, (T, H) each: gates as the cell calls them, then its state
Trace = dict[str, Tensor]

# Input products are four times as large as a state. They are made for so many steps at a time.
_STEPS_AT_ONCE = 4096

EQUATIONS: dict[type[FusedLayer], type[Cell]] = {
    FusedRNN: VanillaCell,
    FusedGRU: GRUCell,
    FusedLSTM: LSTMCell,
}


def trace(recurrence: Recurrence, features: Tensor, state: State | None = None) -> list[Trace]:
    """Read one sequence without dropout, and keep every gate and state.

    Args:
        recurrence: has any depth, one or two directions, and is fused or unrolled.
        features: (T, D), the steps of one sequence; T ≥ 1.
        state: the state after an earlier piece (see `state_after`); None: zeros.

    Returns:
        A `Trace` for each layer and direction, ordered as PyTorch does (layer 0 forward, layer 0
        backward, layer 1 …). An LSTM has i, f, g, o, c, h; a GRU r, z, n, h; a vanilla network h.
        The values of a backward layer stand at the step they belong to.

    Raises:
        ValueError: no step; a layer whose equations are not known.
    """
    if len(features) == 0:
        raise ValueError("a sequence of 0 steps has no trace: give at least 1")
    found: list[Trace] = []
    steps = features.float()
    with torch.no_grad():
        for layer in recurrence.layers:
            assert isinstance(layer, nn.ModuleList)
            outputs = []
            for direction, one in enumerate(layer):
                now = None if state is None else tuple(part[len(found)] for part in state)
                ordered = steps.flip(0) if direction == 1 else steps
                made = _trace(cell_of(one), ordered, now)
                if direction == 1:
                    made = {name: values.flip(0) for name, values in made.items()}
                found.append(made)
                outputs.append(made["h"])
            steps = outputs[0] if len(outputs) == 1 else torch.cat(outputs, dim=1)
    return found


def state_after(recurrence: Recurrence, traces: list[Trace]) -> State:
    """The state at the end of traces: (h,) or (h, c), each (num_layers, 1, H).

    Raises:
        ValueError: a recurrence of two directions, which cannot read on from there.
    """
    if recurrence.num_directions != 1:
        raise ValueError("a recurrence of two directions reads a sequence whole")
    names = cells_of(recurrence)[0].state_names
    return tuple(torch.stack([one[name][-1:] for one in traces]) for name in names)


def cells_of(recurrence: Recurrence) -> list[Cell]:
    """The equations of each layer and direction, in the order of `trace`."""
    return [cell_of(one) for layer in recurrence.layers for one in layer]  # type: ignore[attr-defined]


def cell_of(layer: nn.Module) -> Cell:
    """The equations of one layer in one direction, with its weights, on the CPU.

    Raises:
        ValueError: a layer of another kind.
    """
    if isinstance(layer, UnrolledCell):
        return layer.cell
    for kind, cell in EQUATIONS.items():
        if isinstance(layer, kind):
            made = cell(layer.fused.input_size, layer.fused.hidden_size)
            made.copy_from(layer.fused)
            return made
    raise ValueError(f"{type(layer).__name__}: the equations of this layer are not known")


def _trace(cell: Cell, steps: Tensor, state: State | None) -> Trace:
    """The trace of one cell over steps (T, D), in the order of reading, from a state of (1, H) each."""
    now = cell.initial_state(steps[:1]) if state is None else state
    is_known = type(cell) in EQUATIONS.values()
    kept: dict[str, list[Tensor]] = {}
    for block in steps.split(_STEPS_AT_ONCE):
        reader, inputs = cell, block
        if is_known:
            # Input products do not depend on the state: one matrix product gives those of many steps.
            inputs = torch.cat(cell._inputs(block), dim=1)
            reader = copy.copy(cell)
            reader._inputs = lambda x: x.chunk(len(cell.blocks), dim=1)  # type: ignore[method-assign]
        for step in inputs.split(1):
            now, gates = reader(step, now)
            for name, value in gates.items():
                kept.setdefault(name, []).append(value)
            for name, value in zip(reversed(cell.state_names), reversed(now), strict=True):
                kept.setdefault(name, []).append(value)
    return {name: torch.cat(values) for name, values in kept.items()}
