"""Thinning of curves to as many points as a figure can show."""

import numpy as np


def thinned(count: int, most: int) -> np.ndarray:
    """Choose at most ``most`` of ``count`` indices, evenly spread, with the first and the last."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(int))
