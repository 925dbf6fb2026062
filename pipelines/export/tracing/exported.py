"""Contract of an exported model: its graphs, their checks, and its description."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

from pipelines.export.tracing.graphs import Graph

Sizes = Mapping[str, int]
"""The size of each free axis."""


class Check(NamedTuple):
    """The same inputs to a graph and to the trained model."""

    sizes: Sizes
    feeds: list[dict[str, Tensor]]
    """Inputs of each call of the graph; those named ``state.…`` that are missing are what the call
    before gave as ``next.…``."""
    due: dict[str, Tensor]
    """Outputs due from the last call, by name; NaN where a value does not count."""
    by_largest: bool = False
    """Whether differences count as a share of the largest value: those of a deep network's features
    come from sums of thousands of products, and are as large for a feature that is small."""


class Exported(NamedTuple):
    """Graphs of a model, their checks, and its description."""

    graphs: dict[str, Graph]
    """By the name of their file."""
    checks: Mapping[str, Callable[[Sizes], Check]]
    """For each graph, what compares it with the trained model at sizes of its axes."""
    about: dict[str, Any]
    """Description with which `pipelines.export.answer` answers, as plain values."""
    tokenizer: str | None = None
    """As JSON."""


def random_lengths(sizes: Sizes, *, seed: int = 0) -> Tensor:
    """Lengths (batch,) from 1 to ``time``, of which the first is that."""
    generator = torch.Generator().manual_seed(seed)
    lengths = torch.randint(1, sizes["time"] + 1, (sizes["batch"],), generator=generator)
    lengths[0] = sizes["time"]
    return lengths


def padded(steps: Tensor, lengths: Tensor) -> Tensor:
    """Steps (N, …) of lengths (B,) → (B, T, …), zeros behind each end."""
    return torch.nn.utils.rnn.pad_sequence(list(steps.split(lengths.tolist())), batch_first=True)


def zeros(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The state before the first step, by the names of a graph's inputs."""
    return {f"state.{name}": torch.zeros_like(value) for name, value in state.items()}
