"""Many to one: an encoder, a recurrence, pooling and a linear head make a whole model.

B sequences · N steps in the batch · T steps of one sequence · D features · K classes
"""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from models.chance import Dropout
from models.encoders.words import Encoder, encoders_of
from models.errors import OptionError
from models.heads.gated import GatedInputs
from models.heads.pooling import POOLINGS, RUNNING_POOLINGS
from models.recurrence.recurrences import Recurrence
from models.sequence.step_inputs import StepInputs

Pooling = Literal["last", "mean", "max", "concat"]


class Scorer(nn.Module):
    """The contract of a model that scores the classes of whole sequences.

    It is a `ManyToOne`, or several that answer together (`models.sequence.ensemble.Ensemble`).
    Code that trains it or asks it need not know which.
    """

    #: the encoder that all members read through
    encoder: Encoder
    #: the models that answer, one or more
    members: Sequence["ManyToOne"]
    #: the share that each member has of the answer, summing to 1; None: all alike
    votes: Sequence[float] | None = None

    @property
    def title(self) -> str:
        """A name for reports."""
        raise NotImplementedError(f"{type(self).__name__} must define title")

    @property
    def encoders(self) -> list[Encoder]:
        """The encoder, or those that stand side by side in it."""
        return encoders_of(self.encoder)

    @property
    def is_causal(self) -> bool:
        """Whether nothing that is made of a step depends on later steps."""
        raise NotImplementedError(f"{type(self).__name__} must define is_causal")

    def forward(self, steps: Tensor, lengths: Tensor) -> Tensor:
        """Steps (N, …) and lengths (B,) → scores (B, K), before any softmax."""
        return self.read(self.encoder.encode_ragged(steps, lengths), lengths)

    def read(self, features: Tensor, lengths: Tensor) -> Tensor:
        """Features (N, D) of encoded steps and lengths (B,) → scores (B, K)."""
        raise NotImplementedError(f"{type(self).__name__} must define read(features, lengths)")

    def read_along(self, features: Tensor) -> Tensor:
        """Features (T, D) of one sequence → (T, K): the scores had it ended at each step.

        Raises:
            ValueError: a model that is not causal. It must read each beginning by itself.
        """
        raise NotImplementedError(f"{type(self).__name__} must define read_along(features)")

    def parameters_by_member(self) -> list[list[nn.Parameter]]:
        """The trained parameters of each member, where there are several that share none.

        Elsewhere the list is empty.
        """
        return []


class ManyToOne(Scorer):
    """Many steps in, one answer out.

    The encoder turns steps into features. The recurrence reads these, or the inputs that
    `StepInputs` makes of them, to the end of the sequence. Pooling makes one vector of its outputs,
    and of gated inputs beside them, and a linear head scores the classes.

    Args:
        encoder: turns steps into features.
        recurrence: reads the features. Its ``in_features`` are the ``out_features`` of ``inputs``;
            without inputs, as many as the encoder puts out or ``reads`` leaves.
        num_classes: K.
        reads: the features that this model reads; None: all.
        inputs: makes the recurrence's inputs of the features; None: they are the inputs.
        pooling: ``last`` (the last valid step; with two directions, the last that each of them
            reads), ``mean``, ``max`` or ``concat`` (all three side by side).
        dropout: share of the pooled features that is zeroed while training.
        gated_features: the number of gated inputs in each direction (see `GatedInputs`); 0: none.

    Raises:
        OptionError: a number of gated inputs below 0.
    """

    #: whether training changes it
    learns = True

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
        gated_features: int = 0,
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.reads = reads
        self.inputs = inputs
        self.recurrence = recurrence
        self.pooling = pooling
        self.dropout = Dropout(dropout)
        self.gated: GatedInputs | None = None
        if gated_features < 0:
            raise OptionError(f"gated_features={gated_features}: 0 (none) or more")
        if gated_features > 0:
            given = self.num_features if inputs is None else inputs.out_features
            hidden_size = recurrence.out_features // recurrence.num_directions
            self.gated = GatedInputs(
                given,
                hidden_size,
                features=gated_features,
                num_directions=recurrence.num_directions,
            )
        width = 3 if pooling == "concat" else 1
        self.head = nn.Linear(width * self.num_outputs, num_classes)

    @property
    def members(self) -> Sequence["ManyToOne"]:  # type: ignore[override]
        """This model alone."""
        return [self]

    @property
    def num_features(self) -> int:
        """The number of features of a step that this model reads."""
        width = self.encoder.out_features
        return width if self.reads is None else len(range(*self.reads.indices(width)))

    @property
    def num_outputs(self) -> int:
        """The number of features that are pooled: of outputs, and of gated inputs."""
        return self.recurrence.out_features if self.gated is None else self.gated.out_features

    @property
    def title(self) -> str:
        """The kind of its recurrence: ``LSTM``."""
        return type(self.recurrence).__name__

    @property
    def is_causal(self) -> bool:
        """Whether nothing that is made of a step depends on later steps."""
        knows_ahead = self.inputs is not None and not self.inputs.is_causal
        knows_ahead = knows_ahead or self.encoder.looks_ahead
        return self.recurrence.num_directions == 1 and not knows_ahead

    def read(self, features: Tensor, lengths: Tensor) -> Tensor:
        """Features (N, D) of encoded steps and lengths (B,) → scores (B, K)."""
        return self.read_chosen(self.chosen(features), lengths)

    def read_chosen(self, features: Tensor, lengths: Tensor) -> Tensor:
        """Read as `read` does, from only those features that `chosen` gives."""
        outputs = self._outputs_of(self._inputs_of(features, lengths), lengths)
        pooled = POOLINGS[self.pooling](outputs, lengths, self.recurrence.num_directions)
        return self.head(self.dropout(pooled))

    def chosen(self, features: Tensor) -> Tensor:
        """Features (N, D) of encoded steps → those that this model reads."""
        return features if self.reads is None else features[:, self.reads]

    def read_from(self, features: Tensor, lengths: Tensor) -> Tensor:
        """Features (N, D) of encoded steps → the inputs that the recurrence reads."""
        return self._inputs_of(self.chosen(features), lengths)

    def read_along(self, features: Tensor) -> Tensor:
        """Features (T, D) of one sequence → (T, K): the scores had it ended at each step.

        Raises:
            ValueError: a model that is not causal. It must read each beginning by itself.
        """
        if not self.is_causal:
            raise ValueError("a model that looks ahead has no answers along the way in one reading")
        lengths = torch.tensor([len(features)], device=features.device)
        outputs = self._outputs_of(self.read_from(features, lengths), lengths)
        return self.head(self.dropout(RUNNING_POOLINGS[self.pooling](outputs)))

    def _inputs_of(self, features: Tensor, lengths: Tensor) -> Tensor:
        return features if self.inputs is None else self.inputs(features, lengths)

    def _outputs_of(self, inputs: Tensor, lengths: Tensor) -> Tensor:
        outputs, _ = self.recurrence(inputs, lengths)
        return outputs if self.gated is None else self.gated.beside(outputs, inputs, lengths)
