"""The running answer: the one that a model would give had a sequence ended earlier.

T steps of the sequence · P places at which it is asked · D features · K classes
"""

from typing import NamedTuple

import torch
from torch import Tensor

from models.sequence.many_to_one import Scorer

# Beginnings that are read by themselves have at most so many steps together.
_STEPS_AT_ONCE = 16_384
# Where they are encoded by themselves too: so many at once, and in all, but so many places at least.
_ENCODED_AT_ONCE, _MOST_ENCODED, _LEAST_PLACES = 1_024, 200, 10


class RunningAnswer(NamedTuple):
    """The scores along the way."""

    places: Tensor
    """(P,) int64: the steps after which it was asked, counted from 0; the last is T - 1."""
    scores: Tensor
    """(P, K), before any softmax."""

    @property
    def lengths(self) -> Tensor:
        """(P,) int64: number of steps read at each place; the last is T."""
        return self.places + 1


def running_answer(
    model: Scorer,
    features: Tensor,
    *,
    most: int = 200,
    steps: Tensor | None = None,
) -> RunningAnswer:
    """Read one sequence's encoded steps (T, D), and score the classes after each.

    The scores at a place are exactly those of the sequence up to there. A causal model gives them in
    a single reading. One that looks ahead (two directions, inputs that are centred …) must read each
    beginning by itself, at ``most`` places, evenly spread. Where the encoder itself looks ahead, each
    beginning is encoded anew, at fewer places of a long sequence.

    Args:
        model: the model.
        features: (T, D).
        most: the most places, where it looks ahead.
        steps: (T, …) what was encoded; an encoder that looks ahead needs it.

    Raises:
        ValueError: such an encoder, and no steps.
    """
    with torch.no_grad():
        if model.is_causal:
            return RunningAnswer(torch.arange(len(features)), model.read_along(features))
        read, given, budget = model.read, features, _STEPS_AT_ONCE
        if model.encoder.looks_ahead:
            if steps is None:
                raise ValueError(
                    "an encoder that looks ahead encodes each beginning: give the steps"
                )
            read, given, budget = model, steps.to(features.device), _ENCODED_AT_ONCE
            most = min(most, max(2 * _MOST_ENCODED // len(given), _LEAST_PLACES))
        count = min(most, len(given))
        places = torch.linspace(0, len(given) - 1, count).round().long()
        scores = [
            read(
                torch.cat([given[:length] for length in lengths]),
                torch.tensor(lengths, device=features.device),
            )
            for lengths in _groups((places + 1).tolist(), budget=budget)
        ]
    return RunningAnswer(places, torch.cat(scores))


def _groups(lengths: list[int], *, budget: int) -> list[list[int]]:
    """Cut rising lengths into groups, each within the budget when padded."""
    groups: list[list[int]] = [[]]
    for length in lengths:
        if groups[-1] and length * (len(groups[-1]) + 1) > budget:
            groups.append([])
        groups[-1].append(length)
    return groups
