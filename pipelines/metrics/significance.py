"""Are two sets of answers to the same examples different, or is it chance?

n examples
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.stats import binomtest


class McNemar(NamedTuple):
    """McNemar's test (1947), exact: of the examples that just one of two answers right, how many
    each has."""

    only_first: int
    only_second: int
    p_value: float
    """How likely a split at least as uneven is if both are equally good."""


def mcnemar(first_is_right: np.ndarray, second_is_right: np.ndarray) -> McNemar:
    """Of two answers to each example, (n,) bool each."""
    only_first = int((first_is_right & ~second_is_right).sum())
    only_second = int((second_is_right & ~first_is_right).sum())
    differ = only_first + only_second
    p_value = float(binomtest(only_first, differ).pvalue) if differ else 1.0
    return McNemar(only_first, only_second, p_value)


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values made strict enough for as many tests as there are (Holm 1979), in the same order."""
    order = np.argsort(p_values, kind="stable")
    adjusted = np.empty(len(order))
    reached = 0.0
    for rank, k in enumerate(order):
        reached = max(reached, min((len(order) - rank) * p_values[k], 1.0))
        adjusted[k] = reached
    return adjusted.tolist()
