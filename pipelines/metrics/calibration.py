"""Calibration of probabilities: reliability, and temperature scaling.

n examples · K classes
"""

import math
from typing import Any, NamedTuple

import numpy as np
import torch
from torch.nn.functional import cross_entropy

#: reason given instead of an answer where a model's scores are NaN or infinite
NOT_FINITE = "the model's scores for it are not finite (NaN or infinite)"

NUM_BINS = 15
# Lower bound of probabilities in a log loss, as in scikit-learn.
_LEAST = np.finfo(np.float64).eps
# Standard deviation of the normal prior on the logarithm of the temperature.
_PRIOR = 0.5
# A temperature is fitted to no more scores: 128 MB, several times.
_MOST_SCORES = 2**24


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


def fit_temperature(labels: np.ndarray, scores: np.ndarray) -> float:
    """Fit the temperature with the least log loss: above 1 where the model is overconfident.

    Guo et al. 2017, "On Calibration of Modern Neural Networks", §4.2. Few examples are weak evidence,
    so a normal prior (`_PRIOR`) pulls the logarithm towards 0. Some dozens of examples outweigh it.

    Args:
        labels: (n,) of the validation part, never of the reported one.
        scores: (n, K), finite.
    """
    values = torch.from_numpy(np.asarray(scores, np.float64))
    targets = torch.from_numpy(np.asarray(labels, np.int64))
    # Optimised as a logarithm: the loss has one minimum there, and the temperature stays above 0.
    log_temperature = torch.zeros((), dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([log_temperature], max_iter=100, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        value = cross_entropy(values / log_temperature.exp(), targets)
        value = value + 0.5 * (log_temperature / _PRIOR).square() / len(targets)
        value.backward()
        return value

    optimizer.step(loss)
    # With all answers correct, or a single class, the optimum would tend to 0 or to infinity.
    return float(np.clip(log_temperature.exp().item(), 0.05, 20))


def calibrate(labels: np.ndarray, scores: np.ndarray) -> tuple[float, float]:
    """Fit a temperature to labels (n,) and scores (n, K) → the temperature, the log loss with it.

    Of more than `_MOST_SCORES`, those of some examples are enough for one number. Scores that are not
    finite give a temperature of 1 and an infinite loss.
    """
    if not np.isfinite(scores).all():
        return 1.0, math.inf
    every = -(-scores.size // _MOST_SCORES)
    labels, scores = labels[::every], scores[::every]
    temperature = fit_temperature(labels, scores)
    values = torch.from_numpy(np.asarray(scores, np.float64)) / temperature
    losses = cross_entropy(values, torch.from_numpy(labels), reduction="none")
    # The loss of an example is bounded, as scikit-learn's log loss bounds it.
    return temperature, float(losses.clamp(max=-math.log(_LEAST)).mean())


def describe_calibration(
    labels: np.ndarray, *, before: np.ndarray, after: np.ndarray, temperature: float
) -> dict[str, Any]:
    """Calibration in the report: temperature, expected calibration error and log loss before and after.

    Args:
        labels: (n,) of the reported part.
        before, after: probabilities (n, K) without and with temperature scaling.
        temperature: fitted on other examples.
    """
    # scikit-learn takes a second to load, and prediction imports this module without needing it.
    from pipelines.metrics.measures import log_loss

    def figures(probabilities: np.ndarray) -> dict[str, float]:
        return {
            "expected_calibration_error": reliability(labels, probabilities).expected_error,
            "log_loss": log_loss(labels, probabilities),
        }

    return {"temperature": temperature, "before": figures(before), "after": figures(after)}
