"""Whether probabilities mean what they say, and the temperature that mends them.

n examples · K classes
"""

import math
from typing import Any, NamedTuple

import numpy as np
import torch
from torch.nn.functional import cross_entropy

#: why there is no answer where a model's scores are NaN or infinite
NOT_FINITE = "the model's scores for it are not finite (NaN or infinite)"

NUM_BINS = 15
# What a log loss takes for the least probability, as scikit-learn's does.
_LEAST = np.finfo(np.float64).eps
# The spread of the temperature's logarithm before an example is seen.
_PRIOR = 0.5


class Reliability(NamedTuple):
    """A reliability diagram: examples by how sure the answer was, in bins of equal width."""

    edges: np.ndarray
    """(bins + 1,)"""
    counts: np.ndarray
    """(bins,): examples in each."""
    confidence: np.ndarray
    """(bins,): their mean probability of the predicted class; NaN where there is none."""
    accuracy: np.ndarray
    """(bins,): the share of them that is right; NaN where there is none."""

    @property
    def expected_error(self) -> float:
        """The expected calibration error (Naeini 2015): |confidence - accuracy|, by examples."""
        gaps = np.abs(self.confidence - self.accuracy)
        return float(np.nansum(gaps * self.counts) / self.counts.sum())


def reliability(labels: np.ndarray, probabilities: np.ndarray) -> Reliability:
    """Labels (n,) and probabilities (n, K) → how sure answers were, and how often they were right."""
    confidence = probabilities.max(1)
    is_right = probabilities.argmax(1) == labels
    edges = np.linspace(0, 1, NUM_BINS + 1)
    # A probability on an edge belongs below it, so that 1 has a bin.
    bins = np.clip(np.ceil(confidence * NUM_BINS).astype(int) - 1, 0, NUM_BINS - 1)
    counts = np.bincount(bins, minlength=NUM_BINS)
    with np.errstate(invalid="ignore"):
        mean = np.bincount(bins, weights=confidence, minlength=NUM_BINS) / counts
        share = np.bincount(bins, weights=is_right, minlength=NUM_BINS) / counts
    return Reliability(edges, counts, mean, share)


def fit_temperature(labels: np.ndarray, scores: np.ndarray) -> float:
    """The temperature with the least log loss (Guo et al. 2017, "On Calibration of Modern Neural
    Networks", §4.2): above 1 where answers are too sure, and 1 where nothing can be gained.

    A few examples say little: its logarithm is drawn to 0 as by a normal prior (`_PRIOR`), which
    some dozens of examples outweigh.

    Args:
        labels: (n,) of the validation part, never of the one that is reported.
        scores: (n, K), finite.
    """
    values = torch.from_numpy(np.asarray(scores, np.float64))
    targets = torch.from_numpy(np.asarray(labels, np.int64))
    # The loss has one minimum over the logarithm, and a temperature stays above 0.
    log_temperature = torch.zeros((), dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([log_temperature], max_iter=100, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        value = cross_entropy(values / log_temperature.exp(), targets)
        value = value + 0.5 * (log_temperature / _PRIOR).square() / len(targets)
        value.backward()
        return value

    optimizer.step(loss)
    # All answers right, or one class alone: the best would be 0 or without end.
    return float(np.clip(log_temperature.exp().item(), 0.05, 20))


def calibrate(labels: np.ndarray, scores: np.ndarray) -> tuple[float, float]:
    """Labels (n,) and scores (n, K) → the temperature, and the log loss that it leaves.

    From scores that are not finite nothing can be learnt: a temperature of 1, an infinite loss.
    """
    if not np.isfinite(scores).all():
        return 1.0, math.inf
    temperature = fit_temperature(labels, scores)
    values = torch.from_numpy(np.asarray(scores, np.float64)) / temperature
    losses = cross_entropy(values, torch.from_numpy(labels), reduction="none")
    # No example counts more than scikit-learn's log loss lets it.
    return temperature, float(losses.clamp(max=-math.log(_LEAST)).mean())


def describe_calibration(
    labels: np.ndarray, *, before: np.ndarray, after: np.ndarray, temperature: float
) -> dict[str, Any]:
    """The temperature, and expected calibration error and log loss before and after, for the report.

    Args:
        labels: (n,) of the reported part.
        before, after: probabilities (n, K) without and with temperature scaling.
        temperature: fitted on other examples.
    """
    # scikit-learn takes a second to load, and who asks a saved model for answers needs none of it.
    from pipelines.metrics.measures import log_loss

    def figures(probabilities: np.ndarray) -> dict[str, float]:
        return {
            "expected_calibration_error": reliability(labels, probabilities).expected_error,
            "log_loss": log_loss(labels, probabilities),
        }

    return {"temperature": temperature, "before": figures(before), "after": figures(after)}
