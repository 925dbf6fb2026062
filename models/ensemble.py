"""Several readers of the same encoded steps, whose answers are averaged.

M members · B sequences · N steps in the batch · D features · K classes
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from models.encoders import Encoder
from models.sequence import ManyToOne


class Ensemble(nn.Module):
    """Answers with the mean of its members' probabilities.

    Lakshminarayanan et al. 2017, "Simple and Scalable Predictive Uncertainty Estimation using Deep
    Ensembles": members differ by where they start, and each learns by its own loss. Unlike there,
    they share an encoder and see the same batches, so a step is encoded once for all.

    Args:
        members: models with one encoder in common.
    """

    def __init__(self, members: Sequence[ManyToOne]) -> None:
        super().__init__()
        if len({id(member.encoder) for member in members}) != 1:
            raise ValueError(f"{len(members)} members must have one and the same encoder")
        self.members = nn.ModuleList(members)

    @property
    def encoder(self) -> Encoder:
        """What all members read through."""
        return self.members[0].encoder  # type: ignore[return-value]

    def forward(self, steps: Tensor, lengths: Tensor) -> Tensor:
        """Steps (N, …) and lengths (B,) → scores (B, K), whose softmax is the answer."""
        return self.read(self.encoder(steps), lengths)

    def read(self, features: Tensor, lengths: Tensor) -> Tensor:
        """Features (N, D) of encoded steps and lengths (B,) → scores (B, K)."""
        return together(torch.stack([member.read(features, lengths) for member in self.members]))  # type: ignore[operator]


def together(scores: Tensor) -> Tensor:
    """(M, B, K) → (B, K): scores whose softmax is the mean of the members' softmax."""
    return scores.log_softmax(dim=2).logsumexp(dim=0) - math.log(len(scores))
