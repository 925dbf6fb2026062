"""Logistic regression: fitted by scikit-learn, kept as plain arrays.

n examples · K classes · P classes with a training example · V features
"""

from typing import Any

import numpy as np
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression

# Score of a class without a training example: its probability is 0, and its weights are finite.
NEVER = -1e4


def fit_linear(
    features: Any, labels: np.ndarray, num_classes: int, *, c: float
) -> dict[str, np.ndarray]:
    """Fit a linear map to features (n, V), dense or sparse, and labels (n,).

    Returns weights (P, V), of the features' dtype, and biases (P,), with a single row for P = 2 as in
    scikit-learn; present (P,), the classes with an example; num_classes ().
    """
    present, counts = np.unique(labels, return_counts=True)
    if len(present) == 1 or features.shape[1] == 0:  # one class, or no features
        weights = np.zeros((len(present), features.shape[1]), dtype=features.dtype)
        biases = np.log(counts / counts.sum())
    else:
        # L-BFGS is multinomial for any P; on IMDB it is as accurate as other solvers and takes a second.
        model = LogisticRegression(C=c, solver="lbfgs", max_iter=1_000).fit(features, labels)
        weights, biases = model.coef_, model.intercept_
    size = np.array(num_classes)
    return {"weights": weights, "biases": biases, "present": present, "num_classes": size}


def predict_linear(state: dict[str, np.ndarray], features: Any) -> np.ndarray:
    """Probabilities (n, K) float64 by a linear map from features (n, V)."""
    logits = np.asarray(features @ state["weights"].T.astype(np.float64)) + state["biases"]
    if logits.shape[1] < len(state["present"]):  # two classes: one row, the logit of the second
        logits = np.hstack([np.zeros_like(logits), logits])
    probabilities = np.zeros((features.shape[0], int(state["num_classes"])))
    probabilities[:, state["present"]] = softmax(logits, axis=1)
    return probabilities


def scoring_of(state: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Weights (K, V) and biases (K,) whose scores have `predict_linear` as softmax."""
    weights, biases = state["weights"], state["biases"]
    if len(biases) < len(state["present"]):
        weights, biases = np.vstack([0 * weights, weights]), np.hstack([[0.0], biases])
    num_classes = int(state["num_classes"])
    all_weights, all_biases = np.zeros((num_classes, weights.shape[1])), np.full(num_classes, NEVER)
    all_weights[state["present"]], all_biases[state["present"]] = weights, biases
    return all_weights, all_biases
