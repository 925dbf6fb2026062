"""Accuracy in slices of the examples: by length, by other known traits, by named categories.

n examples · K classes
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np

from pipelines.metrics.calibration import reliability
from pipelines.metrics.intervals import wilson

MOST_BINS = 5
# Fewer examples in a bin give a poor estimate of its accuracy.
LEAST_EXAMPLES = 10
# Frame rates of 25 and 25.0003 count as equal, 29.97 and 30 as different.
SIGNIFICANT_DIGITS = 4
# A column may hold another value for each example (an address, a name): the table must have an end.
MOST_CATEGORIES = 12
OTHERS = "all others"


def accuracy_by(values: np.ndarray, is_right: np.ndarray) -> list[dict[str, Any]]:
    """Accuracy in bins of about as many examples each.

    Args:
        values: (n,) values of a trait; NaN where it is not known, which leaves the example out.
        is_right: (n,) bool, whether the answer is correct.

    Returns:
        For each bin ``low`` and ``high`` (the least and the largest value in it), ``num_examples``,
        ``accuracy``, and its ``interval`` (Wilson 1927, 95 %). Values that are equal in
        `SIGNIFICANT_DIGITS` share a bin. A single distinct value gives no bins.
    """
    known = np.isfinite(values)
    values, is_right = values[known], is_right[known]
    alike = _rounded(values)
    kinds = np.unique(alike)
    if len(kinds) < 2:
        return []
    num_bins = int(min(MOST_BINS, len(kinds), max(len(values) // LEAST_EXAMPLES, 1)))
    if len(kinds) <= MOST_BINS:
        places = np.searchsorted(kinds, alike)
    else:
        cuts = np.unique(np.quantile(alike, np.linspace(0, 1, num_bins + 1)[1:-1]))
        places = np.searchsorted(cuts, alike, side="right")
    bins = []
    for place in np.unique(places):
        here = places == place
        count, right = int(here.sum()), int(is_right[here].sum())
        bins.append(
            {
                "low": float(values[here].min()),
                "high": float(values[here].max()),
                "num_examples": count,
                "accuracy": right / count,
                "interval": list(wilson(right, count)),
            }
        )
    return bins


def _rounded(values: np.ndarray) -> np.ndarray:
    """Round values (n,) to `SIGNIFICANT_DIGITS`."""
    return np.array([float(f"{value:.{SIGNIFICANT_DIGITS}g}") for value in values])


def by_category(
    names: np.ndarray,
    labels: np.ndarray,
    probabilities: np.ndarray,
    rivals: Mapping[str, np.ndarray],
) -> list[dict[str, Any]]:
    """Figures of the examples of each name, the most frequent first.

    Args:
        names: (n,) object; None where it is not known, which leaves the example out.
        labels: (n,).
        probabilities: (n, K).
        rivals: by name the probabilities (n, K) of each baseline.

    Returns:
        For each name ``value``, ``num_examples``, ``accuracy``, its ``interval`` (Wilson 1927, 95 %),
        ``expected_calibration_error``, and ``baselines``, the accuracy of each. Of more than
        `MOST_CATEGORIES` names the rarer ones are one, `OTHERS`. A single name gives no figures.
    """
    counts = Counter(name for name in names if name is not None)
    if len(counts) < 2:
        return []
    kept = [name for name, _ in counts.most_common(MOST_CATEGORIES)]
    places = [(name, np.flatnonzero(names == name)) for name in kept]
    if len(counts) > len(kept):
        is_other = [name is not None and name not in kept for name in names]
        places.append((OTHERS, np.flatnonzero(is_other)))
    found = []
    for name, at in places:
        is_right = probabilities[at].argmax(1) == labels[at]
        found.append(
            {
                "value": name,
                "num_examples": len(at),
                "accuracy": float(is_right.mean()),
                "interval": list(wilson(int(is_right.sum()), len(at))),
                "expected_calibration_error": reliability(
                    labels[at], probabilities[at]
                ).expected_error,
                "baselines": {
                    rival: float((given[at].argmax(1) == labels[at]).mean())
                    for rival, given in rivals.items()
                },
            }
        )
    return found


def all_slices(
    lengths: np.ndarray, traits: Mapping[str, np.ndarray], is_right: np.ndarray
) -> dict[str, list[dict[str, Any]]]:
    """Slices by the number of steps, and by each trait that differs between the examples."""
    every = {"steps": lengths.astype(float), **traits}
    found = {name: accuracy_by(np.asarray(v, float), is_right) for name, v in every.items()}
    return {name: bins for name, bins in found.items() if bins}
