"""Times as people write them → seconds."""

import math
import re

_NUMBER = re.compile(r"\+?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_CLOCK = re.compile(r"(?:([0-9]+):)?([0-9]+):([0-5]?[0-9](?:[.,][0-9]*)?)")


def seconds_of(text: str, *, has_decimal_commas: bool = False) -> float:
    """Seconds, finite and at least 0: ``90``, ``90.5``, ``1:30`` (min:s), ``0:01:30.5`` (h:min:s).

    Args:
        text: the time, without blanks around it.
        has_decimal_commas: whether a comma can stand for the point: ``1,5``. After a colon it can
            always.

    Raises:
        ValueError: anything else, e.g. ``-1``, ``nan``, ``1:75``, ``4s``, ``00:00:01:12``.
    """
    if clock := _CLOCK.fullmatch(text):
        hours, minutes, seconds = clock.groups()
        if hours is not None and int(minutes) > 59:
            raise ValueError(f"no time: {text}")
        return int(hours or 0) * 3600 + int(minutes) * 60 + float(seconds.replace(",", "."))
    if has_decimal_commas and text.count(",") == 1 and "." not in text:
        text = text.replace(",", ".")
    if not _NUMBER.fullmatch(text) or not math.isfinite(number := float(text)):
        raise ValueError(f"no time: {text}")
    return number


def is_clock(text: str) -> bool:
    """Whether a time is written with colons."""
    return ":" in text
