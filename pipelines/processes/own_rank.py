"""Number of this process among those of its run."""

import os


def rank_of_process() -> int:
    """Number of this process among those of its run; known before Lightning sets up ranks."""
    return max(int(os.environ.get(v, 0)) for v in ("RANK", "LOCAL_RANK", "SLURM_PROCID"))


def is_first_process() -> bool:
    """Tell whether this process of a run writes and prints."""
    return rank_of_process() == 0
