"""Confidence intervals: Wilson's for shares, bootstrap intervals for macro-F1 and differences.

n examples · K classes · R resamples · r resamples at a time
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, Self

import numpy as np
from scipy.sparse import csr_array
from scipy.stats import binomtest

# At least 1,000 for an interval: Efron & Tibshirani 1993, "An Introduction to the Bootstrap".
RESAMPLES = 2_000
CONFIDENCE = 0.95
# Two added successes and two added failures make 95 % intervals valid for few examples too: for a
# share Agresti & Coull 1998, for a difference Agresti & Caffo 2000.
UNSEEN = 4
_NUMBERS_AT_ONCE = 2**22


class Interval(NamedTuple):
    """Figure with the ends of its interval: low ≤ value ≤ high."""

    value: float
    low: float
    high: float


class Resampled(NamedTuple):
    """Figures of one set of answers on resampled examples."""

    accuracy: np.ndarray
    """(R + 1,); the first is on the original examples."""
    macro_f1: np.ndarray
    """(R + 1,), likewise."""


class _Tally(NamedTuple):
    """Counts by class of a set of answers, in each of r resamples."""

    right: np.ndarray
    """(r, K): true positives."""
    either: np.ndarray
    """(r, K): examples of the class plus predictions of it; a true positive counts twice."""

    @classmethod
    def of(
        cls, counts: np.ndarray, labels: np.ndarray, predicted: np.ndarray, num_classes: int
    ) -> Self:
        """Counts for resamples in which the examples are drawn ``counts`` (r, n) times."""

        def by_class(rows: np.ndarray, classes: np.ndarray) -> np.ndarray:
            ones = np.ones(len(rows), np.int64)
            shape = (counts.shape[1], num_classes)
            return counts @ csr_array((ones, (rows, classes)), shape=shape)

        every, right = np.arange(len(labels)), np.flatnonzero(labels == predicted)
        either = by_class(every, labels) + by_class(every, predicted)
        return cls(by_class(right, labels[right]), either)

    def plus(self, right: np.ndarray, wrong: np.ndarray) -> Self:
        """Add examples (r, K) of each class; the wrong ones are predicted as the next class."""
        further = 2 * right + wrong + np.roll(wrong, 1, axis=1)
        return type(self)(self.right + right, self.either + further)

    def figures(self, kept: np.ndarray) -> Resampled:
        """Accuracy and macro-F1 (r,); ``kept`` (K,) classes that are not drawn do not count."""
        f1 = np.zeros(self.right.shape)
        np.divide(2 * self.right, self.either, out=f1, where=self.either > 0)
        drawn = ((self.either > 0) & kept).sum(1)
        accuracy = 2 * self.right.sum(1) / self.either.sum(1)
        return Resampled(accuracy, f1.mean(1) * (kept.sum() / drawn))


def wilson(right: int, count: int) -> tuple[float, float]:
    """Score interval of the share ``right / count`` (Wilson 1927), good for few examples, near 0 and 1.

    The ends are in 0 to 1 and hold ``right / count`` between them, in floating point too.
    """
    found = binomtest(right, count).proportion_ci(CONFIDENCE, method="wilson")
    return _holding(right / count, found.low, found.high)[1:]


def resample(
    labels: np.ndarray,
    answers: Mapping[str, np.ndarray],
    *,
    num_classes: int,
    seed: int = 0,
    unseen: int = 0,
) -> dict[str, Resampled]:
    """Compute accuracy and macro-F1 of several sets of answers on the same resampled examples.

    A class without any example or prediction has an F1 of 0, as in the report. A class that is only
    missing from a resample is left out of that resample's mean, since a 0 there would be no mistake
    of the model.

    Args:
        labels: (n,) int64.
        answers: predicted classes (n,) int64 of each model or baseline, by its name.
        num_classes: K.
        seed: seed of the resamples.
        unseen: number of examples of unknown outcome added to each resample. Their classes are drawn
            evenly from those with an example. Each set of answers is right about each with
            probability 1/2, and counts as half right in the first figure. Without them a model
            without a mistake would have an interval of no width.
    """
    once = np.ones((1, len(labels)), np.int64)
    kept = {
        name: (_Tally.of(once, labels, predicted, num_classes).either > 0)[0]
        for name, predicted in answers.items()
    }
    present = np.unique(labels)
    expected = np.zeros((1, num_classes))
    expected[:, present] = unseen / len(present) / 2
    found: dict[str, list[Resampled]] = {name: [] for name in answers}
    generator = np.random.default_rng([seed, unseen])
    at_once = max(_NUMBERS_AT_ONCE // max(len(labels), num_classes), 1)
    for block, counts in enumerate(_counts(len(labels), seed, at_once)):
        classes = generator.choice(present, size=(len(counts), unseen))
        for name, predicted in answers.items():
            tally = _Tally.of(counts, labels, predicted, num_classes)
            if unseen and block == 0:  # the original examples
                tally = tally.plus(expected, expected)
            elif unseen:
                is_right = generator.random(classes.shape) < 0.5
                tally = tally.plus(
                    _by_class(classes, is_right, num_classes),
                    _by_class(classes, ~is_right, num_classes),
                )
            found[name].append(tally.figures(kept[name]))
    return {
        name: Resampled(*map(np.concatenate, zip(*blocks, strict=True)))
        for name, blocks in found.items()
    }


def interval(
    figures: np.ndarray,
    value: float | None = None,
    *,
    is_biased: bool = False,
    least: float = -1.0,
    most: float = 1.0,
) -> Interval:
    """Percentile interval of figures (R + 1,); the first is on the original examples.

    Args:
        figures: shares, or differences of shares.
        value: the reported figure, where it is not the first; the interval holds it.
        is_biased: whether resamples differ from the first figure on average, as those of an F1 do:
            the F1 of few examples is lower. The mean over many classes keeps this bias but
            scatters less, so that the whole interval can lie below the figure. The percentiles are
            shifted so that the mean of the resamples equals the first figure.
        least, most: range of a figure.
    """
    tail = (1 - CONFIDENCE) / 2
    resampled = figures[1:]
    bias = resampled.mean() - figures[0] if is_biased else 0.0
    low, high = np.clip(np.quantile(resampled, [tail, 1 - tail]) - bias, least, most)
    return _holding(float(figures[0]) if value is None else value, low, high)


def _holding(value: float, low: float, high: float) -> Interval:
    """Widen an interval to hold its value, which rounding or skew may put outside."""
    return Interval(float(value), float(min(low, value)), float(max(high, value)))


def _counts(num_examples: int, seed: int, at_once: int) -> Iterator[np.ndarray]:
    """Counts (r, n) of the draws of each example; the first block draws each once."""
    yield np.ones((1, num_examples), np.int64)
    generator = np.random.default_rng(seed)
    for start in range(0, RESAMPLES, at_once):
        some = min(at_once, RESAMPLES - start)
        drawn = generator.integers(num_examples, size=(some, num_examples))
        drawn += np.arange(some)[:, None] * num_examples
        flat = np.bincount(drawn.ravel(), minlength=some * num_examples)
        yield flat.reshape(some, num_examples)


def _by_class(classes: np.ndarray, weights: np.ndarray, num_classes: int) -> np.ndarray:
    """Sum weights (r, m) by their classes (r, m) → (r, K)."""
    rows = np.arange(len(classes))[:, None] * num_classes
    flat = np.bincount(
        (rows + classes).ravel(), weights=weights.ravel(), minlength=len(classes) * num_classes
    )
    return flat.reshape(len(classes), num_classes)


class Comparison:
    """Figures of several sets of answers to the same examples, and their differences.

    Accuracy has a `wilson` interval. Macro-F1 and differences have bootstrap intervals with `UNSEEN`
    added examples; like Wilson's they lie around a figure that is shifted a little to the middle.

    Args:
        labels: (n,) int64.
        answers: predicted classes (n,) int64 by name.
        num_classes: K.
    """

    def __init__(
        self, labels: np.ndarray, answers: Mapping[str, np.ndarray], *, num_classes: int
    ) -> None:
        self._answers = answers
        self._num_right = {name: int((labels == one).sum()) for name, one in answers.items()}
        once = np.ones((1, len(labels)), np.int64)
        tallies = {n: _Tally.of(once, labels, one, num_classes) for n, one in answers.items()}
        self._values = {n: one.figures((one.either > 0)[0]) for n, one in tallies.items()}
        self._resampled = resample(labels, answers, num_classes=num_classes, unseen=UNSEEN)

    def own(self, name: str) -> dict[str, list[float]]:
        """Accuracy and macro-F1 of one set of answers by their keys, each [value, low, high]."""
        accuracy = [self._value(name, "accuracy")]
        accuracy += wilson(self._num_right[name], len(self._answers[name]))
        macro_f1 = interval(
            self._resampled[name].macro_f1, self._value(name, "macro_f1"), is_biased=True, least=0.0
        )
        return {"accuracy": accuracy, "macro_f1": list(macro_f1)}

    def difference(self, first: str, second: str) -> dict[str, list[float]]:
        """Figures of the first less those of the second, each [value, low, high].

        For identical answers the difference is 0 with an interval of no width.
        """
        if np.array_equal(self._answers[first], self._answers[second]):
            return {key: [0.0, 0.0, 0.0] for key in Resampled._fields}
        ours, theirs = self._resampled[first], self._resampled[second]
        return {
            key: list(
                interval(
                    getattr(ours, key) - getattr(theirs, key),
                    self._value(first, key) - self._value(second, key),
                    is_biased=key == "macro_f1",
                )
            )
            for key in Resampled._fields
        }

    def _value(self, name: str, key: str) -> float:
        return float(getattr(self._values[name], key)[0])


def describe_intervals(
    labels: np.ndarray, predicted: np.ndarray, rivals: dict[str, np.ndarray], *, num_classes: int
) -> dict[str, Any]:
    """Intervals in the report: the model's figures, and its differences to each rival.

    Args:
        labels, predicted: (n,) int64, the true classes and those the model predicts.
        rivals: classes (n,) int64 that each rival predicts, by its name.
        num_classes: K.

    Returns:
        ``accuracy`` and ``macro_f1``, each [value, low, high]; ``confidence``; ``against``: by rival
        the differences in the same form, the model's figure less the rival's on the same resampled
        examples.
    """
    found = Comparison(labels, {"": predicted, **rivals}, num_classes=num_classes)
    against = {name: found.difference("", name) for name in rivals}
    return found.own("") | {"confidence": CONFIDENCE, "against": against}
