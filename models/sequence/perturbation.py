"""Perturbed inputs: what an answer ought to withstand.

B sequences · N steps in the batch · D features · K classes

A classifier that answers alike for all inputs near an example, labelled or not, generalises better
than one that is right on the example alone. What is perturbed are the features of the steps, such as
word embeddings, since words themselves cannot be moved a little.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import kl_div

from models.chance import normal_like
from models.recurrence.layout import rows_of

Read = Callable[[Tensor], Tensor]
"""Features (N, D) → scores (B, K)."""


def of_length(direction: Tensor, lengths: Tensor, size: float) -> Tensor:
    """Directions (N, D) scaled so that each sequence's, all its steps together, has a norm of ``size``.

    Where a direction is 0 it stays 0.
    """
    # The largest entry goes first, or squares of small gradients would underflow.
    largest = _each(direction.abs().amax(1), lengths, "max").clamp(min=1e-30)
    rows = rows_of(lengths, len(direction))
    direction = direction / largest[rows, None]
    norm = _each(direction.square().sum(1), lengths, "sum").sqrt().clamp(min=1e-30)
    return direction * (size / norm)[rows, None]


def adversarial(features: Tensor, lengths: Tensor, loss: Tensor, size: float) -> Tensor:
    """The small perturbation (N, D) that raises a loss fastest.

    Miyato et al. 2017, "Adversarial Training Methods for Semi-Supervised Text Classification",
    eq. 5: r = ε g / ‖g‖, g the gradient of the loss by the features of a whole sequence. The graph
    of ``loss`` is kept, to learn from it too.
    """
    (gradient,) = torch.autograd.grad(loss, features, retain_graph=True)
    return of_length(gradient.detach(), lengths, size)


def virtual_adversarial(
    read: Read, features: Tensor, lengths: Tensor, scores: Tensor, size: float, *, probe: float
) -> Tensor:
    """The small perturbation (N, D) that changes an answer most; no label is needed.

    Miyato et al. 2017, eq. 7 and 8: one step of power iteration, from a random direction of the
    length ``probe``, on the divergence from the answer without it.
    """
    start = of_length(normal_like(features), lengths, probe).requires_grad_()
    with torch.enable_grad():
        distance = divergence(scores.detach(), read(features.detach() + start)).sum()
        (gradient,) = torch.autograd.grad(distance, start)
    return of_length(gradient, lengths, size)


def divergence(scores: Tensor, others: Tensor) -> Tensor:
    """(B, K) twice → (B,): KL from the answers of the first to those of the second, in nats."""
    return kl_div(
        others.log_softmax(1), scores.log_softmax(1), log_target=True, reduction="none"
    ).sum(1)


def entropy(scores: Tensor) -> Tensor:
    """(B, K) → (B,): how undecided answers are, in nats.

    Grandvalet & Bengio 2005, "Semi-supervised Learning by Entropy Minimization".
    """
    logs = scores.log_softmax(1)
    return -(logs.exp() * logs).sum(1)


def _each(values: Tensor, lengths: Tensor, how: str) -> Tensor:
    """(N,) → (B,)."""
    return torch.segment_reduce(values, how, lengths=lengths)
