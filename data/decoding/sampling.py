"""Which frames of a clip to take: pure functions of the times at which frames are shown.

n frames of the clip · T of them taken

    frames      0   1   2   3   4   5   6   7
    all         x   x   x   x   x   x   x   x
    every=3     x           x           x         0, k, 2k, …
    fps=r       x       x       x       x         at each tick of 1/r s, the frame shown then
    count=2             x               x         the middles of equal spans of the whole clip

No rule repeats a frame: a clip with fewer frames than asked for gives those it has. A frame is on
show until the next one comes, however long that is: a screen recording with a frame every 10 s is
taken as it stands. Only a step that is no such pause but a clock that was set (longer than half an
hour and than a hundred usual steps) counts as one usual step; `data.decoding.frame_times` closes it
beforehand.

Seconds count from the first video frame of the file that is shown, whatever time the file gives it.
"""

import re
from collections.abc import Callable
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from data.decoding.frame_times import usual_step
from data.files.errors import InputError

# Sums of floats are off by less; no two frames are this near each other.
_ROUNDING_SECONDS = 1e-6
# Times in milliseconds, as containers and lists have them, are off by up to half of one.
_ROUNDED_SECONDS = 6e-4
# Ticks a second: beyond this each frame is taken.
_MOST_TICKS = 10**9

Sampling = Callable[[np.ndarray], np.ndarray]
"""(n,) float64 ascending times in seconds → (T,) int64 ascending indices of frames, each once."""


class Section(NamedTuple):
    """The part of a file that is the clip, in seconds; None: from its start, to its end.

    0 s is when the file's first video frame is shown: not 0 of the file's own clock, nor what an edit
    list or a player leaves out before it. Gaps in the clock are closed (see
    `data.decoding.frame_times`). A section holds the frame on show at its start and those that begin
    before its end.
    """

    start_seconds: float | None = None
    end_seconds: float | None = None


WHOLE = Section()


def take_all(seconds: np.ndarray) -> np.ndarray:
    """Every frame."""
    return np.arange(len(seconds))


def take_every(seconds: np.ndarray, *, step: int) -> np.ndarray:
    """The first frame and each ``step``-th after it, whatever the times."""
    return np.arange(0, len(seconds), step)


def take_fps(seconds: np.ndarray, *, frames_per_second: Fraction) -> np.ndarray:
    """The frame that is shown at 0, 1/r, 2/r, … seconds after the first, up to the last frame.

    A frame is shown until the next one comes, so rates that vary are honoured.
    """
    if len(seconds) == 0:
        return np.arange(0)
    # The first tick at which each frame is there. A frame that is due a rounding error after its
    # tick is still due at it.
    since = seconds - seconds[0] - _ROUNDING_SECONDS
    rate = float(min(frames_per_second, Fraction(_MOST_TICKS)))
    ticks = np.ceil(np.maximum(since, 0) * rate)
    # It is on show at that tick, if the next one comes after it. Memory follows frames, not seconds.
    is_shown = np.append(ticks[:-1] < ticks[1:], True)
    # The last one may be due at no tick up to its own time.
    is_shown[-1] = ticks[-1] <= np.floor((seconds[-1] - seconds[0]) * rate + 1e-6)
    return np.flatnonzero(is_shown)


def take_count(seconds: np.ndarray, *, count: int) -> np.ndarray:
    """The frames shown in the middle of ``count`` equal spans of the whole clip."""
    if len(seconds) <= count:
        return np.arange(len(seconds))
    end = seconds[-1] + usual_step(seconds)
    middles = (np.arange(count) + 0.5) / count
    return _shown_at(seconds, seconds[0] + middles * (end - seconds[0]))


def _shown_at(seconds: np.ndarray, times: np.ndarray) -> np.ndarray:
    return np.unique(np.searchsorted(seconds, times + _ROUNDING_SECONDS, side="right") - 1)


def parse_sampling(text: str) -> Sampling:
    """``all``, ``every=k``, ``fps=r`` or ``count=n`` → the function that chooses.

    Raises:
        InputError: something else, or a number that is not above 0.
    """
    if text == "all":
        return take_all
    found = re.fullmatch(r"(every|count)=(\d+)|fps=(\d+(?:\.\d+)?(?:/\d+)?)", text)
    try:
        number = Fraction(*map(Fraction, (found[3] or found[2]).split("/"))) if found else 0
    except ZeroDivisionError:
        number = 0
    if not found or number <= 0:
        raise InputError(
            f"--data.frames={text}: allowed are all, every=k, fps=r and count=n, with whole numbers"
            " k and n and a rate r above 0, e.g. fps=5 or fps=30000/1001"
        )
    if found[1] == "every":
        return lambda seconds: take_every(seconds, step=int(number))
    if found[1] == "count":
        return lambda seconds: take_count(seconds, count=int(number))
    return lambda seconds: take_fps(seconds, frames_per_second=Fraction(number))


def within(
    seconds: np.ndarray, start_seconds: float | None, end_seconds: float | None
) -> np.ndarray:
    """Indices of the frames that are on show within [start, end), in seconds from the first frame.

    That is the frame on show at the start, and those that begin before the end. Sections that touch
    between two frames share the one that is on show there. The last frame is on show for one usual
    step: behind it there is none.
    """
    start = -np.inf if start_seconds is None else start_seconds
    end = np.inf if end_seconds is None else end_seconds
    if len(seconds) == 0 or end <= start or start >= _end_of(seconds) - _ROUNDING_SECONDS:
        return np.arange(0)
    first = int(np.searchsorted(seconds, start + _ROUNDED_SECONDS, side="right")) - 1
    past = int(np.searchsorted(seconds, end - _ROUNDING_SECONDS, side="left"))
    return np.arange(max(first, 0), past)


def _end_of(seconds: np.ndarray) -> float:
    # How long a single frame is on show is not known.
    return float(seconds[-1] + usual_step(seconds)) if len(seconds) > 1 else np.inf
