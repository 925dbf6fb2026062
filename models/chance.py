"""Where the random numbers of a forward pass come from."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import torch
from torch import Tensor, nn
from torch.nn import functional

_generator: ContextVar[torch.Generator | None] = ContextVar("generator", default=None)


@contextmanager
def drawing_from(generator: torch.Generator) -> Iterator[None]:
    """Within it, this thread draws from a generator of its own, and not from the process's.

    Threads that share one would each draw what the others leave, now this and now that.
    """
    token = _generator.set(generator)
    try:
        yield
    finally:
        _generator.reset(token)


def uniform(*shape: int, device: torch.device) -> Tensor:
    """Numbers from 0 to below 1 of a shape, float32."""
    return torch.rand(shape, device=device, generator=_generator.get())


def dropped(values: Tensor, share: float, *, training: bool) -> Tensor:
    """`torch.nn.functional.dropout`: a share of the values zeroed, the others scaled up."""
    generator = _generator.get()
    if generator is None:
        return functional.dropout(values, share, training)
    if not training or share == 0:
        return values
    kept = torch.empty_like(values).bernoulli_(1 - share, generator=generator)
    return values * kept.div_(1 - share)


class Dropout(nn.Dropout):
    """`torch.nn.Dropout` that draws as `dropped` does."""

    def forward(self, input: Tensor) -> Tensor:
        return dropped(input, self.p, training=self.training)
