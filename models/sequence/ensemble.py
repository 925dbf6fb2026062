"""Ensembles: several models that read the same encoded steps, and whose answers are averaged.

M members · B sequences · N steps in the batch · T steps of one sequence · D features · K classes
"""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from models.encoders.words import Encoder, Several, refuse_places
from models.errors import OptionError
from models.recurrence.recurrences import Memoryless, Recurrence
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
        votes: the share of each member in the mean, above 0 and summing to 1; None: all alike.

    Raises:
        ValueError: members of different encoders; votes that are no such shares.
    """

    def __init__(self, members: Sequence[ManyToOne], votes: Sequence[float] | None = None) -> None:
        super().__init__()
        if len({id(member.encoder) for member in members}) != 1:
            raise ValueError(f"{len(members)} members must have one and the same encoder")
        if votes is not None and (
            len(votes) != len(members) or min(votes) <= 0 or not math.isclose(sum(votes), 1)
        ):
            raise ValueError(f"votes={votes}: {len(members)} shares above 0 that sum to 1")
        self.votes = votes
        self.members = nn.ModuleList(members)  # type: ignore[assignment]

    @property
    def encoder(self) -> Encoder:  # type: ignore[override]
        """The encoder that all members read through."""
        return self.members[0].encoder

    @property
    def title(self) -> str:
        """The number and kinds of its members: ``mean of 4 LSTMs``."""
        kinds = Counter(
            "order-blind member" if _is_memoryless(one) else one.title for one in self.members
        )
        counted = [f"{count} {kind}{'s' if count > 1 else ''}" for kind, count in kinds.items()]
        return f"mean of {' and '.join(counted)}"

    @property
    def is_causal(self) -> bool:
        """Whether every member is."""
        return all(member.is_causal for member in self.members)

    def read(self, features: Tensor, lengths: Tensor) -> Tensor:
        """Features (N, D) of encoded steps and lengths (B,) → scores (B, K)."""
        scores = [member.read(features, lengths) for member in self.members]
        return together(torch.stack(scores), self.votes)

    def read_along(self, features: Tensor) -> Tensor:
        """Features (T, D) of one sequence → (T, K): the scores had it ended at each step."""
        scores = [member.read_along(features) for member in self.members]
        return together(torch.stack(scores), self.votes)

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


def together(scores: Tensor, votes: Sequence[float] | None = None) -> Tensor:
    """(M, B, K) → (B, K): scores whose softmax is the mean of the members' softmax.

    Args:
        scores: of each member.
        votes: the M shares of the members in the mean, summing to 1; None: all alike.
    """
    found = scores.log_softmax(dim=2)
    if votes is None:
        return found.logsumexp(dim=0) - math.log(len(found))
    weighed = [one + math.log(vote) for one, vote in zip(found, votes, strict=True)]
    return torch.stack(weighed).logsumexp(dim=0)


def side_by_side(
    encoder: Encoder,
    recurrence: Callable[[int], Recurrence],
    *,
    members: int,
    order_blind: int = 0,
    shared_encoder: bool = True,
    inputs: Callable[[int], StepInputs] | None = None,
    **options: Any,
) -> Scorer:
    """Build models with one encoder in common, each from its own start.

    Args:
        encoder: turns steps into features.
        recurrence, inputs: each makes, of the number of features, a part of one model.
        members: the number of models with a recurrence. A single model is no ensemble, and its
            weights have the names of a `ManyToOne`.
        order_blind: the number of further members that read the mean of the steps (`Memoryless`).
            These together have one half of the vote, and the others the other half.
        shared_encoder: whether all members read the same features. Otherwise each reads those of an
            encoder of its own, and these together are the one they have in common (see `Several`).
        options: further options of `ManyToOne`.

    Raises:
        OptionError: fewer than 1 member, or than 0 that are order-blind; an encoder that cannot
            start anew, or one that gives places.
    """
    refuse_places(encoder)
    if members < 1:
        raise OptionError(f"--model.members={members}: at least 1 model must answer")
    if order_blind < 0:
        raise OptionError(f"--model.order_blind={order_blind}: 0 (none) or more")
    count = members + order_blind
    is_one = shared_encoder or count == 1
    if not is_one and not hasattr(encoder, "reset_parameters"):
        raise OptionError(
            f"--model.shared_encoder=false: {type(encoder).__name__} has no other start; share it"
        )
    width = encoder.out_features
    common = encoder if is_one else Several(encoder, copies=count)
    made: list[ManyToOne] = []
    for k in range(count):
        reads = None if is_one else slice(k * width, (k + 1) * width)
        if k < members:
            step_inputs = None if inputs is None else inputs(width)
            reader = recurrence(width if step_inputs is None else step_inputs.out_features)
        else:
            step_inputs, reader = _order_blind(made[0].inputs, width)
            options = options | {"pooling": "mean"}
        made.append(ManyToOne(common, reader, reads=reads, inputs=step_inputs, **options))
        if k >= members:
            # Directions that no training example has keep their start, and must not answer by chance.
            nn.init.zeros_(made[k].head.weight)
    if count == 1:
        return made[0]
    halves = [0.5 / members] * members + [0.5 / max(order_blind, 1)] * order_blind
    return Ensemble(made, halves if order_blind else None)


def _order_blind(inputs: StepInputs | None, width: int) -> tuple[StepInputs | None, Memoryless]:
    """The parts of a member like one with these inputs, for the mean of the steps."""
    if inputs is None:
        return None, Memoryless(width)
    # A mean over steps that each drop other features would hardly differ from one without dropout.
    dropped = Memoryless(width, output_dropout=inputs.dropout.p, locked=True)
    return StepInputs(width, standardize=inputs.standardize), dropped


def _is_memoryless(member: ManyToOne) -> bool:
    return isinstance(member.recurrence, Memoryless)
