"""Timing two ways of doing the same thing, in turns, in one process."""

import statistics
import time
from collections.abc import Callable


def in_turns(*ways: Callable[[], object], rounds: int = 5) -> list[float]:
    """Median seconds of each way; A B A B …, so that a machine that drifts drifts for both."""
    for way in ways:
        way()
    seconds: list[list[float]] = [[] for _ in ways]
    for _ in range(rounds):
        for way, taken in zip(ways, seconds, strict=True):
            start = time.perf_counter()
            way()
            taken.append(time.perf_counter() - start)
    return [statistics.median(taken) for taken in seconds]
