"""Several readers of the same encoded steps, whose answers are averaged.

M members · B sequences · N steps in the batch · D features · K classes
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from models.encoders.words import Encoder, Several, encoders_of
from models.errors import OptionError
from models.recurrence.recurrences import Recurrence
from models.sequence.many_to_one import ManyToOne
from models.sequence.step_inputs import StepInputs


class Ensemble(nn.Module):
    """Answers with the mean of its members' probabilities.

    Lakshminarayanan et al. 2017, "Simple and Scalable Predictive Uncertainty Estimation using Deep
    Ensembles": members differ by where they start, and each learns by its own loss. Unlike there,
    they see the same batches, and share an encoder, so that a step is encoded once for all, unless
    this is `Several`.

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
        return self.read(self.encoder.encode_ragged(steps, lengths), lengths)

    def read(self, features: Tensor, lengths: Tensor) -> Tensor:
        """Features (N, D) of encoded steps and lengths (B,) → scores (B, K)."""
        return together(torch.stack([member.read(features, lengths) for member in self.members]))  # type: ignore[operator]


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
) -> list[ManyToOne]:
    """Models with one encoder in common, each from its own start.

    Args:
        encoder: what they read through.
        recurrence, inputs: each makes, of the number of features, what one model needs.
        members: M
        shared_encoder: whether all read the same features; or each those of an encoder of its own,
            which together are the one they have in common (see `Several`).
        options: what else `ManyToOne` takes.

    Raises:
        OptionError: M < 1, or an encoder that cannot start anew.
    """
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
    return made


def parameters_by_member(members: Sequence[ManyToOne]) -> list[list[nn.Parameter]]:
    """Of members that share nothing, the trained parameters of each; empty where they share some."""
    encoders = encoders_of(members[0].encoder)
    if len(members) == 1 or len(encoders) != len(members):
        return []
    shared = {id(parameter) for parameter in members[0].encoder.parameters()}
    every = [
        [*encoder.parameters(), *(p for p in member.parameters() if id(p) not in shared)]
        for member, encoder in zip(members, encoders, strict=True)
    ]
    return [[parameter for parameter in some if parameter.requires_grad] for some in every]
