"""Weights of the classes in the loss."""

import numpy as np


def balanced_weights(labels: np.ndarray, *, num_classes: int) -> np.ndarray:
    """Weights (num_classes,) float64 of the classes, inversely proportional to their frequency.

    The weight is n / (K n_c), with K the number of classes that occur in labels (n,), so that the
    mean over all examples is 1 (King & Zeng 2001, "Logistic Regression in Rare Events Data", in
    scikit-learn's form). A class without an example has the weight 1.
    """
    counts = np.bincount(labels, minlength=num_classes)
    return np.where(counts, len(labels) / (np.count_nonzero(counts) * np.maximum(counts, 1)), 1.0)
