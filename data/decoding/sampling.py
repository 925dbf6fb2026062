"""Sampling rules: pure functions that choose frames of a clip by their presentation times.

n frames of the clip · T of them taken

    frames      0   1   2   3   4   5   6   7
    all         x   x   x   x   x   x   x   x
    every=3     x           x           x         0, k, 2k, …
    fps=r       x       x       x       x         at each tick of 1/r s, the frame shown then
    count=2             x               x         the middles of equal spans of the whole clip

No rule repeats a frame: a clip with fewer frames than asked for gives those it has. A frame is on
display until the next one comes, however long that is, as in a screen recording with a frame every
10 s. Only jumps of the clock count as one usual step: `data.decoding.frame_times` closes them
beforehand.

Seconds count from the first video frame that is displayed, whatever time the file gives it.
"""

import re
from collections.abc import Callable
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from data.decoding.frame_times import usual_step
from data.files.errors import InputError

# More than the rounding error of sums of floats, and less than any distance of two frames.
_ROUNDING_SECONDS = 1e-6
# Times that were rounded to milliseconds, by containers and in lists, are off by up to half of one.
_ROUNDED_SECONDS = 6e-4
# The most ticks a second; at this rate every frame is taken.
_MOST_TICKS = 10**9

Sampling = Callable[[np.ndarray], np.ndarray]
"""Function from (n,) float64 ascending seconds to (T,) int64 ascending, distinct indices."""


class Section(NamedTuple):
    """Section of a file that is the clip, in seconds; None is the file's start or end.

    The file's first video frame is displayed at 0 s, whatever its own clock says. Jumps of the clock
    are closed (see `data.decoding.frame_times`). A section holds the frame on display at its start,
    and the frames that begin before its end.
    """

    start_seconds: float | None = None
    end_seconds: float | None = None


WHOLE = Section()


def take_all(seconds: np.ndarray) -> np.ndarray:
    """Take every frame."""
    return np.arange(len(seconds))


def take_every(seconds: np.ndarray, *, step: int) -> np.ndarray:
    """Take the first frame and each ``step``-th after it, whatever the times."""
    return np.arange(0, len(seconds), step)


def take_fps(seconds: np.ndarray, *, frames_per_second: Fraction) -> np.ndarray:
    """Take the frames on display at 0, 1/r, 2/r, … seconds after the first, up to the last frame.

    A frame is on display until the next one comes, so that variable rates are honoured.
    """
    if len(seconds) == 0:
        return np.arange(0)
    since = seconds - seconds[0]
    ticks = ticks_of(since, frames_per_second)
    # A frame is taken if the next one comes after that tick. Memory depends on frames, not seconds.
    is_shown = np.append(ticks[:-1] < ticks[1:], True)
    # No tick up to its own time may fall on the last frame.
    is_shown[-1] = ticks[-1] <= last_tick(float(since[-1]), frames_per_second)
    return np.flatnonzero(is_shown)


def ticks_of(since: np.ndarray, frames_per_second: Fraction) -> np.ndarray:
    """The first tick at which each frame is on display, given its seconds since the first frame.

    A frame that comes a rounding error after a tick still counts for it.
    """
    rate = float(min(frames_per_second, Fraction(_MOST_TICKS)))
    ticks: np.ndarray = np.ceil(np.maximum(since - _ROUNDING_SECONDS, 0) * rate)
    return ticks


def last_tick(since: float, frames_per_second: Fraction) -> float:
    """The last tick up to a time in seconds since the first frame."""
    rate = float(min(frames_per_second, Fraction(_MOST_TICKS)))
    return float(np.floor(since * rate + 1e-6))


def take_count(seconds: np.ndarray, *, count: int) -> np.ndarray:
    """Take the frames on display in the middle of ``count`` equal spans of the whole clip."""
    if len(seconds) <= count:
        return np.arange(len(seconds))
    end = seconds[-1] + usual_step(seconds)
    middles = (np.arange(count) + 0.5) / count
    return _shown_at(seconds, seconds[0] + middles * (end - seconds[0]))


def _shown_at(seconds: np.ndarray, times: np.ndarray) -> np.ndarray:
    return np.unique(np.searchsorted(seconds, times + _ROUNDING_SECONDS, side="right") - 1)


def parse_sampling(text: str) -> Sampling:
    """Parse ``all``, ``every=k``, ``fps=r`` or ``count=n`` into a sampling function.

    Raises:
        InputError: another text, or a number that is not above 0.
    """
    if text == "all":
        return take_all
    found = re.fullmatch(r"(every|count)=(\d+)|fps=(\d+(?:\.\d+)?(?:/\d+)?)", text)
    try:
        number = fraction_of(found[3] or found[2]) if found else Fraction(0)
    except ZeroDivisionError:
        number = Fraction(0)
    if not found or number <= 0:
        raise InputError(
            f"--data.frames={text}: allowed are all, every=k, fps=r and count=n, with whole numbers"
            " k and n and a rate r above 0, e.g. fps=5 or fps=30000/1001"
        )
    if found[1] == "every":
        return lambda seconds: take_every(seconds, step=int(number))
    if found[1] == "count":
        return lambda seconds: take_count(seconds, count=int(number))
    return lambda seconds: take_fps(seconds, frames_per_second=number)


def fraction_of(text: str) -> Fraction:
    """The number of ``5``, ``2.5`` or ``30000/1001``."""
    return Fraction(*map(Fraction, text.split("/")))


def within(
    seconds: np.ndarray, start_seconds: float | None, end_seconds: float | None
) -> np.ndarray:
    """Indices of the frames on display within [start, end), in seconds since the first frame.

    These are the frame on display at the start, and those that begin before the end. Sections that
    touch between two frames share the frame on display there. The last frame lasts one usual step.
    """
    start = -np.inf if start_seconds is None else start_seconds
    end = np.inf if end_seconds is None else end_seconds
    if len(seconds) == 0 or end <= start or start >= _end_of(seconds) - _ROUNDING_SECONDS:
        return np.arange(0)
    first = int(np.searchsorted(seconds, start + _ROUNDED_SECONDS, side="right")) - 1
    past = int(np.searchsorted(seconds, end - _ROUNDING_SECONDS, side="left"))
    return np.arange(max(first, 0), past)


def _end_of(seconds: np.ndarray) -> float:
    # The duration of a single frame is unknown.
    return float(seconds[-1] + usual_step(seconds)) if len(seconds) > 1 else np.inf
