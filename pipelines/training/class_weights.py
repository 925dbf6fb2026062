"""How much examples of rare and of frequent classes count."""

import numpy as np


def balanced_weights(labels: np.ndarray, *, num_classes: int) -> np.ndarray:
    """Labels (n,) → (K,) float64: how much an example of each class counts.

    In inverse proportion to how many there are, n / (K n_c) (King & Zeng 2001, "Logistic Regression
    in Rare Events Data", as scikit-learn has it), K the classes that occur: the mean over all
    examples is 1. A class without an example keeps 1.
    """
    counts = np.bincount(labels, minlength=num_classes)
    return np.where(counts, len(labels) / (np.count_nonzero(counts) * np.maximum(counts, 1)), 1.0)
