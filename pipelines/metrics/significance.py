"""Significance tests for differences between sets of answers to the same examples.

n examples
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.stats import binomtest


class McNemar(NamedTuple):
    """Result of McNemar's exact test (1947): examples that exactly one of two sets of answers gets
    right, counted for each."""

    only_first: int
    only_second: int
    p_value: float
    """Probability of a split at least as uneven if both are equally good."""


def mcnemar(first_is_right: np.ndarray, second_is_right: np.ndarray) -> McNemar:
    """Test two sets of answers by the correctness of each answer, (n,) bool each."""
    only_first = int((first_is_right & ~second_is_right).sum())
    only_second = int((second_is_right & ~first_is_right).sum())
    differ = only_first + only_second
    p_value = float(binomtest(only_first, differ).pvalue) if differ else 1.0
    return McNemar(only_first, only_second, p_value)


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values adjusted for multiple tests (Holm 1979), in the same order."""
    order = np.argsort(p_values, kind="stable")
    adjusted = np.empty(len(order))
    reached = 0.0
    for rank, k in enumerate(order):
        reached = max(reached, min((len(order) - rank) * p_values[k], 1.0))
        adjusted[k] = reached
    return adjusted.tolist()
