"""How many share the work of reading, and how much of the machine each may take."""

import os

import torch


def available_cores() -> int:
    """Cores this process may use, which can be fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def one_thread(worker: int) -> None:
    """Called in each data worker: workers bring the parallelism; threads of theirs would fight for
    the cores of the model.
    """
    torch.set_num_threads(1)
