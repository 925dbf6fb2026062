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
        members: models with one encoder in common. An order-blind one among them has half of the
            vote, and the others together the other half; else all have the same vote.

    Raises:
        ValueError: members of different encoders.
    """

    def __init__(self, members: Sequence[ManyToOne]) -> None:
        super().__init__()
        if len({id(member.encoder) for member in members}) != 1:
            raise ValueError(f"{len(members)} members must have one and the same encoder")
        learning = sum(member.learns for member in members)
        if learning < len(members):
            self.votes = [0.5 / learning if member.learns else 0.5 for member in members]
        self.members = nn.ModuleList(members)  # type: ignore[assignment]

    @property
    def encoder(self) -> Encoder:  # type: ignore[override]
        """The encoder that all members read through."""
        return self.members[0].encoder

    @property
    def title(self) -> str:
        """The number and kinds of its members: ``mean of 4 LSTMs``."""
        kinds = Counter(member.title for member in self.members)
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


class _Memoryless(Recurrence):
    """No recurrence at all: the output at each step is its input, and nothing is carried on."""

    def __init__(self, in_features: int) -> None:
        super().__init__(in_features, hidden_size=in_features)
        self.layers = nn.ModuleList()

    @property
    def state_names(self) -> tuple[str, ...]:
        """None."""
        return ()

    def layer(self, in_features: int, hidden_size: int) -> nn.Module:
        return nn.Identity()  # dropped again


class OrderBlind(ManyToOne):
    """A linear classifier of the mean of the features, which it reads as they are.

    It is the mean frame that the LSTMs of Donahue et al. 2015 ("LRCN") are held against. It is fitted
    before training (`take`), and training leaves it as it is.

    Args:
        encoder: turns steps into features; a frozen one.
        num_classes: K.
    """

    learns = False

    def __init__(self, encoder: Encoder, *, num_classes: int) -> None:
        # No number is drawn for it, so that the others start and learn as they do without it.
        with torch.random.fork_rng(devices=[]):
            recurrence = _Memoryless(encoder.out_features)
            super().__init__(encoder, recurrence, num_classes=num_classes, pooling="mean")
        self.head.requires_grad_(False)

    @property
    def title(self) -> str:
        """Its name in reports."""
        return "order-blind member"

    def take(self, weights: Tensor, biases: Tensor) -> None:
        """Score by weights (K, D) and biases (K,) from now on."""
        self.head.weight.copy_(weights)
        self.head.bias.copy_(biases)


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
    order_blind: bool = False,
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
        order_blind: whether there is one more member, `OrderBlind`, with half of the vote.
        shared_encoder: whether all members read the same features. Otherwise each reads those of an
            encoder of its own, and these together are the one they have in common (see `Several`).
        options: further options of `ManyToOne`.

    Raises:
        OptionError: fewer than 1 member; an encoder that cannot start anew, or one that gives
            places; an order-blind member beside encoders that are not shared.
    """
    refuse_places(encoder)
    if members < 1:
        raise OptionError(f"--model.members={members}: at least 1 model must answer")
    if order_blind and not shared_encoder:
        raise OptionError(
            "--model.order_blind=true: its member reads a frozen encoder, which need not differ from"
            " member to member; leave out --model.shared_encoder=false"
        )
    is_one = shared_encoder or members == 1
    if not is_one and not hasattr(encoder, "reset_parameters"):
        raise OptionError(
            f"--model.shared_encoder=false: {type(encoder).__name__} has no other start; share it"
        )
    width = encoder.out_features
    common = encoder if is_one else Several(encoder, copies=members)
    made: list[ManyToOne] = []
    for k in range(members):
        reads = None if is_one else slice(k * width, (k + 1) * width)
        step_inputs = None if inputs is None else inputs(width)
        reader = recurrence(width if step_inputs is None else step_inputs.out_features)
        made.append(ManyToOne(common, reader, reads=reads, inputs=step_inputs, **options))
    if order_blind:
        made.append(OrderBlind(encoder, num_classes=made[0].head.out_features))
    return made[0] if len(made) == 1 else Ensemble(made)
