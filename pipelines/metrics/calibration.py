"""Calibration of probabilities: reliability, temperature scaling by length, a bias for each class.

n examples · K classes
"""

import math
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from models.heads.calibrated import (
    MOST_SLOPE,
    MOST_STEPS,
    REFERENCE_STEPS,
    CalibratedSoftmax,
    calibrated_scores,
    relative_lengths,
    temperatures,
)

#: reason given instead of an answer where a model's scores are NaN or infinite
NOT_FINITE = "the model's scores for it are not finite (NaN or infinite)"

NUM_BINS = 15
# Lower bound of probabilities in a log loss, as in scikit-learn.
_LEAST = np.finfo(np.float64).eps
# Standard deviations of the normal priors on the logarithm of the temperature, on the slope and on
# each bias.
_TEMPERATURE_PRIOR, _SLOPE_PRIOR, _BIAS_PRIOR = 0.5, 0.2, 0.3
# Least and largest temperature.
_TEMPERATURES = 0.05, 20.0
# A calibration is fitted to no more scores: 128 MB, several times.
_MOST_SCORES = 2**24
# Lengths whose temperatures are told in the report: a few words, the reference, all that is long.
_SHOWN_STEPS = [10, REFERENCE_STEPS, MOST_STEPS]


class Calibration(NamedTuple):
    """Temperatures of all lengths, and biases; see `CalibratedSoftmax`."""

    temperature: float = 1.0
    """That of `REFERENCE_STEPS` steps, above 0."""
    slope: float = 0.0
    bias: tuple[float, ...] = (0.0,)
    """(K,), or one for all classes, which changes nothing."""

    @classmethod
    def of(cls, softmax: CalibratedSoftmax) -> "Calibration":
        """The one of a model."""
        return cls(softmax.temperature.item(), softmax.slope.item(), tuple(softmax.bias.tolist()))

    def put_into(self, softmax: CalibratedSoftmax) -> None:
        """Let a model answer with it."""
        for name, value in self._asdict().items():
            getattr(softmax, name).copy_(torch.tensor(value))

    def at(self, lengths: Tensor) -> Tensor:
        """Lengths (n,) → the temperatures (n,) float64 of sequences of so many steps."""
        return temperatures(lengths, torch.tensor(self.temperature), torch.tensor(self.slope))


class Reliability(NamedTuple):
    """Reliability diagram: examples by confidence, in bins of equal width."""

    edges: np.ndarray
    """(bins + 1,) edges of the bins, from 0 to 1."""
    counts: np.ndarray
    """(bins,): number of examples in each bin."""
    confidence: np.ndarray
    """(bins,): mean probability of the predicted class; NaN in an empty bin."""
    accuracy: np.ndarray
    """(bins,): share of correct answers; NaN in an empty bin."""

    @property
    def expected_error(self) -> float:
        """Expected calibration error (Naeini 2015): mean of |confidence - accuracy| over examples."""
        gaps = np.abs(self.confidence - self.accuracy)
        return float(np.nansum(gaps * self.counts) / self.counts.sum())


def reliability(labels: np.ndarray, probabilities: np.ndarray) -> Reliability:
    """Reliability diagram of probabilities (n, K) for labels (n,)."""
    confidence = probabilities.max(1)
    is_right = probabilities.argmax(1) == labels
    edges = np.linspace(0, 1, NUM_BINS + 1)
    # A probability on an edge belongs to the bin below, so that 1 has a bin.
    bins = np.clip(np.ceil(confidence * NUM_BINS).astype(int) - 1, 0, NUM_BINS - 1)
    counts = np.bincount(bins, minlength=NUM_BINS)
    with np.errstate(invalid="ignore"):
        mean = np.bincount(bins, weights=confidence, minlength=NUM_BINS) / counts
        share = np.bincount(bins, weights=is_right, minlength=NUM_BINS) / counts
    return Reliability(edges, counts, mean, share)


def fit_calibration(
    labels: np.ndarray, scores: np.ndarray, lengths: np.ndarray, *, has_bias: bool = True
) -> Calibration:
    """Fit temperatures and biases with the least log loss; see `CalibratedSoftmax`.

    A temperature is above 1 where the model is overconfident, a bias above 0 where it answers a class
    too seldom. Few examples are weak evidence, so normal priors pull the temperature's logarithm
    (`_TEMPERATURE_PRIOR`), the slope (`_SLOPE_PRIOR`) and each bias (`_BIAS_PRIOR`) towards 0. Some
    dozens of examples outweigh those of the temperatures, some hundreds those of the biases.

    The biases of the classes that occur sum to 0, since the same number added to all changes nothing.
    A class without an example has the bias 0: that it does not occur here may be a choice of examples,
    and many of them would push it down without end.

    Args:
        labels: (n,) of the validation part, never of the reported one.
        scores: (n, K), finite.
        lengths: (n,) steps, 1 or more.
        has_bias: whether biases are fitted, or all 0. They suit the share that each class has among
            the labels, so a model that was trained to weigh the classes otherwise must have none.
    """
    values = torch.from_numpy(np.asarray(scores, np.float64))
    targets = torch.from_numpy(np.asarray(labels, np.int64))
    logs = relative_lengths(torch.from_numpy(np.asarray(lengths, np.int64))).log()
    # From the mean on, the slope says only how lengths differ: alike ones leave it 0, and the
    # temperature is that of Guo.
    center = logs.mean()
    logs = logs - center
    num_classes = values.shape[1]
    occurs = (targets.bincount(minlength=num_classes) > 0).double() * has_bias
    # The temperature at the center, as a logarithm, so that it stays above 0; the slope; the biases.
    fitted = torch.zeros(2 + num_classes, dtype=torch.float64, requires_grad=True)
    priors = torch.full_like(fitted, _BIAS_PRIOR, requires_grad=False)
    priors[:2] = torch.tensor([_TEMPERATURE_PRIOR, _SLOPE_PRIOR])
    optimizer = torch.optim.LBFGS([fitted], max_iter=100, line_search_fn="strong_wolfe")

    def bias() -> Tensor:
        mean = fitted[2:] @ occurs / occurs.sum().clamp(min=1)
        return (fitted[2:] - mean) * occurs

    def loss() -> Tensor:
        optimizer.zero_grad()
        found = (fitted[0] + fitted[1] * logs).exp()
        value = cross_entropy(values / found.unsqueeze(1) + bias(), targets)
        value = value + 0.5 * (fitted / priors).square().sum() / len(targets)
        value.backward()
        return value

    optimizer.step(loss)
    log_temperature, slope = fitted.detach()[:2]
    # With all answers correct, or a single class, the optimum would tend to 0 or to infinity.
    slope = slope.clamp(-MOST_SLOPE, MOST_SLOPE)
    temperature = (log_temperature - slope * center).exp().clamp(*_TEMPERATURES)
    return Calibration(temperature.item(), slope.item(), tuple(bias().tolist()))


def calibrate(
    labels: np.ndarray, scores: np.ndarray, lengths: np.ndarray, *, has_bias: bool = True
) -> tuple[Calibration, float]:
    """Fit a calibration to labels (n,), scores (n, K) and lengths (n,) → it, the log loss with it.

    Of more than `_MOST_SCORES`, those of some examples are enough. Scores that are not finite give the
    calibration that changes nothing, and an infinite loss. ``has_bias``: see `fit_calibration`.
    """
    if not np.isfinite(scores).all():
        return Calibration(), math.inf
    every = -(-scores.size // _MOST_SCORES)
    labels, scores, lengths = labels[::every], scores[::every], lengths[::every]
    found = fit_calibration(labels, scores, lengths, has_bias=has_bias)
    given = torch.from_numpy(np.asarray(scores, np.float64)), torch.from_numpy(lengths)
    values = calibrated_scores(*given, *map(torch.tensor, found))
    losses = cross_entropy(values, torch.from_numpy(labels), reduction="none")
    # The loss of an example is bounded, as scikit-learn's log loss bounds it.
    return found, float(losses.clamp(max=-math.log(_LEAST)).mean())


def describe_calibration(
    labels: np.ndarray,
    *,
    before: np.ndarray,
    after: np.ndarray,
    calibration: Calibration,
    classes: list[str],
) -> dict[str, Any]:
    """Calibration in the report: its numbers, and what the answers are worth before and after.

    Args:
        labels: (n,) of the reported part.
        before, after: probabilities (n, K) without calibration and with it.
        calibration: fitted on other examples.
        classes: names of the K classes.

    Returns:
        ``temperature``, that of ``reference_steps``, and its ``slope``; ``temperature_by_steps``, those
        of some lengths, of which the last stands for all longer ones; ``bias``, that of each class,
        where not all are 0; ``before`` and ``after``: ``accuracy``, ``expected_calibration_error`` and
        ``log_loss``.
    """
    # scikit-learn takes a second to load, and prediction imports this module without needing it.
    from pipelines.metrics.measures import log_loss

    def figures(probabilities: np.ndarray) -> dict[str, float]:
        return {
            "accuracy": float((probabilities.argmax(1) == labels).mean()),
            "expected_calibration_error": reliability(labels, probabilities).expected_error,
            "log_loss": log_loss(labels, probabilities),
        }

    found, bias = calibration.at(torch.tensor(_SHOWN_STEPS)).tolist(), calibration.bias
    return {
        "temperature": calibration.temperature,
        "slope": calibration.slope,
        "reference_steps": REFERENCE_STEPS,
        "temperature_by_steps": dict(zip(map(str, _SHOWN_STEPS), found, strict=True)),
        **({"bias": dict(zip(classes, bias, strict=True))} if any(bias) else {}),
        "before": figures(before),
        "after": figures(after),
    }
