"""Graphs: a form of a model is traced, written as ONNX, and looked over."""

import gc
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import onnx
import torch
from torch import nn

from data.files.errors import InputError
from pipelines.export.tracing.translations import TRANSLATIONS
from pipelines.runtime.escaping import excerpt

#: operators that would step through time one by one, or choose what is computed
_LOOPS = {"Loop", "Scan", "If", "SequenceMap"}
RECURRENT = {"LSTM", "GRU", "RNN"}


class Graph(NamedTuple):
    """A module to trace, with the names and axes of its inputs and outputs."""

    form: nn.Module
    """In evaluation mode."""
    example: tuple[Any, ...]
    """Its arguments: tensors, or tensors by name; no free axis has the size 1 or that of another."""
    inputs: dict[str, dict[int, str]]
    """Names of all tensors that go in, in the form's order, and the free axes of each by name."""
    outputs: tuple[str, ...]


def write_graph(graph: Graph, path: Path) -> None:
    """Trace a form, and write it as ONNX with free axes.

    Raises:
        InputError: it cannot be traced, an axis is not free, or it has a loop.
    """
    axes = {name: torch.export.Dim(name) for name in _free_axes(graph)}
    named = iter(graph.inputs.values())
    shapes = tuple(_shapes(value, named, axes) for value in graph.example)
    with warnings.catch_warnings(), torch.no_grad():
        # The exporter warns of its own insides, and of a library that it does not need.
        warnings.simplefilter("ignore")
        try:
            # A free axis that is not is refused here; `torch.onnx.export` would make it fixed.
            traced = torch.export.export(graph.form, graph.example, dynamic_shapes=shapes)
            program = torch.onnx.export(
                traced,
                (),
                input_names=list(graph.inputs),
                output_names=list(graph.outputs),
                dynamic_shapes=shapes,
                custom_translation_table=TRANSLATIONS,
                dynamo=True,
                verbose=False,
            )
        except Exception as error:  # anything that a module of a user's own may do
            raise InputError(
                f"{path.name}: {type(graph.form).__name__} cannot be written as ONNX ({excerpt(error)})"
            ) from error
        assert program is not None
        program.save(str(path), external_data=False)
    del traced, program
    # Tracing leaves namesakes of the model's classes in cycles, and the option parser would find them.
    gc.collect()
    _look_over(graph, path)


def operators_of(path: Path) -> Counter[str]:
    """The number of each operator in a graph."""
    model = onnx.load(path, load_external_data=False)
    return Counter(node.op_type for nodes in (model.graph, *model.functions) for node in nodes.node)


def _free_axes(graph: Graph) -> list[str]:
    return sorted({name for axes in graph.inputs.values() for name in axes.values()})


def _shapes(value: Any, named: Any, axes: Mapping[str, Any]) -> Any:
    if isinstance(value, dict):
        return {name: _shapes(one, named, axes) for name, one in value.items()}
    if isinstance(value, tuple | list):
        return type(value)(_shapes(one, named, axes) for one in value)
    return {axis: axes[name] for axis, name in next(named).items()}


def _look_over(graph: Graph, path: Path) -> None:
    """See that a written graph has the names, free axes and operators that it should have."""
    model = onnx.load(path, load_external_data=False)
    onnx.checker.check_model(model)
    found = {one.name: _axes(one) for one in model.graph.input}
    for name, axes in graph.inputs.items():
        for axis, free in axes.items():
            if found.get(name, {}).get(axis) != free:
                raise InputError(
                    f"{path.name}: axis {axis} of {name} came out as"
                    f" {found.get(name, {}).get(axis)}, and must be free"
                )
    names = [one.name for one in model.graph.output]
    if names != list(graph.outputs) or list(found) != list(graph.inputs):
        raise InputError(
            f"{path.name}: inputs or outputs came out otherwise: {list(found)}, {names}"
        )
    if loops := sorted(_LOOPS & operators_of(path).keys()):
        raise InputError(f"{path.name}: has {', '.join(loops)}, where native operators are due")


def _axes(value: Any) -> dict[int, Any]:
    sizes: Sequence[Any] = value.type.tensor_type.shape.dim
    return {axis: one.dim_param or one.dim_value for axis, one in enumerate(sizes)}
