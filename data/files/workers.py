"""How many share the work of reading, and how much of the machine each may take."""

import os
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

Item = TypeVar("Item")
Result = TypeVar("Result")


def available_cores() -> int:
    """Cores this process may use, which can be fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def in_parallel(
    work: Callable[[Item], Result], items: Iterable[Item]
) -> Generator[Result, None, None]:
    """The results in the order of the items, from as many threads as there are cores.

    Closed before its end, it waits for what has begun, and not for all.
    """
    pool = ThreadPoolExecutor(available_cores())
    try:
        yield from pool.map(work, items)
    finally:
        pool.shutdown(cancel_futures=True)


def one_thread(worker: int) -> None:
    """Called in each data worker: workers bring the parallelism; threads of theirs would fight for
    the cores of the model.
    """
    torch.set_num_threads(1)
