"""Presentation times of a clip's frames: sorted, made distinct, and with clock jumps closed.

n frames, in the order of presentation

A *break* is a jump of the clock between two frames: a step of more than half an hour that is also
longer than a hundred usual steps. It counts as one usual step.
"""

from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

import numpy as np

BREAK_SECONDS = 1800.0
BREAK_STEPS = 100
# Subdivisions of the time unit, where it is too coarse to make times distinct.
_PARTS = 1000
# Larger times come from damage, and their differences would not fit in 64 bits.
_FARTHEST = 2**61
# Times that fall behind for fewer frames than this are out of order; for more, a new recording begins.
_SOON = 4


def usual_step(times: np.ndarray) -> float:
    """Median of the steps between (n,) times; 0 for fewer than two."""
    return float(np.median(np.diff(times))) if len(times) > 1 else 0.0


def breaks_of(pts: np.ndarray, time_base: Fraction) -> np.ndarray:
    """Indices of the frames after a break, for (n,) ascending times."""
    steps = np.diff(pts)
    if len(steps) == 0:
        return steps
    longest = max(BREAK_STEPS * float(np.median(steps)), BREAK_SECONDS / float(time_base))
    return np.flatnonzero(steps > longest) + 1


def is_wound_back(times: np.ndarray, clock: int | None) -> bool:
    """Whether ascending times jump at the point where a clock of so many units wraps around.

    FFmpeg takes an earlier time for a wrap-around. A true wrap-around has no jump, and another
    recording has.
    """
    if clock is None or len(times) < 2 or times[0] // clock == times[-1] // clock:
        return False
    steps = np.diff(times)
    return bool(np.any(steps[np.diff(times // clock) > 0] > BREAK_STEPS * np.median(steps)))


def seconds_of(pts: np.ndarray, time_base: Fraction) -> np.ndarray:
    """Convert (n,) ascending times to seconds since the first, with breaks closed: (n,) float64."""
    breaks = breaks_of(pts, time_base)
    if len(breaks):
        steps = np.diff(pts, prepend=pts[:1])
        steps[breaks] = round(usual_step(pts))
        return np.cumsum(steps) * float(time_base)
    return (pts - pts[0]) * float(time_base)


class Times(NamedTuple):
    """Presentation times of the n frames of a file."""

    pts: np.ndarray
    """(n,) int64, ascending, in units of ``time_base``."""
    time_base: Fraction
    """Seconds."""
    are_exact: bool
    """Whether the frames themselves carry these times."""
    starts: tuple[int, ...] = ()
    """Indices of the frames with which another recording begins."""
    num_alike: int = 0
    """Number of frames that carried the time of another one."""


def times_of_frames(
    pts: Sequence[int | None],
    dts: Sequence[int | None],
    *,
    time_base: Fraction,
    rate: Fraction,
    clock: int | None = None,
) -> Times:
    """Make the times of frames ascend, in the order in which the decoder gave the frames.

    Where times start again, another recording begins, one usual step after the one before it.
    Frames without a time, and frames of equal times, are spread evenly between their neighbours.

    Args:
        pts: n presentation times in units of ``time_base``, or None for frames without one.
        dts: n decoding times of the packets of the frames. AVI has no other times.
        time_base: unit of the times in seconds.
        rate: frames a second, for files without times.
        clock: number of units after which the container's clock wraps around.
    """
    says_pts = None not in pts or None in dts
    said = pts if says_pts else dts
    distinct = len({time for time in said if time is not None})
    if len(said) > 1 and distinct < 2:
        return Times(np.arange(len(said)), 1 / rate, False, num_alike=distinct and len(said) - 1)
    latest = next((time for time in said if time is not None), 0)
    filled = [latest := latest if time is None else time for time in said]
    known = np.array(filled, np.int64)
    if clock is not None and is_wound_back(known, clock):
        known %= clock
    elif distinct == len(said) and np.all(np.diff(known) > 0):
        return Times(known, time_base, says_pts)
    known = np.clip(known, -_FARTHEST // 2, _FARTHEST // 2)
    starts = _restarts(known)
    recordings = np.split(known, starts)
    usual = _usual_step_within(recordings) or float(1 / rate / time_base)
    recordings = [_ascending(part, usual) for part in recordings]
    between = max(round(usual), 1)
    steps = np.concatenate([np.diff(part, prepend=part[0] - between) for part in recordings])
    ordered = np.cumsum(np.minimum(steps, _FARTHEST // len(steps)))
    ordered -= ordered[0]
    num_alike = len(known) - sum(len(np.unique(part)) for part in np.split(known, starts))
    if np.any(np.diff(ordered) == 0):
        parts = max(min(_PARTS, _FARTHEST // max(int(ordered[-1]), 1)), 1)
        ordered, time_base = _told_apart(ordered, usual, parts), time_base / parts
    return Times(ordered, time_base, False, tuple(starts.tolist()), num_alike)


def _restarts(times: np.ndarray) -> np.ndarray:
    """Indices at which times fall behind the earlier ones and stay there."""
    found: list[int] = []
    latest, before = times[0], 0
    for k in (np.flatnonzero(np.diff(times) < 0) + 1).tolist():
        latest, before = max(latest, times[before:k].max()), k
        if times[k : k + _SOON].max() <= latest:
            found.append(k)
            latest = times[k]
    return np.array(found, np.int64)


def _ascending(times: np.ndarray, usual: float) -> np.ndarray:
    """Sort the times of one recording.

    In transport and program streams, frames that lack a time get it from their neighbours, a few
    steps early or late. Times are evenly spaced if as many usual steps as frames fill the span.
    """
    ordered = np.sort(times)
    num_steps = len(times) - 1
    span = int(ordered[-1] - ordered[0])
    if np.all(np.diff(times) > 0) or abs(span - num_steps * usual) >= usual / 2:
        return ordered
    return ordered[0] + np.round(np.arange(num_steps + 1) * (span / num_steps)).astype(np.int64)


def _usual_step_within(recordings: Sequence[np.ndarray]) -> float:
    """Median step between frames; frames of equal times share the step that follows."""
    steps = [np.zeros(0)]
    for part in recordings:
        distinct, counts = np.unique(part, return_counts=True)
        steps.append(np.diff(distinct) / counts[:-1])
    every = np.concatenate(steps)
    return float(np.median(every)) if len(every) else 0.0


def _told_apart(times: np.ndarray, usual: float, parts: int) -> np.ndarray:
    """Make ascending times distinct, in units of 1/``parts``: equal ones are spread until the next."""
    distinct, first, counts = np.unique(times, return_index=True, return_counts=True)
    lasts = np.diff(distinct, append=distinct[-1] + counts[-1] * usual)
    step = np.minimum(lasts / counts, usual)
    # Offsets are zero where a time occurs once.
    offsets = (np.arange(len(times)) - np.repeat(first, counts)) * np.repeat(step, counts)
    spread = times * parts + np.round(offsets * parts).astype(np.int64)
    # The next time may be nearer than the new unit.
    return np.maximum.accumulate(spread - np.arange(len(spread))) + np.arange(len(spread))
