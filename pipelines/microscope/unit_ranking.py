"""Which units follow which track, and how closely: found on one half, told of the other.

A model has hundreds of units, and of hundreds some agree with anything for a while. So the units are
chosen on the first half of the steps, and what counts is what they do on the second.

U units · K tracks · T steps · H hidden size
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy.stats import rankdata

from pipelines.microscope.tracks import Track

# Each half of a yes-or-no track must have so many stretches and steps of both kinds: a word or
# two say nothing about a unit.
MIN_STRETCHES, MIN_STEPS = 3, 10
# Ranks and their sorting take some 20 bytes for a value: so many values at a time.
_VALUES_AT_ONCE = 2**22


class Unit(NamedTuple):
    """One number of a recurrence's state."""

    layer: int
    """Counted from 1."""
    is_backward: bool
    """Whether it reads the sequence from its end."""
    state: str
    """``c`` or ``h``."""
    place: int
    """In the state, counted from 0."""

    @property
    def name(self) -> str:
        """Such as ``1.c.37``, or ``1b.h.5`` of the backward direction."""
        return f"{self.layer}{'b' * self.is_backward}.{self.state}.{self.place}"

    def __str__(self) -> str:
        backward = ", backward" if self.is_backward else ""
        state = {"c": "cell state", "h": "hidden state"}.get(self.state, self.state)
        return f"{self.place} of layer {self.layer} ({state}{backward})"


class States(NamedTuple):
    """One state of one layer and direction at every step."""

    layer: int
    is_backward: bool
    state: str
    values: np.ndarray
    """(T, H) float32."""

    def units(self) -> list[Unit]:
        """The units, in the order of the columns."""
        return [
            Unit(self.layer, self.is_backward, self.state, index)
            for index in range(self.values.shape[1])
        ]


class Finding(NamedTuple):
    """A unit that follows a track."""

    track: str
    measure: str
    """``auc`` of a track that holds or does not, ``correlation`` (Pearson's) of one of numbers."""
    unit: Unit
    sign: int
    """1: it rises where the track holds, or with its numbers; -1: it falls."""
    first: float
    """Unsigned score on the half used for the choice: an AUC from 0.5, a correlation from 0, to 1."""
    second: float
    """The same on the other half, of the same sign; it may be worse than chance."""

    @property
    def strength(self) -> float:
        """From 0, chance, to 1, on the half that it was chosen on; alike for both measures."""
        return 2 * self.first - 1 if self.measure == "auc" else self.first

    def plain(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "track": self.track, "measure": self.measure, "unit": self.unit.name,
            "layer": self.unit.layer, "direction": ["forward", "backward"][self.unit.is_backward],
            "state": self.unit.state, "index": self.unit.place, "sign": self.sign,
            "first_half": self.first, "second_half": self.second,
        }  # fmt: skip


def auc(values: np.ndarray, holds: np.ndarray) -> np.ndarray:
    """The area under the ROC curve of each unit as an answer to whether each track holds.

    The probability that a step at which it holds has a larger value than one at which it does not,
    ties counting half: Mann & Whitney's U over the number of pairs (Hanley & McNeil 1982).

    Args:
        values: (U, T)
        holds: (K, T) bool, of K tracks; of each, both kinds of steps occur.

    Returns:
        (K, U) float64.

    Raises:
        ValueError: a track that never or always holds.
    """
    num_true = holds.sum(1, keepdims=True)
    num_pairs = num_true * (holds.shape[1] - num_true)
    if (num_pairs == 0).any():
        raise ValueError("a track never or always holds: there are no two steps to compare")
    sums = np.empty((len(holds), len(values)))
    block = max(_VALUES_AT_ONCE // holds.shape[1], 1)
    for start in range(0, len(values), block):
        # Ranking takes the time: once, for all tracks.
        ranks = rankdata(values[start : start + block], axis=1)
        sums[:, start : start + block] = holds.astype(np.float64) @ ranks.T
    return (sums - num_true * (num_true + 1) / 2) / num_pairs


def correlation(values: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """Pearson's correlation of units (U, T) with tracks (K, T): (K, U); 0 where either stands still."""
    found = np.zeros((len(numbers), len(values)))
    others = numbers - numbers.mean(1, keepdims=True)
    block = max(_VALUES_AT_ONCE // numbers.shape[1], 1)
    for start in range(0, len(values), block):
        part = values[start : start + block].astype(np.float64)
        part -= part.mean(1, keepdims=True)
        spread = np.sqrt((others**2).sum(1)[:, None] * (part**2).sum(1))
        # Movement by rounding alone does not count.
        moves = spread > 1e-9 * numbers.shape[1]
        products = others @ part.T
        np.divide(products, spread, out=found[:, start : start + block], where=moves)
    return found


def rank_units(
    states: Sequence[States], tracks: Sequence[Track], *, top: int
) -> tuple[list[list[Finding]], list[str]]:
    """The units that follow each track best.

    Args:
        states: all that is looked at, T steps each.
        tracks: what is looked for.
        top: how many units of each track are told.

    Returns:
        findings: of each track its units, the best first; the tracks in the order of their best
            unit, those that hold or do not before those of numbers. All order is by the first half.
        left_out: a line for each track of which nothing can be said, and why.
    """
    half = len(states[0].values) // 2
    reasons = {track.name: _why_not(track, half) for track in tracks}
    left_out = [f"{name}: {reason}" for name, reason in reasons.items() if reason]
    ranked: list[list[Finding]] = []
    for is_binary in (True, False):
        kept = [one for one in tracks if one.is_binary == is_binary and not reasons[one.name]]
        if kept:
            ranked += _ranked(states, kept, half, top=top)
    return ranked, left_out


def _ranked(
    states: Sequence[States], tracks: list[Track], half: int, *, top: int
) -> list[list[Finding]]:
    """Rank tracks of one kind, each with its best units, the best track first."""
    is_binary = tracks[0].is_binary
    measure, middle = (auc, 0.5) if is_binary else (correlation, 0.0)
    units = [unit for one in states for unit in one.units()]
    along = np.stack([track.values for track in tracks])
    parts = [measure(one.values[:half].T, along[:, :half]) for one in states]
    found = []
    for track, first in zip(tracks, np.concatenate(parts, axis=1) - middle, strict=True):
        chosen = np.argsort(-np.abs(first), kind="stable")[:top]
        (second,) = measure(_columns(states, half, chosen), track.values[None, half:]) - middle
        signs = np.where(first[chosen] < 0, -1, 1)
        found.append(
            [
                Finding(
                    track.name,
                    "auc" if is_binary else "correlation",
                    units[k],
                    int(sign),
                    float(middle + sign * first[k]),
                    float(middle + sign * held),
                )
                for k, sign, held in zip(chosen, signs, second, strict=True)
            ]
        )
    return sorted(found, key=lambda findings: -findings[0].first)


def _columns(states: Sequence[States], half: int, chosen: np.ndarray) -> np.ndarray:
    """Values of some units, counted through all states, on the second half."""
    firsts = np.cumsum([0, *(one.values.shape[1] for one in states)])
    owners = np.searchsorted(firsts, chosen, side="right") - 1
    return np.stack(
        [
            states[owner].values[half:, k - firsts[owner]]
            for owner, k in zip(owners, chosen, strict=True)
        ]
    )


def _why_not(track: Track, half: int) -> str:
    """Why nothing can be said of a track; empty where something can."""
    if not track.is_binary:
        if any(np.ptp(part) == 0 for part in (track.values[:half], track.values[half:])):
            return "does not change within a half of what was read"
        return ""
    if track.values.all() or not track.values.any():
        return f"{'always' if track.values.all() else 'never'} holds in what was read"
    for name, part in (("first", track.values[:half]), ("second", track.values[half:])):
        stretches = int(part[0]) + int((np.diff(part.astype(np.int8)) == 1).sum())
        least = int(min(part.sum(), (~part).sum()))
        if stretches < MIN_STRETCHES or least < MIN_STEPS:
            return (
                f"holds at {int(part.sum()):,} of the {len(part):,} steps of the {name} half, in"
                f" {stretches} stretch(es): too few to choose by"
            )
    return ""
