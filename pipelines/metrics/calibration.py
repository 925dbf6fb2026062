"""Calibration of probabilities: reliability, and temperature scaling by length.

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
    relative_lengths,
    temperatures,
)

#: reason given instead of an answer where a model's scores are NaN or infinite
NOT_FINITE = "the model's scores for it are not finite (NaN or infinite)"

NUM_BINS = 15
# Lower bound of probabilities in a log loss, as in scikit-learn.
_LEAST = np.finfo(np.float64).eps
# Standard deviations of the normal priors on the logarithm of the temperature and on the slope.
_TEMPERATURE_PRIOR, _SLOPE_PRIOR = 0.5, 0.2
# Least and largest temperature.
_TEMPERATURES = 0.05, 20.0
# A calibration is fitted to no more scores: 128 MB, several times.
_MOST_SCORES = 2**24
# Lengths whose temperatures are told in the report: a few words, the reference, all that is long.
_SHOWN_STEPS = [10, REFERENCE_STEPS, MOST_STEPS]


class Calibration(NamedTuple):
    """Temperatures of all lengths; see `CalibratedSoftmax`."""

    temperature: float = 1.0
    """That of `REFERENCE_STEPS` steps, above 0."""
    slope: float = 0.0

    @classmethod
    def of(cls, softmax: CalibratedSoftmax) -> "Calibration":
        """The one of a model."""
        return cls(softmax.temperature.item(), softmax.slope.item())

    def at(self, lengths: Tensor) -> Tensor:
        """Lengths (n,) → the temperatures (n,) float64 of sequences of so many steps."""
        return temperatures(lengths, *map(torch.tensor, self))


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


def fit_calibration(labels: np.ndarray, scores: np.ndarray, lengths: np.ndarray) -> Calibration:
    """Fit the temperatures with the least log loss: above 1 where the model is overconfident.

    Guo et al. 2017, "On Calibration of Modern Neural Networks", §4.2, with a temperature that depends
    on the length. Few examples are weak evidence, so normal priors pull the temperature's logarithm
    (`_TEMPERATURE_PRIOR`) and the slope (`_SLOPE_PRIOR`) towards 0. Some dozens of examples outweigh
    them.

    Args:
        labels: (n,) of the validation part, never of the reported one.
        scores: (n, K), finite.
        lengths: (n,) steps, 1 or more.
    """
    values = torch.from_numpy(np.asarray(scores, np.float64))
    targets = torch.from_numpy(np.asarray(labels, np.int64))
    logs = relative_lengths(torch.from_numpy(np.asarray(lengths, np.int64))).log()
    # From the mean on, the slope says only how lengths differ: alike ones leave it 0, and the
    # temperature is that of Guo.
    center = logs.mean()
    logs = logs - center
    # The temperature at the center, as a logarithm, so that it stays above 0; and the slope.
    fitted = torch.zeros(2, dtype=torch.float64, requires_grad=True)
    priors = torch.tensor([_TEMPERATURE_PRIOR, _SLOPE_PRIOR], dtype=torch.float64)
    optimizer = torch.optim.LBFGS([fitted], max_iter=100, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        found = (fitted[0] + fitted[1] * logs).exp()
        value = cross_entropy(values / found.unsqueeze(1), targets)
        value = value + 0.5 * (fitted / priors).square().sum() / len(targets)
        value.backward()
        return value

    optimizer.step(loss)
    log_temperature, slope = fitted.detach()
    # With all answers correct, or a single class, the optimum would tend to 0 or to infinity.
    slope = slope.clamp(-MOST_SLOPE, MOST_SLOPE)
    temperature = (log_temperature - slope * center).exp().clamp(*_TEMPERATURES)
    return Calibration(temperature.item(), slope.item())


def calibrate(
    labels: np.ndarray, scores: np.ndarray, lengths: np.ndarray
) -> tuple[Calibration, float]:
    """Fit a calibration to labels (n,), scores (n, K) and lengths (n,) → it, the log loss with it.

    Of more than `_MOST_SCORES`, those of some examples are enough for two numbers. Scores that are not
    finite give those of none, and an infinite loss.
    """
    if not np.isfinite(scores).all():
        return Calibration(), math.inf
    every = -(-scores.size // _MOST_SCORES)
    labels, scores, lengths = labels[::every], scores[::every], lengths[::every]
    found = fit_calibration(labels, scores, lengths)
    values = torch.from_numpy(np.asarray(scores, np.float64))
    values = values / found.at(torch.from_numpy(lengths)).unsqueeze(1)
    losses = cross_entropy(values, torch.from_numpy(labels), reduction="none")
    # The loss of an example is bounded, as scikit-learn's log loss bounds it.
    return found, float(losses.clamp(max=-math.log(_LEAST)).mean())


def describe_calibration(
    labels: np.ndarray, *, before: np.ndarray, after: np.ndarray, calibration: Calibration
) -> dict[str, Any]:
    """Calibration in the report: temperatures, expected calibration error and log loss before and after.

    Args:
        labels: (n,) of the reported part.
        before, after: probabilities (n, K) without temperatures (that is, of 1) and with them.
        calibration: fitted on other examples.

    Returns:
        ``temperature``, that of ``reference_steps``, and its ``slope``; ``temperature_by_steps``, those
        of some lengths, of which the last stands for all longer ones; ``before`` and ``after``.
    """
    # scikit-learn takes a second to load, and prediction imports this module without needing it.
    from pipelines.metrics.measures import log_loss

    def figures(probabilities: np.ndarray) -> dict[str, float]:
        return {
            "expected_calibration_error": reliability(labels, probabilities).expected_error,
            "log_loss": log_loss(labels, probabilities),
        }

    found = calibration.at(torch.tensor(_SHOWN_STEPS)).tolist()
    return {
        "temperature": calibration.temperature,
        "slope": calibration.slope,
        "reference_steps": REFERENCE_STEPS,
        "temperature_by_steps": dict(zip(map(str, _SHOWN_STEPS), found, strict=True)),
        "before": figures(before),
        "after": figures(after),
    }
