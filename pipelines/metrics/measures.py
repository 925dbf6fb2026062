"""Classification and ranking metrics with their curves, as scikit-learn defines them.

n examples · K classes
"""

from typing import Any, Literal, NamedTuple

import numpy as np
from sklearn import metrics

TOP = 5
#: with more classes than this, no table has a column for each
MOST_SQUARED = 1000
_SIDES: tuple[Literal["left", "right"], ...] = ("left", "right")


class Confusions(NamedTuple):
    """Cells of a confusion matrix that are not zero, row by row."""

    true: np.ndarray
    """(cells,) int64, classes."""
    predicted: np.ndarray
    """(cells,) int64, classes."""
    counts: np.ndarray
    """(cells,) int64, examples."""


def confusions(labels: np.ndarray, predicted: np.ndarray, num_classes: int) -> Confusions:
    """Count the examples of each class (n,) that each class was predicted for (n,)."""
    cells, counts = np.unique(labels * num_classes + predicted, return_counts=True)
    return Confusions(cells // num_classes, cells % num_classes, counts)


def confusion_figures(found: Confusions, num_classes: int) -> dict[str, Any]:
    """The part of a report that `confusions_of` reads: a matrix, or for many classes its cells."""
    if num_classes > MOST_SQUARED:
        return {"confusions": np.stack(found, axis=1)}
    matrix = np.zeros((num_classes, num_classes), np.int64)
    matrix[found.true, found.predicted] = found.counts
    return {"confusion_matrix": matrix}


def confusions_of(report: dict[str, Any]) -> Confusions:
    """The confusions of a report, which may have been read from its file."""
    if "confusions" in report:
        return Confusions(*np.array(report["confusions"], np.int64).reshape(-1, 3).T)
    matrix = np.array(report["confusion_matrix"])
    true, predicted = np.nonzero(matrix)
    return Confusions(true, predicted, matrix[true, predicted])


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
        precision, area = _ranked(labels == k, probabilities[:, k])
        per_class["average_precision"][name] = precision
        per_class["roc_auc"][name] = area
    top = None
    if len(classes) > TOP:
        every = range(len(classes))
        top = float(metrics.top_k_accuracy_score(labels, probabilities, k=TOP, labels=every))
    return {**per_class, "top5_accuracy": top}


def _ranked(is_class: np.ndarray, values: np.ndarray) -> tuple[float | None, float | None]:
    """Average precision and area under the ROC curve, as scikit-learn defines them, of (n,) values.

    Its own functions check each argument anew, which takes minutes for thousands of classes.
    """
    found = values[is_class]
    num_found, num_others = len(found), len(values) - len(found)
    if not (num_found and num_others):
        return None, None
    ordered, among = np.sort(values), np.sort(found)
    below, up_to = (np.searchsorted(ordered, found, side) for side in _SIDES)
    ours_below, ours_up_to = (np.searchsorted(among, found, side) for side in _SIDES)
    precision = (num_found - ours_below) / (len(values) - below)
    # Others that lie below each; those of the same value count half.
    others = (below - ours_below + up_to - ours_up_to) / 2
    return float(precision.mean()), float(others.mean() / num_others)


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
