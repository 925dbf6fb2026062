"""Classification and ranking metrics with their curves, all by scikit-learn.

n examples · K classes
"""

from typing import Any, NamedTuple

import numpy as np
from sklearn import metrics

TOP = 5


class Curves(NamedTuple):
    """ROC and precision–recall curves of one class against all others."""

    false_positive_rate: np.ndarray
    true_positive_rate: np.ndarray
    precision: np.ndarray
    recall: np.ndarray


def ranking(labels: np.ndarray, probabilities: np.ndarray, classes: list[str]) -> dict[str, Any]:
    """Ranking metrics, which depend on the order of the probabilities and on no threshold.

    Returns:
        ``average_precision`` and ``roc_auc`` by class, each against all others (None where no example,
        or every one, is of the class); ``top5_accuracy``, None for five classes or fewer.
    """
    per_class: dict[str, dict[str, float | None]] = {"average_precision": {}, "roc_auc": {}}
    for k, name in enumerate(classes):
        is_class = labels == k
        tells = 0 < is_class.sum() < len(labels)
        per_class["average_precision"][name] = (
            float(metrics.average_precision_score(is_class, probabilities[:, k])) if tells else None
        )
        per_class["roc_auc"][name] = (
            float(metrics.roc_auc_score(is_class, probabilities[:, k])) if tells else None
        )
    top = None
    if len(classes) > TOP:
        every = range(len(classes))
        top = float(metrics.top_k_accuracy_score(labels, probabilities, k=TOP, labels=every))
    return {**per_class, "top5_accuracy": top}


def class_by_class(
    labels: np.ndarray, predicted: np.ndarray, num_classes: int
) -> tuple[np.ndarray, ...]:
    """Precision, recall, F1 and number of examples by class, (K,) each; 0 for 0 / 0."""
    every = range(num_classes)
    return metrics.precision_recall_fscore_support(labels, predicted, labels=every, zero_division=0)


def log_loss(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Mean negative log-probability of the true class, in nats."""
    every = range(probabilities.shape[1])
    return float(metrics.log_loss(labels, probabilities, labels=every))


def curves(labels: np.ndarray, probabilities: np.ndarray, k: int) -> Curves | None:
    """ROC and precision–recall curves of class ``k``; None where no or every example is of it."""
    is_class = labels == k
    if not 0 < is_class.sum() < len(labels):
        return None
    false, true, _ = metrics.roc_curve(is_class, probabilities[:, k])
    precision, recall, _ = metrics.precision_recall_curve(is_class, probabilities[:, k])
    return Curves(false, true, precision, recall)


def scores(labels: np.ndarray, probabilities: np.ndarray) -> dict[str, float]:
    """Score probabilities (n, K), rows summing to 1 -> accuracy, macro_f1, log_loss (nats).

    The model and its baselines share this definition. macro_f1 averages over all K classes, with 0 for
    a class neither present nor predicted. log_loss clips at 2.2e-16, so it stays finite.
    """
    predicted, every = probabilities.argmax(axis=1), np.arange(probabilities.shape[1])
    f1_scores = metrics.f1_score(labels, predicted, labels=every, average=None, zero_division=0)
    return {
        "accuracy": float(metrics.accuracy_score(labels, predicted)),
        "macro_f1": float(f1_scores.mean()),
        "log_loss": float(metrics.log_loss(labels, probabilities, labels=every)),
    }
