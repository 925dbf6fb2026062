"""How sure a figure is: intervals of shares, and bootstrap ones of macro-F1 and of differences.

n examples · K classes · R resamples · r of them at a time
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, Self

import numpy as np
from scipy.sparse import csr_array
from scipy.stats import binomtest

# Efron & Tibshirani 1993, "An Introduction to the Bootstrap": 1,000 or more for an interval.
RESAMPLES = 2_000
CONFIDENCE = 0.95
# Two successes and two failures more, and an interval of 95 % holds for few examples too (Agresti &
# Coull 1998), as it does of a difference (Agresti & Caffo 2000).
UNSEEN = 4
_NUMBERS_AT_ONCE = 2**22


class Interval(NamedTuple):
    """A figure, and the ends of its interval: low ≤ value ≤ high."""

    value: float
    low: float
    high: float


class Resampled(NamedTuple):
    """The figures of one set of answers."""

    accuracy: np.ndarray
    """(R + 1,); the first is of the examples as they are."""
    macro_f1: np.ndarray
    """(R + 1,)"""


class _Tally(NamedTuple):
    """Counts of a set of answers to r resamples, by class."""

    right: np.ndarray
    """(r, K): examples that are of the class and taken for it."""
    either: np.ndarray
    """(r, K): those that are of it, and those taken for it; one that is both counts twice."""

    @classmethod
    def of(
        cls, counts: np.ndarray, labels: np.ndarray, predicted: np.ndarray, num_classes: int
    ) -> Self:
        """The value for examples that are drawn (r, n) times."""

        def by_class(rows: np.ndarray, classes: np.ndarray) -> np.ndarray:
            ones = np.ones(len(rows), np.int64)
            shape = (counts.shape[1], num_classes)
            return counts @ csr_array((ones, (rows, classes)), shape=shape)

        every, right = np.arange(len(labels)), np.flatnonzero(labels == predicted)
        either = by_class(every, labels) + by_class(every, predicted)
        return cls(by_class(right, labels[right]), either)

    def plus(self, right: np.ndarray, wrong: np.ndarray) -> Self:
        """With (r, K) further examples of each class; the wrong ones are taken for the next class."""
        further = 2 * right + wrong + np.roll(wrong, 1, axis=1)
        return type(self)(self.right + right, self.either + further)

    def figures(self, kept: np.ndarray) -> Resampled:
        """Accuracy and macro-F1 (r,); classes that are ``kept`` (K,) and not drawn do not count."""
        f1 = np.zeros(self.right.shape)
        np.divide(2 * self.right, self.either, out=f1, where=self.either > 0)
        drawn = ((self.either > 0) & kept).sum(1)
        accuracy = 2 * self.right.sum(1) / self.either.sum(1)
        return Resampled(accuracy, f1.mean(1) * (kept.sum() / drawn))


def wilson(right: int, count: int) -> tuple[float, float]:
    """The score interval of ``right`` in ``count`` (Wilson 1927), good for few and near 0 and 1.

    The ends are in 0 to 1, and ``right / count`` is between them, as floats too.
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
    """Accuracy and macro-F1 of several sets of answers on the same resampled examples.

    A class that no example and no answer is of has an F1 of 0, as in the report. One that is merely
    not drawn is left out of that resample's mean: a 0 would be no mistake of the model.

    Args:
        labels: (n,) int64.
        answers: by name the predicted classes (n,) int64 of a model or a baseline.
        num_classes: K
        seed: of the resamples.
        unseen: how many examples of unknown outcome join each resample, of classes drawn evenly from
            those that have an example; each set of answers is right about each by the toss of a
            coin, and so by halves in the first figure. Without them, where no mistake was seen none
            is held possible.
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
            if unseen and block == 0:  # the examples as they are
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
    """The percentile interval of figures (R + 1,), of which the first is of no resample.

    Args:
        figures: shares, or differences of shares.
        value: the figure that is told, if it is not the first; the interval holds it.
        is_biased: whether resamples differ from the first figure on average, as those of an F1 do:
            one of few examples is lower. The mean over many classes keeps this bias while it
            scatters less and less, so that the whole interval can lie below the figure. The
            percentiles are moved so that the mean of the resamples falls on the first figure.
        least, most: what a figure can be.
    """
    tail = (1 - CONFIDENCE) / 2
    resampled = figures[1:]
    bias = resampled.mean() - figures[0] if is_biased else 0.0
    low, high = np.clip(np.quantile(resampled, [tail, 1 - tail]) - bias, least, most)
    return _holding(float(figures[0]) if value is None else value, low, high)


def _holding(value: float, low: float, high: float) -> Interval:
    """Rounding, or a skew, may not put an end on the wrong side of the value."""
    return Interval(float(value), float(min(low, value)), float(max(high, value)))


def _counts(num_examples: int, seed: int, at_once: int) -> Iterator[np.ndarray]:
    """(r, n) how often each example is drawn; first of all each once."""
    yield np.ones((1, num_examples), np.int64)
    generator = np.random.default_rng(seed)
    for start in range(0, RESAMPLES, at_once):
        some = min(at_once, RESAMPLES - start)
        drawn = generator.integers(num_examples, size=(some, num_examples))
        drawn += np.arange(some)[:, None] * num_examples
        flat = np.bincount(drawn.ravel(), minlength=some * num_examples)
        yield flat.reshape(some, num_examples)


def _by_class(classes: np.ndarray, weights: np.ndarray, num_classes: int) -> np.ndarray:
    """Classes and weights (r, m) → the sum of the weights of each class (r, K)."""
    rows = np.arange(len(classes))[:, None] * num_classes
    flat = np.bincount(
        (rows + classes).ravel(), weights=weights.ravel(), minlength=len(classes) * num_classes
    )
    return flat.reshape(len(classes), num_classes)


class Comparison:
    """Several sets of answers to the same examples: the figures of each, and their differences.

    Accuracy has its `wilson` interval. Macro-F1 and differences have bootstrap intervals with
    `UNSEEN` examples more, around figures that are moved a little towards the middle as Wilson's are.

    Args:
        labels: (n,) int64.
        answers: by name the predicted classes (n,) int64.
        num_classes: K
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
        """``accuracy`` and ``macro_f1`` of one set of answers, each [value, low, high]."""
        accuracy = [self._value(name, "accuracy")]
        accuracy += wilson(self._num_right[name], len(self._answers[name]))
        macro_f1 = interval(
            self._resampled[name].macro_f1, self._value(name, "macro_f1"), is_biased=True, least=0.0
        )
        return {"accuracy": accuracy, "macro_f1": list(macro_f1)}

    def difference(self, first: str, second: str) -> dict[str, list[float]]:
        """By how much the first is ahead of the second, each [value, low, high].

        Two that answer all alike differ by 0 for certain.
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
    """The model's figures with their intervals, and by how much it differs from each rival.

    Args:
        labels, predicted: (n,) int64, what is true and what the model says.
        rivals: by name what each says, (n,) int64.
        num_classes: K

    Returns:
        ``accuracy`` and ``macro_f1``, each [value, low, high]; ``against`` by name the same of the
        differences, the model's figure less the rival's on the same resampled examples.
    """
    found = Comparison(labels, {"": predicted, **rivals}, num_classes=num_classes)
    against = {name: found.difference("", name) for name in rivals}
    return found.own("") | {"confidence": CONFIDENCE, "against": against}
