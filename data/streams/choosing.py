"""Sampling rules over frames as they come: those of `data.decoding.sampling`, without the end.

The frames that a rule takes are those that it takes of the complete file. ``fps=r`` knows of a frame
only when the next one has come, and so is one frame late. ``count=n`` divides the whole clip, and so
has no form for what does not end.
"""

from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import TypeVar

import numpy as np

from data.decoding.sampling import fraction_of, last_tick, parse_sampling, ticks_of
from data.files.errors import InputError

T = TypeVar("T")
Timed = tuple[float, T]


def refuse_whole_clip(sampling: str) -> None:
    """Refuse a rule that needs the whole clip.

    Raises:
        InputError: it does.
    """
    parse_sampling(sampling)
    if sampling.startswith("count="):
        raise InputError(
            f"CKPT: the model reads {sampling}, frames that divide a whole clip, and a stream has no"
            " end; train with --data.frames=fps=5 or all"
        )


def chosen(frames: Iterable[Timed[T]], sampling: str) -> Iterator[tuple[float, T, bool]]:
    """Tell of each frame whether the rule takes it.

    Args:
        frames: pairs of ascending seconds and a frame, in their order.
        sampling: ``all``, ``every=k`` or ``fps=r``.
    """
    refuse_whole_clip(sampling)
    rule, _, number = sampling.partition("=")
    if rule == "fps":
        yield from _at_rate(frames, fraction_of(number))
        return
    step = int(number) if rule == "every" else 1
    for place, (seconds, frame) in enumerate(frames):
        yield seconds, frame, place % step == 0


def _at_rate(frames: Iterable[Timed[T]], rate: Fraction) -> Iterator[tuple[float, T, bool]]:
    first: float | None = None
    held: tuple[float, T, float] | None = None
    for seconds, frame in frames:
        first = seconds if first is None else first
        tick = float(ticks_of(np.array(seconds - first), rate))
        if held is not None:
            yield held[0], held[1], held[2] < tick
        held = seconds, frame, tick
    if held is not None and first is not None:
        yield held[0], held[1], held[2] <= last_tick(held[0] - first, rate)
