"""Loss of a training batch, whose targets may be doubtful labels, or the probabilities of teachers.

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
    """(K,) weight of each class."""
    shares: Tensor
    """(n, K) probabilities by the teachers."""

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        # Not persistent: only training uses the weights, and a checkpoint is for prediction.
        self.register_buffer("weights", torch.ones(num_classes), persistent=False)
        # Not a buffer: DDP would broadcast it at every step.
        self.shares = torch.empty(0, num_classes)
        self._first_taught = 0
        # By id; empty where all labels are certain.
        self._doubts = torch.empty(0)

    def balance(self, labels: np.ndarray) -> None:
        """Let all classes count alike, however many of the labels (n,) each has."""
        weights = balanced_weights(labels, num_classes=len(self.weights))
        self.weights.copy_(torch.from_numpy(weights))

    def teach(self, first_id: int, shares: Tensor) -> None:
        """Use teachers' probabilities as targets of the examples without a label.

        This is distillation at temperature 1 (Hinton et al. 2015, "Distilling the Knowledge in a
        Neural Network", §2). Only the student is trained with noise, as in Xie et al. 2020,
        "Self-training with Noisy Student improves ImageNet classification".

        Args:
            first_id: id of the first of these examples (see `data.batches.joined`).
            shares: (n, K), mean probabilities of the teachers.
        """
        self.shares = shares.float()
        self._first_taught = first_id

    def doubt(self, ids: np.ndarray, doubts: np.ndarray) -> None:
        """Spread a share of each label over all classes.

        Args:
            ids: (n,) of the examples.
            doubts: (n,), see `Part.doubts`.
        """
        self._doubts = torch.zeros(int(ids.max()) + 1)
        self._doubts[torch.from_numpy(ids)] = torch.from_numpy(doubts)

    @property
    def is_taught(self) -> bool:
        """Whether there are probabilities by teachers."""
        return len(self.shares) > 0

    @property
    def is_plain(self) -> bool:
        """Whether all targets are labels, and certain."""
        return not self.is_taught and len(self._doubts) == 0

    def forward(self, scores: Tensor, labels: Tensor, ids: Tensor) -> Tensor:
        """Mean loss of scores (B, K), for labels (B,), `NO_LABEL` where there is none, and ids (B,)."""
        targets = labels
        # cross_entropy's own ``weight`` is not used: it divides by the sum of the weights in the batch,
        # so that in a batch of few examples, or of one class, they would cancel out.
        if self.is_plain:
            weights = self.weights[labels]
        else:
            targets, weights = self._targets(labels, ids)
        return (weights * cross_entropy(scores, targets, reduction="none")).mean()

    def is_labelled(self, labels: Tensor, ids: Tensor) -> Tensor:
        """Whether labels (B,) of examples with ids (B,) are such that an answer can be right: (B,)."""
        known = labels != NO_LABEL
        if len(self._doubts):
            known &= self._doubts_of(labels, ids) < 1
        return known

    def _targets(self, labels: Tensor, ids: Tensor) -> tuple[Tensor, Tensor]:
        """Target probabilities (B, K), and weights (B,) of the examples."""
        num_classes = len(self.weights)
        targets = one_hot(labels.clamp(min=0), num_classes).float()
        if len(self._doubts):
            doubts = self._doubts_of(labels, ids)[:, None]
            targets = (1 - doubts) * targets + doubts / num_classes
        if self.is_taught:
            self.shares = self.shares.to(ids.device)
            is_taught = labels == NO_LABEL
            targets[is_taught] = self.shares[ids[is_taught] - self._first_taught]
        return targets, targets @ self.weights

    def _doubts_of(self, labels: Tensor, ids: Tensor) -> Tensor:
        # Examples without a label have the last ids, and no doubts of their own.
        self._doubts = self._doubts.to(ids.device)
        last = len(self._doubts) - 1
        return self._doubts[ids.clamp(max=last)].where(labels != NO_LABEL, 0.0)


def balanced_weights(labels: np.ndarray, *, num_classes: int) -> np.ndarray:
    """Weights (num_classes,) float64 of the classes, inversely proportional to their frequency.

    The weight is n / (K n_c), with K the number of classes that occur in labels (n,), so that the
    mean over all examples is 1 (King & Zeng 2001, "Logistic Regression in Rare Events Data", in
    scikit-learn's form). A class without an example has the weight 1.
    """
    counts = np.bincount(labels, minlength=num_classes)
    return np.where(counts, len(labels) / (np.count_nonzero(counts) * np.maximum(counts, 1)), 1.0)
