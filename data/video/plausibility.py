"""Plausibility of a video file: doubts about its figures, and remarks worth knowing."""

from collections.abc import Iterator

import numpy as np

from data.decoding.frame_times import usual_step
from data.decoding.probe import Probe

_RATES = 0.1, 1000.0
"""Frames a second, from and to."""
_LONGEST_HOURS = 24.0
# A picture on show for so long, and for so many usual steps, is worth a word.
_PAUSE_SECONDS, _PAUSE_STEPS = 60.0, 100
_ALIKE_SHARE = 0.1


def doubts_about(found: Probe) -> Iterator[str]:
    """Reasons to look at a file's clock: jumps, rates and durations beyond what is filmed."""
    if breaks := found.breaks:
        first, seconds = next(iter(breaks.items()))
        more = f" (and {len(breaks) - 1:,} more)" if len(breaks) > 1 else ""
        yield (
            f"a gap of {seconds / 3600:,.1f} h in its times before frame {first}{more}, which is read"
            " as one usual step"
        )
    # Pauses aside.
    step = usual_step(found.seconds)
    rate = 1 / step if step else 0.0
    if rate and not _RATES[0] <= round(rate, 6) <= _RATES[1]:
        yield f"its times say {rate:,.6g} frames a second"
    if found.duration_seconds > _LONGEST_HOURS * 3600:
        yield f"its times say that it lasts {found.duration_seconds / 3600:,.1f} h"
    if found.num_alike > _ALIKE_SHARE * found.num_frames:
        yield (
            f"{found.num_alike:,} of {found.num_frames:,} frames carry no time of their own; they are"
            " spread evenly"
        )


def remarks_on(found: Probe) -> Iterator[str]:
    """Joined recordings, further video streams, and pictures that stand still for long."""
    if found.starts:
        places = ", ".join(f"{place:,}" for place in found.starts[:3])
        more = ", …" if len(found.starts) > 3 else ""
        yield (
            f"{len(found.starts) + 1:,} recordings joined: times start again at frame {places}{more}"
        )
    if others := found.other_streams:
        read = f"{found.codec} {found.width_px}x{found.height_px}"
        yield f"{len(others) + 1} video streams: {read} is read, {', '.join(others)} is not"
    steps = np.diff(found.seconds)
    if len(steps):
        longest = max(_PAUSE_SECONDS, _PAUSE_STEPS * float(np.median(steps)))
        if (pauses := steps[steps > longest]).size:
            yield f"a frame is on show for {pauses.max():,.0f} s"
