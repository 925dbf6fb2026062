"""The loss of a training batch: of labels, and of what teachers say where there is none.

B examples of a batch · n examples without a label · K classes
"""

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, one_hot

from data.batches.joined import NO_LABEL


class TrainingLoss(nn.Module):
    """Cross-entropy, with a weight for each class and for examples without a label.

    Args:
        num_classes: K.
    """

    weights: Tensor
    """(K,) what an example of each class counts."""
    shares: Tensor
    """(n, K) the teachers' answers."""

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        # What a checkpoint is for has its training part behind it.
        self.register_buffer("weights", torch.ones(num_classes), persistent=False)
        # No buffer: ranks would send it to each other with every step.
        self.shares = torch.empty(0, num_classes)
        self._first_taught = 0

    def balance(self, labels: np.ndarray) -> None:
        """Let all classes count alike, however many of the labels (n,) each has."""
        weights = balanced_weights(labels, num_classes=len(self.weights))
        self.weights.copy_(torch.from_numpy(weights))

    def teach(self, first_id: int, shares: Tensor) -> None:
        """Take teachers' probabilities for the targets of examples without a label.

        Hinton et al. 2015, "Distilling the Knowledge in a Neural Network", §2, at temperature 1;
        with noise in the student alone as in Xie et al. 2020, "Self-training with Noisy Student
        improves ImageNet classification".

        Args:
            first_id: the id of the first of them (see `data.batches.joined`).
            shares: (n, K), the teachers' mean.
        """
        self.shares = shares.float()
        self._first_taught = first_id

    @property
    def is_taught(self) -> bool:
        """Whether there are teachers' answers."""
        return len(self.shares) > 0

    def forward(self, scores: Tensor, labels: Tensor, ids: Tensor) -> Tensor:
        """Scores (B, K), labels (B,), `NO_LABEL` where there is none, ids (B,) → their mean loss."""
        targets = labels
        # Not cross_entropy's own weights: it divides by their sum over the batch, so that in a
        # batch of few examples, or of one class, they would cancel out.
        if not self.is_taught:
            weights = self.weights[labels]
        else:
            targets, weights = self._targets(labels, ids)
        return (weights * cross_entropy(scores, targets, reduction="none")).mean()

    def _targets(self, labels: Tensor, ids: Tensor) -> tuple[Tensor, Tensor]:
        """What to answer, as shares (B, K), and what each counts (B,)."""
        self.shares = self.shares.to(ids.device)
        targets = one_hot(labels.clamp(min=0), len(self.weights)).float()
        is_taught = labels == NO_LABEL
        targets[is_taught] = self.shares[ids[is_taught] - self._first_taught]
        return targets, targets @ self.weights


def balanced_weights(labels: np.ndarray, *, num_classes: int) -> np.ndarray:
    """Labels (n,) → (K,) float64: how much an example of each class counts.

    In inverse proportion to how many there are, n / (K n_c) (King & Zeng 2001, "Logistic Regression
    in Rare Events Data", as scikit-learn has it), K the classes that occur: the mean over all
    examples is 1. A class without an example keeps 1.
    """
    counts = np.bincount(labels, minlength=num_classes)
    return np.where(counts, len(labels) / (np.count_nonzero(counts) * np.maximum(counts, 1)), 1.0)
