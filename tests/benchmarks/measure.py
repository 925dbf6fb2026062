"""Timing several ways of doing the same thing, in turns, in one process."""

import os
import platform
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from datetime import date
from multiprocessing import get_context
from pathlib import Path

import torch

#: where the real clips lie: beside the project, or where the environment says
SHARED_DATA = Path(
    os.environ.get("MANYTOONE_SHARED_DATA") or Path(__file__).parents[3] / "shared" / "data"
)


def in_turns(
    *ways: Callable[[], object], rounds: int = 5, clock: Callable[[], float] = time.perf_counter
) -> list[float]:
    """Median seconds of each way; A B A B …, so that a machine that drifts drifts for all.

    With ``clock=time.process_time`` the seconds are those of the processor: of all threads, and
    without what other processes take of it.
    """
    for way in ways:
        way()
    seconds: list[list[float]] = [[] for _ in ways]
    for _ in range(rounds):
        for way, taken in zip(ways, seconds, strict=True):
            start = clock()
            way()
            taken.append(clock() - start)
    return [statistics.median(taken) for taken in seconds]


def in_turns_apart(*ways: Callable[[], object], rounds: int = 5) -> list[float]:
    """As `in_turns`, each way in a process of its own, all on one core.

    The seconds are those of the process on the core: on a machine that others use too, they say
    more than those on the wall; and no way pays for threads or memory that another left behind.
    """
    core = max(os.sched_getaffinity(0))
    with ExitStack() as stack:
        pools = [
            stack.enter_context(
                ProcessPoolExecutor(1, get_context("spawn"), os.sched_setaffinity, (0, {core}))
            )
            for _ in ways
        ]
        for pool, way in zip(pools, ways, strict=True):
            pool.submit(_core_seconds, way).result()
        rounds_taken = [
            [
                pool.submit(_core_seconds, way).result()
                for pool, way in zip(pools, ways, strict=True)
            ]
            for _ in range(rounds)
        ]
    return [statistics.median(taken) for taken in zip(*rounds_taken, strict=True)]


def _core_seconds(way: Callable[[], object]) -> float:
    start = time.process_time()
    way()
    return time.process_time() - start


def machine() -> str:
    """Machine and versions, for the head of a table of figures."""
    return (
        f"{date.today()}, torch {torch.__version__}, {os.cpu_count()} cores,"
        f" {torch.backends.cpu.get_cpu_capability()}, {platform.machine()}"
    )
