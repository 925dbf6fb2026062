"""Threads and processes that share the reading, and the cores that each may use."""

import os
import signal
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

Item = TypeVar("Item")
Result = TypeVar("Result")


def available_cores() -> int:
    """Count the cores that this process may use, which can be fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def in_parallel(
    work: Callable[[Item], Result], items: Iterable[Item]
) -> Generator[Result, None, None]:
    """Yield results in the order of the items, from as many threads as there are cores.

    A generator that is closed early waits only for the calls that have begun.
    """
    pool = ThreadPoolExecutor(available_cores())
    try:
        yield from pool.map(work, items)
    finally:
        pool.shutdown(cancel_futures=True)


def prepare_worker(worker: int) -> None:
    """Limit a data worker to one thread, and leave signals to the process that started it.

    The workers are the parallelism. Threads of their own would compete for the model's cores. Ctrl-C
    reaches them too, though the step that waits for them is still to be ended.
    """
    torch.set_num_threads(1)
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
