"""Whole models, composed of an encoder, a recurrence and what comes after.

B sequences · N steps in the batch · D features · K classes
"""

from typing import Literal

import torch
from torch import Tensor, nn

from models.chance import Dropout
from models.encoders.words import Encoder
from models.heads.pooling import POOLINGS, RUNNING_POOLINGS
from models.recurrence.recurrences import Recurrence
from models.sequence.step_inputs import StepInputs

Pooling = Literal["last", "mean", "max", "concat"]


class ManyToOne(nn.Module):
    """Many steps in, one answer out.

    Every step is encoded by itself, a recurrence reads the features, or what `StepInputs` makes of
    them, to the end of the sequence, pooling makes one vector of its outputs, and a linear head
    scores the classes.

    Args:
        encoder: what turns a step into features.
        recurrence: what reads the features; its ``in_features`` are the ``out_features`` of
            ``inputs``, or else as many as the encoder puts out, or ``reads`` leaves.
        num_classes: K.
        reads: which of the features it reads; None: all.
        inputs: what is made of the features before they are read; None: nothing.
        pooling: ``last`` (the last valid step; of a two-directional recurrence, the last that each
            direction reads), ``mean``, ``max`` or ``concat`` (all three side by side).
        dropout: share of the pooled features that is zeroed while training.
    """

    def __init__(
        self,
        encoder: Encoder,
        recurrence: Recurrence,
        *,
        num_classes: int,
        reads: slice | None = None,
        inputs: StepInputs | None = None,
        pooling: Pooling = "last",
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.reads = reads
        self.inputs = inputs
        self.recurrence = recurrence
        self.pooling = pooling
        self.dropout = Dropout(dropout)
        width = 3 if pooling == "concat" else 1
        self.head = nn.Linear(width * recurrence.out_features, num_classes)

    def forward(self, steps: Tensor, lengths: Tensor) -> Tensor:
        """Steps (N, …) and lengths (B,) → scores (B, K), before any softmax."""
        return self.read(self.encoder.encode_ragged(steps, lengths), lengths)

    def read(self, features: Tensor, lengths: Tensor) -> Tensor:
        """Features (N, D) of encoded steps and lengths (B,) → scores (B, K)."""
        return self.read_chosen(self.chosen(features), lengths)

    def read_chosen(self, features: Tensor, lengths: Tensor) -> Tensor:
        """As `read`, of those features that this model reads."""
        outputs, _ = self.recurrence(self._given(features, lengths), lengths)
        pooled = POOLINGS[self.pooling](outputs, lengths, self.recurrence.num_directions)
        return self.head(self.dropout(pooled))

    def chosen(self, features: Tensor) -> Tensor:
        """Features (N, D) of encoded steps → those that this model reads."""
        return features if self.reads is None else features[:, self.reads]

    def read_from(self, features: Tensor, lengths: Tensor) -> Tensor:
        """Features (N, D) of encoded steps → what the recurrence reads of them."""
        return self._given(self.chosen(features), lengths)

    def _given(self, features: Tensor, lengths: Tensor) -> Tensor:
        return features if self.inputs is None else self.inputs(features, lengths)

    @property
    def is_causal(self) -> bool:
        """Whether what is made of a step depends on nothing that comes after it."""
        knows_ahead = self.inputs is not None and not self.inputs.is_causal
        return self.recurrence.num_directions == 1 and not knows_ahead

    def read_along(self, features: Tensor) -> Tensor:
        """Features (T, D) of one sequence → (T, K): the scores had it ended at each step.

        Raises:
            ValueError: a model that is not causal, which must read each beginning by itself.
        """
        if not self.is_causal:
            raise ValueError("a model that looks ahead has no answers along the way in one reading")
        lengths = torch.tensor([len(features)], device=features.device)
        outputs, _ = self.recurrence(self.read_from(features, lengths), lengths)
        return self.head(self.dropout(RUNNING_POOLINGS[self.pooling](outputs)))
