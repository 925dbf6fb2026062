"""Which frames of a clip to take: pure functions of the times at which frames are shown.

n frames of the clip · T of them taken

    frames      0   1   2   3   4   5   6   7
    all         x   x   x   x   x   x   x   x
    every=3     x           x           x         0, k, 2k, …
    fps=r       x       x       x       x         at each tick of 1/r s, the frame shown then
    count=2             x               x         the middles of equal spans of the whole clip

No rule repeats a frame: a clip with fewer frames than asked for gives those it has.
"""

import re
from collections.abc import Callable
from fractions import Fraction

import numpy as np

from data.errors import InputError

Sampling = Callable[[np.ndarray], np.ndarray]
"""(n,) float64 ascending times in seconds → (T,) int64 ascending indices of frames, each once."""


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
    rate = float(frames_per_second)
    # A frame that is due a rounding error after its tick is still due at it.
    num_ticks = int((seconds[-1] - seconds[0]) * rate + 1e-6) + 1
    return _shown_at(seconds, seconds[0] + np.arange(num_ticks) / rate)


def take_count(seconds: np.ndarray, *, count: int) -> np.ndarray:
    """The frames shown in the middle of ``count`` equal spans of the whole clip."""
    if len(seconds) <= count:
        return np.arange(len(seconds))
    end = seconds[-1] + np.median(np.diff(seconds))
    middles = (np.arange(count) + 0.5) / count
    return _shown_at(seconds, seconds[0] + middles * (end - seconds[0]))


def _shown_at(seconds: np.ndarray, times: np.ndarray) -> np.ndarray:
    return np.unique(np.searchsorted(seconds, times + 1e-6, side="right") - 1)


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
    """Indices of the frames that begin within [start, end), in seconds from the first frame."""
    start = -np.inf if start_seconds is None else start_seconds - 1e-6
    end = np.inf if end_seconds is None else end_seconds - 1e-6
    return np.flatnonzero((seconds >= start) & (seconds < end))
