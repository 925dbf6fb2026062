"""Whole models, composed of an encoder, a recurrence and what comes after.

B sequences · N steps in the batch · D features · K classes
"""

from typing import Literal

from torch import Tensor, nn

from models.encoders import Encoder
from models.inputs import StepInputs
from models.pooling import POOLINGS
from models.recurrence import Recurrence

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
        self.dropout = nn.Dropout(dropout)
        width = 3 if pooling == "concat" else 1
        self.head = nn.Linear(width * recurrence.out_features, num_classes)

    def forward(self, steps: Tensor, lengths: Tensor) -> Tensor:
        """Steps (N, …) and lengths (B,) → scores (B, K), before any softmax."""
        return self.read(self.encoder(steps), lengths)

    def read(self, features: Tensor, lengths: Tensor) -> Tensor:
        """Features (N, D) of encoded steps and lengths (B,) → scores (B, K)."""
        features = self.chosen(features)
        if self.inputs is not None:
            features = self.inputs(features, lengths)
        outputs, _ = self.recurrence(features, lengths)
        pooled = POOLINGS[self.pooling](outputs, lengths, self.recurrence.num_directions)
        return self.head(self.dropout(pooled))

    def chosen(self, features: Tensor) -> Tensor:
        """Features (N, D) of encoded steps → those that this model reads."""
        return features if self.reads is None else features[:, self.reads]
