"""Ensembles: several models that read the same encoded steps, and whose answers are averaged.

M members · B sequences · N steps in the batch · T steps of one sequence · D features · K classes
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from models.encoders.words import Encoder, Several, refuse_places
from models.errors import OptionError
from models.recurrence.recurrences import Recurrence
from models.sequence.many_to_one import ManyToOne, Scorer
from models.sequence.step_inputs import StepInputs


class Ensemble(Scorer):
    """Several models that answer with the mean of their probabilities.

    Lakshminarayanan et al. 2017, "Simple and Scalable Predictive Uncertainty Estimation using Deep
    Ensembles", §2.4: members differ by where they start, and each learns by its own loss. Unlike
    there, they see the same batches. They also share an encoder, so that a step is encoded once for
    all, unless this is `Several`.

    Args:
        members: models with one encoder in common.

    Raises:
        ValueError: members of different encoders.
    """

    def __init__(self, members: Sequence[ManyToOne]) -> None:
        super().__init__()
        if len({id(member.encoder) for member in members}) != 1:
            raise ValueError(f"{len(members)} members must have one and the same encoder")
        self.members = nn.ModuleList(members)  # type: ignore[assignment]

    @property
    def encoder(self) -> Encoder:  # type: ignore[override]
        """The encoder that all members read through."""
        return self.members[0].encoder

    @property
    def title(self) -> str:
        """The number and kind of its members: ``mean of 4 LSTMs``."""
        return f"mean of {len(self.members)} {self.members[0].title}s"

    @property
    def is_causal(self) -> bool:
        """Whether every member is."""
        return all(member.is_causal for member in self.members)

    def read(self, features: Tensor, lengths: Tensor) -> Tensor:
        """Features (N, D) of encoded steps and lengths (B,) → scores (B, K)."""
        return together(torch.stack([member.read(features, lengths) for member in self.members]))

    def read_along(self, features: Tensor) -> Tensor:
        """Features (T, D) of one sequence → (T, K): the scores had it ended at each step."""
        return together(torch.stack([member.read_along(features) for member in self.members]))

    def parameters_by_member(self) -> list[list[nn.Parameter]]:
        """The trained parameters of each member; an empty list where members share some."""
        if len(self.encoders) != len(self.members):
            return []
        shared = {id(parameter) for parameter in self.encoder.parameters()}
        every = [
            [*encoder.parameters(), *(p for p in member.parameters() if id(p) not in shared)]
            for member, encoder in zip(self.members, self.encoders, strict=True)
        ]
        return [[parameter for parameter in some if parameter.requires_grad] for some in every]


def together(scores: Tensor) -> Tensor:
    """(M, B, K) → (B, K): scores whose softmax is the mean of the members' softmax."""
    return scores.log_softmax(dim=2).logsumexp(dim=0) - math.log(len(scores))


def side_by_side(
    encoder: Encoder,
    recurrence: Callable[[int], Recurrence],
    *,
    members: int,
    shared_encoder: bool = True,
    inputs: Callable[[int], StepInputs] | None = None,
    **options: Any,
) -> Scorer:
    """Build models with one encoder in common, each from its own start.

    Args:
        encoder: turns steps into features.
        recurrence, inputs: each makes, of the number of features, a part of one model.
        members: M; a single model is no ensemble, and its weights have the names of a `ManyToOne`.
        shared_encoder: whether all members read the same features. Otherwise each reads those of an
            encoder of its own, and these together are the one they have in common (see `Several`).
        options: further options of `ManyToOne`.

    Raises:
        OptionError: M < 1, an encoder that cannot start anew, or one that gives places.
    """
    refuse_places(encoder)
    if members < 1:
        raise OptionError(f"--model.members={members}: at least 1 model must answer")
    is_one = shared_encoder or members == 1
    if not is_one and not hasattr(encoder, "reset_parameters"):
        raise OptionError(
            f"--model.shared_encoder=false: {type(encoder).__name__} has no other start; share it"
        )
    width = encoder.out_features
    common = encoder if is_one else Several(encoder, copies=members)
    made = []
    for k in range(members):
        step_inputs = None if inputs is None else inputs(width)
        reader = recurrence(width if step_inputs is None else step_inputs.out_features)
        reads = None if is_one else slice(k * width, (k + 1) * width)
        made.append(ManyToOne(common, reader, reads=reads, inputs=step_inputs, **options))
    return made[0] if members == 1 else Ensemble(made)
