"""Functions that share no parameter, each differentiated by a thread of its own."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from models.chance import drawing_from

Evaluate = Callable[[], tuple[Tensor, Tensor]]
"""→ a loss, a scalar, and anything else that was computed on the way."""


def losses_side_by_side(
    functions: Sequence[Evaluate], parameters: Sequence[Sequence[Tensor]]
) -> tuple[Tensor, list[Tensor]]:
    """The losses of M functions, and what else each computes, on the CPU.

    Threads that share one matrix product wait for each other at its end, and one that another
    process keeps from its core makes all wait; here each has a product of its own, and they meet
    once a call. As many work at a time as PyTorch has threads for one product; with a single one,
    one function after the other.

    Each function draws from a generator of its own (see `models.chance`), of a seed that the
    process's generator gives: what comes out does not depend on how many threads there are.

    Args:
        functions: M.
        parameters: of each function, those that its loss depends on and that are trained. Their
            gradients are computed at once, and handed out on the way back.

    Returns:
        losses: (M,), of which the gradient is known.
        others: of each function, detached.
    """
    others: list[Tensor] = [torch.empty(0)] * len(functions)
    every = [parameter for some in parameters for parameter in some]
    return _Losses.apply(functions, parameters, others, *every), others


class _Losses(torch.autograd.Function):
    """The losses; their gradients are computed with them."""

    @staticmethod
    def forward(
        ctx: Any,
        functions: Sequence[Evaluate],
        parameters: Sequence[Sequence[Tensor]],
        others: list[Tensor],
        *every: Tensor,
    ) -> Tensor:
        seeds = torch.randint(2**62, (len(functions),)).tolist()
        autocast = _as_here()

        def differentiated(place: int) -> tuple[Tensor, tuple[Tensor | None, ...]]:
            generator = torch.Generator().manual_seed(seeds[place])
            with drawing_from(generator), torch.enable_grad(), autocast():
                loss, other = functions[place]()
            others[place] = other.detach()
            gradients = torch.autograd.grad(loss, list(parameters[place]), allow_unused=True)
            return loss.detach(), gradients

        num_threads = min(torch.get_num_threads(), len(functions))
        by_threads = _pool(num_threads).map if num_threads > 1 else map
        found = list(by_threads(differentiated, range(len(functions))))
        ctx.gradients = [gradients for _, gradients in found]
        return torch.stack([loss for loss, _ in found])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, factors: Tensor) -> Any:
        scaled = [
            None if gradient is None else gradient * factor
            for gradients, factor in zip(ctx.gradients, factors, strict=True)
            for gradient in gradients
        ]
        return None, None, None, *scaled


def _as_here() -> Callable[[], AbstractContextManager[Any]]:
    """Autocast as it is in this thread; others begin without."""
    if not torch.is_autocast_enabled("cpu"):
        return nullcontext
    kind = torch.get_autocast_dtype("cpu")
    return lambda: torch.autocast("cpu", dtype=kind)


@cache
def _pool(num_threads: int) -> ThreadPoolExecutor:
    """Threads that compute alone, started by the first who asks for so many."""
    return ThreadPoolExecutor(
        num_threads, "side-by-side", initializer=torch.set_num_threads, initargs=(1,)
    )
