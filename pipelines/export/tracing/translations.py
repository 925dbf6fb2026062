"""Operators of ONNX for what PyTorch's exporter does not know, or would write as something else."""

from typing import Any

import torch
from onnxscript import opset20 as op

import models.forms.operators  # noqa: F401 - it registers what is translated

_DIRECTIONS = {1: "forward", 2: "bidirectional"}


def _lstm(
    grid: Any, weight_ih: Any, weight_hh: Any, biases: Any, lengths: Any, h: Any, c: Any
) -> Any:
    return op.LSTM(
        grid,
        weight_ih,
        weight_hh,
        biases,
        lengths,
        h,
        c,
        hidden_size=weight_hh.shape[2],
        direction=_DIRECTIONS[weight_hh.shape[0]],
    )


def _recurrent(
    grid: Any, weight_ih: Any, weight_hh: Any, biases: Any, lengths: Any, h: Any, name: str
) -> Any:
    size = {"hidden_size": weight_hh.shape[2], "direction": _DIRECTIONS[weight_hh.shape[0]]}
    if name == "GRU":
        # r acts after the matrix product, as in `models.recurrence.cells.GRUCell`.
        return op.GRU(grid, weight_ih, weight_hh, biases, lengths, h, linear_before_reset=1, **size)
    activations = ["Tanh"] * weight_hh.shape[0]
    return op.RNN(grid, weight_ih, weight_hh, biases, lengths, h, activations=activations, **size)


def _searchsorted(
    boundaries: Any,
    values: Any,
    *,
    out_int32: bool = False,
    right: bool = False,
    side: str | None = None,
    sorter: Any = None,
) -> Any:
    """Halve the places left, as often as there can be halves: the first place not below a value."""
    is_asked_for = out_int32 or right or side or sorter
    assert not is_asked_for, "n-grams ask for none of these"
    size = boundaries.shape[0]
    found = op.Sub(values, values)
    for step in (2**k for k in reversed(range(size.bit_length()))):
        after = op.Add(found, op.Constant(value_int=step))
        last = op.Min(op.Sub(after, op.Constant(value_int=1)), op.Constant(value_int=size - 1))
        is_in = op.LessOrEqual(after, op.Constant(value_int=size))
        is_below = op.And(is_in, op.Less(op.Gather(boundaries, last), values))
        found = op.Where(is_below, after, found)
    return found


#: by the operator of PyTorch
TRANSLATIONS: dict[Any, Any] = {
    torch.ops.manytoone.recurrent_with_cell.default: _lstm,
    torch.ops.manytoone.recurrent.default: _recurrent,
    torch.ops.aten.searchsorted.Tensor: _searchsorted,
}
