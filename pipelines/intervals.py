"""How sure a figure is: bootstrap intervals, and paired ones of a difference.

n examples · K classes · R resamples
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

# Efron & Tibshirani 1993, "An Introduction to the Bootstrap": 1,000 or more for an interval.
RESAMPLES = 2_000
CONFIDENCE = 0.95
_NUMBERS_AT_ONCE = 2**22


class Interval(NamedTuple):
    """A figure, and the ends of its interval."""

    value: float
    low: float
    high: float


class Resampled(NamedTuple):
    """The figures of one set of answers."""

    accuracy: np.ndarray
    """(R + 1,); the first is of the examples as they are."""
    macro_f1: np.ndarray
    """(R + 1,)"""


def resample(
    labels: np.ndarray, answers: dict[str, np.ndarray], *, num_classes: int, seed: int = 0
) -> dict[str, Resampled]:
    """Accuracy and macro-F1 of several sets of answers on the same resampled examples.

    Args:
        labels: (n,) int64.
        answers: by name the predicted classes (n,) int64 of a model or a baseline.
        num_classes: K; a class that is neither there nor predicted has an F1 of 0, as in the report.
        seed: of the resamples.
    """
    places = {name: labels * num_classes + predicted for name, predicted in answers.items()}
    found: dict[str, list[Resampled]] = {name: [] for name in answers}
    cells = num_classes**2
    for counts in _counts(len(labels), seed, max(_NUMBERS_AT_ONCE // max(len(labels), cells), 1)):
        for name, place in places.items():
            rows = np.arange(len(counts))[:, None] * cells
            matrix = np.bincount(
                (rows + place).ravel(), weights=counts.ravel(), minlength=len(counts) * cells
            )
            found[name].append(_figures(matrix.reshape(len(counts), num_classes, num_classes)))
    return {
        name: Resampled(*map(np.concatenate, zip(*blocks, strict=True)))
        for name, blocks in found.items()
    }


def interval(figures: np.ndarray) -> Interval:
    """The percentile interval of figures (R + 1,), of which the first is the figure itself."""
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(figures[1:], [tail, 1 - tail])
    return Interval(float(figures[0]), float(low), float(high))


def _counts(num_examples: int, seed: int, at_once: int) -> Iterator[np.ndarray]:
    """(some, n) how often each example is drawn; first of all each once."""
    yield np.ones((1, num_examples), np.int64)
    generator = np.random.default_rng(seed)
    for start in range(0, RESAMPLES, at_once):
        some = min(at_once, RESAMPLES - start)
        drawn = generator.integers(num_examples, size=(some, num_examples))
        drawn += np.arange(some)[:, None] * num_examples
        flat = np.bincount(drawn.ravel(), minlength=some * num_examples)
        yield flat.reshape(some, num_examples)


def _figures(matrices: np.ndarray) -> Resampled:
    """(r, K, K) confusion matrices, rows the labels."""
    right = np.diagonal(matrices, axis1=1, axis2=2)
    either = matrices.sum(1) + matrices.sum(2)
    f1 = np.divide(2 * right, either, out=np.zeros_like(right), where=either > 0)
    return Resampled(right.sum(1) / matrices.sum((1, 2)), f1.mean(1))


def describe_intervals(
    labels: np.ndarray, predicted: np.ndarray, rivals: dict[str, np.ndarray], *, num_classes: int
) -> dict[str, Any]:
    """The model's figures with their intervals, and by how much it differs from each rival.

    Args:
        labels, predicted: (n,) int64, what is true and what the model says.
        rivals: by name what each says, (n,) int64.
        num_classes: K

    Returns:
        ``accuracy`` and ``macro_f1``, each [value, low, high]; ``against`` by name the same of the
        differences, the model's figure less the rival's on the same resampled examples.
    """
    figures = resample(labels, {"": predicted, **rivals}, num_classes=num_classes)
    ours = figures.pop("")
    against = {
        name: {
            key: list(interval(getattr(ours, key) - getattr(theirs, key)))
            for key in Resampled._fields
        }
        for name, theirs in figures.items()
    }
    return {key: list(interval(getattr(ours, key))) for key in Resampled._fields} | {
        "confidence": CONFIDENCE,
        "against": against,
    }
