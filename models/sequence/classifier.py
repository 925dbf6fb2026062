"""Classifiers: a model of whole sequences, the names of its classes, and their probabilities.

B sequences · N steps in the batch · D features · K classes
"""

from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor, nn

from models.encoders.words import Encoder
from models.heads.calibrated import CalibratedSoftmax
from models.recurrence.recurrences import Recurrence
from models.sequence.ensemble import side_by_side
from models.sequence.many_to_one import ManyToOne, Pooling
from models.sequence.step_inputs import StepInputs


class Classifier(nn.Module):
    """Answers a sequence with one of its classes; it is built of the options of a checkpoint.

    Args:
        encoder: turns one step into features.
        recurrence: makes the recurrence, given the number of its input features.
        classes: names of the classes, in the order of the scores.
        inputs: makes the inputs of the recurrence, given the number of features; None: the
            features as they are.
        pooling, dropout, gated_features: see `ManyToOne`.
        members, order_blind, shared_encoder: see `side_by_side`.
    """

    def __init__(
        self,
        encoder: Encoder,
        recurrence: Callable[[int], Recurrence],
        *,
        classes: list[str],
        inputs: Callable[[int], StepInputs] | None = None,
        pooling: Pooling = "last",
        dropout: float = 0.0,
        gated_features: int = 0,
        members: int = 1,
        order_blind: bool = False,
        shared_encoder: bool = True,
    ) -> None:
        super().__init__()
        self.classes = classes
        self.model = side_by_side(
            encoder,
            recurrence,
            members=members,
            order_blind=order_blind,
            shared_encoder=shared_encoder,
            inputs=inputs,
            num_classes=len(classes),
            pooling=pooling,
            dropout=dropout,
            gated_features=gated_features,
        )
        #: scores (B, K) and lengths (B,) → probabilities (B, K)
        self.probabilities = CalibratedSoftmax(len(classes))
        #: description of the model in its checkpoint
        self.description: dict[str, Any] = {}

    @property
    def members(self) -> Sequence[ManyToOne]:
        """The models that answer together, one or more."""
        return self.model.members

    def forward(self, steps: Tensor, lengths: Tensor) -> Tensor:
        """Steps (N, …) and lengths (B,) → scores (B, K)."""
        return self.model(steps, lengths)
