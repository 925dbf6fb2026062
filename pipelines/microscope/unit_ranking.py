"""Ranking of units by how closely they follow a track: chosen on one half, verified on the other.

A model has hundreds of units, and among hundreds some agree with anything for a while. Units are
therefore chosen on the first half of the steps, and the figure that counts is that of the second.

U units · K tracks · T steps · H hidden size
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy.stats import rankdata

from pipelines.microscope.tracks import Track

# A binary track must hold in so many stretches of each half, and hold and fail at so many steps of it:
# one or two words tell nothing about a unit.
MIN_STRETCHES, MIN_STEPS = 3, 10
# Ranking takes some 20 bytes for each value; this bounds its memory to about 80 MB.
_VALUES_AT_ONCE = 2**22


class Unit(NamedTuple):
    """Single component of a recurrence's state."""

    layer: int
    """Counted from 1."""
    is_backward: bool
    """True if it reads the sequence from its end."""
    state: str
    """``c`` or ``h``."""
    place: int
    """Index in the state, counted from 0."""

    @property
    def name(self) -> str:
        """Name such as ``1.c.37``, or ``1b.h.5`` for the backward direction."""
        return f"{self.layer}{'b' * self.is_backward}.{self.state}.{self.place}"

    def __str__(self) -> str:
        backward = ", backward" if self.is_backward else ""
        state = {"c": "cell state", "h": "hidden state"}.get(self.state, self.state)
        return f"{self.place} of layer {self.layer} ({state}{backward})"


class States(NamedTuple):
    """Values of one state of one layer and direction at every step."""

    layer: int
    is_backward: bool
    state: str
    values: np.ndarray
    """(T, H) float32."""

    def units(self) -> list[Unit]:
        """List the units in the order of the columns."""
        return [
            Unit(self.layer, self.is_backward, self.state, index)
            for index in range(self.values.shape[1])
        ]


class Finding(NamedTuple):
    """Unit that follows a track, and how closely."""

    track: str
    measure: str
    """``auc`` for a binary track, ``correlation`` (Pearson's) for a numeric one."""
    unit: Unit
    sign: int
    """1: the unit rises where the track holds, or with its numbers; -1: it falls."""
    first: float
    """AUC (0.5 to 1) or correlation (0 to 1) after the sign, on the half that it was chosen on."""
    second: float
    """The same on the other half, with the same sign; it may be worse than chance."""

    @property
    def strength(self) -> float:
        """Strength from 0 (chance) to 1 on the half that it was chosen on, for both measures."""
        return 2 * self.first - 1 if self.measure == "auc" else self.first

    def plain(self) -> dict[str, Any]:
        """Convert to plain values."""
        return {
            "track": self.track, "measure": self.measure, "unit": self.unit.name,
            "layer": self.unit.layer, "direction": ["forward", "backward"][self.unit.is_backward],
            "state": self.unit.state, "index": self.unit.place, "sign": self.sign,
            "first_half": self.first, "second_half": self.second,
        }  # fmt: skip


def auc(values: np.ndarray, holds: np.ndarray) -> np.ndarray:
    """Compute the area under the ROC curve of each unit as a detector of each track.

    It is the probability that a step at which the track holds has a larger value than one at which
    it does not, ties counted half: Mann & Whitney's U over the number of pairs (Hanley & McNeil
    1982).

    Args:
        values: (U, T) of the units.
        holds: (K, T) bool of the tracks; each holds at some steps and does not at others.

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
        # Ranking takes most of the time, so all tracks share it.
        ranks = rankdata(values[start : start + block], axis=1)
        sums[:, start : start + block] = holds.astype(np.float64) @ ranks.T
    return (sums - num_true * (num_true + 1) / 2) / num_pairs


def correlation(values: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """Compute Pearson's correlation of units (U, T) with tracks (K, T): (K, U); 0 if one is constant."""
    found = np.zeros((len(numbers), len(values)))
    others = numbers - numbers.mean(1, keepdims=True)
    block = max(_VALUES_AT_ONCE // numbers.shape[1], 1)
    for start in range(0, len(values), block):
        part = values[start : start + block].astype(np.float64)
        part -= part.mean(1, keepdims=True)
        spread = np.sqrt((others**2).sum(1)[:, None] * (part**2).sum(1))
        # Values that differ by rounding alone count as constant.
        moves = spread > 1e-9 * numbers.shape[1]
        products = others @ part.T
        np.divide(products, spread, out=found[:, start : start + block], where=moves)
    return found


def rank_units(
    states: Sequence[States], tracks: Sequence[Track], *, top: int
) -> tuple[list[list[Finding]], list[str]]:
    """Find the units that follow each track best.

    Args:
        states: states of the units to compare, T steps each.
        tracks: tracks to compare them with.
        top: number of units to return for each track.

    Returns:
        findings: units of each track, the best first. Tracks are in the order of their best unit,
            binary ones before numeric ones. All order is by the first half.
        left_out: a line for each track that cannot be ranked, with the reason.
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
    """Rank the units of tracks that are all binary or all numeric; the best track comes first."""
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
    """Values of the chosen units on the second half; ``chosen`` are indices through all states."""
    firsts = np.cumsum([0, *(one.values.shape[1] for one in states)])
    owners = np.searchsorted(firsts, chosen, side="right") - 1
    return np.stack(
        [
            states[owner].values[half:, k - firsts[owner]]
            for owner, k in zip(owners, chosen, strict=True)
        ]
    )


def _why_not(track: Track, half: int) -> str:
    """Reason why a track cannot be ranked; empty if it can."""
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
