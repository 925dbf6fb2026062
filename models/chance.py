"""Random numbers of a forward pass, from a generator that each thread may have for itself."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import torch
from torch import Tensor, nn
from torch.nn import functional

_generator: ContextVar[torch.Generator | None] = ContextVar("generator", default=None)


@contextmanager
def drawing_from(generator: torch.Generator) -> Iterator[None]:
    """Let this thread draw from a generator of its own, and not from the process's.

    Threads that share a generator would draw other numbers in each run, as they happen to take turns.
    """
    token = _generator.set(generator)
    try:
        yield
    finally:
        _generator.reset(token)


def uniform(*shape: int, device: torch.device) -> Tensor:
    """Random numbers from 0 to below 1, float32."""
    return torch.rand(shape, device=device, generator=_generator.get())


def dropped(values: Tensor, share: float, *, training: bool) -> Tensor:
    """Zero a share of the values and scale up the others, as `torch.nn.functional.dropout` does."""
    generator = _generator.get()
    if generator is None:
        return functional.dropout(values, share, training)
    if not training or share == 0:
        return values
    kept = torch.empty_like(values).bernoulli_(1 - share, generator=generator)
    return values * kept.div_(1 - share)


class Dropout(nn.Dropout):
    """A `torch.nn.Dropout` that draws as `dropped` does."""

    def forward(self, input: Tensor) -> Tensor:
        return dropped(input, self.p, training=self.training)
