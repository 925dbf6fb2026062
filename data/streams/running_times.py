"""Times of frames as they come: ascending seconds since the first, with breaks closed.

They are those of `data.decoding.frame_times` for a file whose frames carry ascending times.
"""

from collections import deque
from fractions import Fraction

import av

from data.decoding.frame_times import BREAK_SECONDS, BREAK_STEPS

# The usual step is the median of so many last ones.
_MOST_STEPS = 101
# Times that fall behind by fewer usual steps than this are out of order; by more, the clock starts anew.
_SOON_STEPS = 4


class RunningTimes:
    """Clock of one connection to a stream.

    A frame without a time comes one usual step after the one before it, and so does one after a
    jump of the clock: forwards by more than half an hour and a hundred usual steps, or backwards.

    Args:
        time_base: seconds of a unit of the frames' times.
        rate: frames a second, before two frames have told their own.
    """

    def __init__(self, time_base: Fraction, rate: Fraction) -> None:
        self._time_base = time_base
        self._steps: deque[int] = deque([max(round(1 / rate / time_base), 1)], _MOST_STEPS)
        self._latest: int | None = None
        self._shift = 0

    def seconds(self, frame: av.VideoFrame) -> float:
        """Time of the next frame, since the first one."""
        said = frame.dts if frame.pts is None else frame.pts
        if self._latest is None:
            self._latest, self._shift = 0, -(said or 0)
            return 0.0
        usual = sorted(self._steps)[len(self._steps) // 2]
        time = self._latest + usual if said is None else said + self._shift
        longest = max(BREAK_STEPS * usual, BREAK_SECONDS / float(self._time_base))
        if -_SOON_STEPS * usual < time - self._latest <= 0:
            time = self._latest + 1
        elif not 0 < time - self._latest <= longest:
            self._shift += self._latest + usual - time
            time = self._latest + usual
        else:
            self._steps.append(time - self._latest)
        self._latest = time
        return time * float(self._time_base)
