"""Losses side by side: functions that are each differentiated by a thread of their own.

M functions
"""

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
"""A function that gives a loss, a scalar, and another tensor that it computes on the way."""


def losses_side_by_side(
    functions: Sequence[Evaluate], parameters: Sequence[Sequence[Tensor]]
) -> tuple[Tensor, list[Tensor]]:
    """Compute the losses of M functions, and the other tensor of each, on the CPU.

    Threads that share one matrix product wait for each other at its end. One that another process
    keeps from its core makes all wait. Here each thread has a product of its own, and they meet once
    a call. As many threads work as PyTorch has for one product; with a single one, the functions are
    computed one after the other.

    Each function draws from a generator of its own (see `models.chance`), whose seed the process's
    generator gives. So the results do not depend on the number of threads.

    Args:
        functions: the M functions.
        parameters: for each function, the trained parameters that its loss depends on. Their
            gradients are computed with the loss, and handed out in the backward pass.

    Returns:
        losses: (M,), whose gradients are known.
        others: the other tensor of each function, detached.
    """
    others: list[Tensor] = [torch.empty(0)] * len(functions)
    every = [parameter for some in parameters for parameter in some]
    return _Losses.apply(functions, parameters, others, *every), others


class _Losses(torch.autograd.Function):
    """Losses whose gradients are computed with them."""

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
    """Autocast as it is set in this thread, for threads that begin without it."""
    if not torch.is_autocast_enabled("cpu"):
        return nullcontext
    kind = torch.get_autocast_dtype("cpu")
    return lambda: torch.autocast("cpu", dtype=kind)


@cache
def _pool(num_threads: int) -> ThreadPoolExecutor:
    """Threads that each compute with one core, kept for all later calls."""
    return ThreadPoolExecutor(
        num_threads, "side-by-side", initializer=torch.set_num_threads, initargs=(1,)
    )
