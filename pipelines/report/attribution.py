"""Attribution of an answer to steps: integrated gradients over the encoded steps.

T steps of the sequence · D features · K classes · P points of a path
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

# Quadrature within an interval of the path; exact for polynomials up to degree 7.
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(4)
_INTERVALS = 8
# By what share of the change the sum may miss it.
COMPLETE = 1e-3
_STEPS_AT_ONCE = 16_384

Read = Callable[[Tensor, Tensor], Tensor]


class Attribution(NamedTuple):
    """Contributions of the steps to an answer."""

    steps: np.ndarray
    """(T,): what each step adds to the log-odds of the class; they sum to ``difference``."""
    difference: float
    """The log-odds of the class, less those where every step is nothing (features of 0)."""
    error: float
    """Distance of the sum from it."""


def log_odds(scores: Tensor, target: int) -> Tensor:
    """Scores (B, K) → (B,): ln p - ln (1 - p) of a class."""
    others = torch.cat([scores[:, :target], scores[:, target + 1 :]], dim=1)
    return scores[:, target] - others.logsumexp(1)


def integrated_gradients(
    read: Read,
    features: Tensor,
    target: int,
    *,
    tolerance: float = COMPLETE,
    most_rounds: int = 8,
    most_steps: float = float("inf"),
) -> Attribution:
    """Sundararajan et al. 2017, "Axiomatic Attribution for Deep Networks", eq. 1 and 3.

    On the straight way from steps that are nothing (features of 0: no word, nothing seen) to the
    steps as they are, each gets its share of the change of the class's log-odds. The shares must
    add up to the change (completeness); how exactly they do is known for every interval of the way
    by itself, so an interval that misses it is halved, until the whole is within the tolerance.

    Args:
        read: features (N, D) and lengths (B,) → scores (B, K); of a model in eval mode.
        features: (T, D), the encoded steps of one sequence.
        target: the class.
        tolerance: the most by which the sum may miss the change, as a share of it; of changes
            below 1, as it is.
        most_rounds: how often intervals may be halved.
        most_steps: how many steps may be read, over all points of the way, before no further one is:
            where time is short, and ``error`` says what is missed.
    """
    features = features.detach()

    def values(shares: np.ndarray) -> np.ndarray:
        return _on_the_way(read, features, target, shares, weights=None)[0]

    edges = np.linspace(0, 1, _INTERVALS + 1)
    at_edges = values(edges)
    difference = float(at_edges[-1] - at_edges[0])
    allowed = tolerance * max(1.0, abs(difference))
    total = np.zeros(len(features))
    starts, ends = edges[:-1], edges[1:]
    changes = np.diff(at_edges)
    steps_read = 0.0
    for round_ in range(most_rounds + 1):
        steps_read += len(_NODES) * len(starts) * len(features)
        found = [_interval(read, features, target, a, b) for a, b in zip(starts, ends, strict=True)]
        errors = np.array([abs(f.sum() - c) for f, c in zip(found, changes, strict=True)])
        # An interval may miss its part of what is allowed, by its length.
        is_done = errors <= 0.5 * allowed * (ends - starts)
        next_steps = 2 * len(_NODES) * (~is_done).sum() * len(features)
        is_last = round_ == most_rounds or steps_read + next_steps > most_steps
        is_done = is_done | is_last
        total += sum((f for f, done in zip(found, is_done, strict=True) if done), np.zeros(1))
        if is_done.all() or errors.sum() <= 0.5 * allowed:
            total += sum(
                (f for f, done in zip(found, is_done, strict=True) if not done), np.zeros(1)
            )
            break
        starts, ends, changes = starts[~is_done], ends[~is_done], changes[~is_done]
        middles = (starts + ends) / 2
        # The change of the first half, then of the second, in the order of the intervals.
        left = values(middles) - values(starts)
        changes = np.stack([left, changes - left], axis=1).ravel()
        starts = np.stack([starts, middles], axis=1).ravel()
        ends = np.stack([middles, ends], axis=1).ravel()
    return Attribution(total, difference, float(abs(total.sum() - difference)))


def _interval(read: Read, features: Tensor, target: int, a: float, b: float) -> np.ndarray:
    """(T,): what the steps add on a part of the way."""
    shares = a + (b - a) * (_NODES + 1) / 2
    _, gradient = _on_the_way(read, features, target, shares, weights=_WEIGHTS * (b - a) / 2)
    return gradient


def _on_the_way(
    read: Read, features: Tensor, target: int, shares: np.ndarray, *, weights: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """The log-odds (P,) at points of the way, and the weighted sum of gradients × steps, (T,).

    No gradient where there are no weights.
    """
    num_steps = len(features)
    found, total = [], np.zeros(num_steps)
    at_once = max(_STEPS_AT_ONCE // num_steps, 1)
    for start in range(0, len(shares), at_once):
        some = torch.as_tensor(shares[start : start + at_once]).to(features)
        points = (some[:, None, None] * features).flatten(0, 1)
        lengths = torch.full((len(some),), num_steps, device=features.device)
        if weights is None:
            with torch.no_grad():
                found.append(log_odds(read(points, lengths), target).double().cpu().numpy())
            continue
        points.requires_grad_()
        # cuDNN has no way back through a recurrence in eval mode; PyTorch's own kernels have.
        with torch.enable_grad(), torch.backends.cudnn.flags(enabled=False):
            reached = log_odds(read(points, lengths), target)
            (gradient,) = torch.autograd.grad(reached.sum(), points)
        found.append(reached.detach().double().cpu().numpy())
        added = (gradient.unflatten(0, (len(some), num_steps)) * features).sum(2)
        total += weights[start : start + at_once] @ added.double().cpu().numpy()
    return np.concatenate(found), total
