"""Resets: when a new sequence begins.

S height and width of a frame
"""

import math
from collections.abc import Collection
from typing import NamedTuple

import numpy as np

from data.files.errors import InputError

_EXAMPLES = {"seconds": "seconds=60", "quiet": "quiet=5", "tokens": "tokens=500", "line": "line"}


class Resets(NamedTuple):
    """The rules that a person gave; None and False: not given."""

    seconds: float | None = None
    """A sequence lasts so long, in the stream's time."""
    quiet: float | None = None
    """It ends when the source was quiet for so long."""
    tokens: float | None = None
    """It has so many tokens."""
    line: bool = False
    """Each line is one."""


def parse_resets(text: str | None, *, allowed: Collection[str]) -> Resets:
    """Parse ``seconds=60``, ``quiet=5``, ``tokens=500``, ``line``, or several with commas.

    Raises:
        InputError: another text, or a rule that this kind of model does not have.
    """
    found: dict[str, float | bool] = {}
    for part in [] if text is None else text.split(","):
        name, equals, number = part.strip().partition("=")
        try:
            value = float(number) if equals else 0.0
        except ValueError:
            value = math.nan
        is_right = name == "line" and not equals if name == "line" else 0 < value < math.inf
        if name not in allowed or name in found or not is_right:
            examples = ", ".join(_EXAMPLES[one] for one in allowed)
            raise InputError(f"--reset={text}: allowed are {examples}, or several with commas")
        found[name] = True if name == "line" else value
    return Resets(**found)  # type: ignore[arg-type]


class Stillness:
    """How long the picture has stood still.

    Two frames that are read one after the other are still where the mean absolute difference of
    their pixels, as the model reads them, is below a level.

    Args:
        level: of 255.
    """

    def __init__(self, level: float) -> None:
        self._level = level
        self._before: np.ndarray | None = None
        self._moved_at = 0.0

    def seconds(self, pixels: np.ndarray, seconds: float) -> float:
        """Seconds for which the picture has stood still, with this frame (S, S, 3) uint8."""
        frame = pixels.astype(np.int16)
        before, self._before = self._before, frame
        if before is None or np.abs(frame - before).mean() >= self._level:
            self._moved_at = seconds
        return seconds - self._moved_at
