"""Fewer points of a curve, where more could not be told apart."""

import numpy as np


def thinned(count: int, most: int) -> np.ndarray:
    """Places of at most ``most`` of so many points, evenly spread, the first and last among them."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(int))
