"""Frames of a stream as they come: chosen and scaled as in training, and where the stream was lost.

S height and width of a frame
"""

import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from threading import Event
from typing import NamedTuple

import av
import numpy as np

from data.decoding.decode import Reading
from data.decoding.opening import UnreadableError, pixel_aspect, reason
from data.decoding.packets import MAX_FAULTS
from data.decoding.scaling import FrameScaler
from data.streams.address import Address
from data.streams.choosing import chosen
from data.streams.http_body import LostError
from data.streams.opening import Opened, open_stream
from data.streams.running_times import RunningTimes

_LONGEST_PAUSE_SECONDS = 30.0


class Frame(NamedTuple):
    """A frame of the stream."""

    seconds: float
    """Since the first frame of the first connection."""
    pixels: np.ndarray | None
    """(S, S, 3) uint8, RGB; None: the model does not read this frame."""
    picture: av.VideoFrame | None = None
    """The decoded frame, where it is kept to draw on."""

    @property
    def num_bytes(self) -> int:
        """Memory that it takes."""
        size = 0 if self.pixels is None else self.pixels.nbytes
        if self.picture is not None:
            size += sum(plane.buffer_size for plane in self.picture.planes)
        return size


class Connected(NamedTuple):
    """A connection to the source; the first one, or another after it was lost."""

    pixel_aspect: Fraction
    is_again: bool
    may_drop: bool
    """Whether its frames may be dropped: the source does not wait."""


class Lost(NamedTuple):
    """The source gives nothing more."""

    reason: str
    pause_seconds: float | None
    """Pause before it is opened again; None: it is given up."""


Happening = Frame | Connected | Lost


def pause_after(times: int) -> float:
    """Seconds before a source is opened again: 1, 2, 4, … 30, for the 1st, 2nd, … time in a row."""
    return min(2.0 ** min(times - 1, 10), _LONGEST_PAUSE_SECONDS)


class StreamFrames:
    """Iterable of what happens on a stream.

    A file, a pipe, and an HTTP answer of a stated length end. A camera, and any other answer of a
    server, does not: where nothing more comes it is lost, and opened again after a growing pause.

    Args:
        address: the source.
        reading: how frames are chosen and scaled; ``max_frames`` is not looked at.
        keeps_pictures: whether frames are kept to draw on, also those that are not read.
        paces: whether frames of a file come at their times.
        timeout_seconds: the longest wait for a connection, or for its next bytes.
        most_reopened: the most times in a row that it is opened again; None: for ever.
        pause: see `pause_after`.
        clock: seconds.
    """

    def __init__(
        self,
        address: Address,
        reading: Reading,
        *,
        keeps_pictures: bool = False,
        paces: bool = False,
        timeout_seconds: float = 10.0,
        most_reopened: int | None = None,
        pause: Callable[[int], float] = pause_after,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._address, self._reading = address, reading
        self._keeps_pictures, self._paces = keeps_pictures, paces
        self._timeout_seconds, self._most_reopened = timeout_seconds, most_reopened
        self._pause, self._clock = pause, clock
        self._stopped = Event()
        self._latest_seconds = 0.0
        self._has_begun = False

    def stop(self) -> None:
        """End what waits."""
        self._stopped.set()

    def __iter__(self) -> Iterator[Happening]:
        times = 0
        while not self._stopped.is_set():
            lost_at = self._clock()
            try:
                with open_stream(self._address, timeout_seconds=self._timeout_seconds) as opened:
                    for event in self._connection(opened):
                        if isinstance(event, Frame):
                            times, lost_at = 0, self._clock()
                        yield event
                    if not self._is_lost(opened):
                        return
                    why = "it ended"
            except UnreadableError as error:
                if not self._has_begun:
                    raise
                why = str(error)
            except (LostError, av.error.ExitError) as error:
                why = reason(error)
                if isinstance(error, av.error.ExitError):
                    why = f"nothing came for {self._timeout_seconds:g} s (--timeout_seconds)"
                if not self._has_begun:
                    raise UnreadableError(why) from error
            times += 1
            if self._most_reopened is not None and times > self._most_reopened:
                yield Lost(why, None)
                return
            pause = self._pause(times)
            yield Lost(why, pause)
            self._stopped.wait(pause)
            # The stream went on while nobody saw it.
            self._latest_seconds += self._clock() - lost_at

    def _is_lost(self, opened: Opened) -> bool:
        if opened.body is not None and opened.has_end:
            return not opened.body.comes_to_its_end()
        return self._is_live

    @property
    def _is_live(self) -> bool:
        return self._address.is_url or self._address.kind == "camera"

    def _connection(self, opened: Opened) -> Iterator[Happening]:
        """Events of one connection."""
        stream, reading = opened.stream, self._reading
        aspect = pixel_aspect(stream)
        may_drop = self._is_live and not opened.has_end
        draw = FrameScaler(
            size_px=reading.size_px,
            fit=reading.fit,
            interpolation=reading.interpolation,
            pixel_aspect=aspect,
        )
        offset, began_at = self._latest_seconds, self._clock()
        is_first = True
        for seconds, frame, is_read in chosen(_timed(opened), reading.frames):
            if is_first:
                # Only now is it known that something comes.
                yield Connected(aspect, self._has_begun, may_drop)
                self._has_begun, is_first = True, False
            if self._paces and self._address.kind == "file":
                self._stopped.wait(max(began_at + seconds - self._clock(), 0))
            self._latest_seconds = offset + seconds
            pixels = None
            if is_read:
                pixels = np.empty((reading.size_px, reading.size_px, 3), np.uint8)
                draw(frame, pixels)
            if is_read or self._keeps_pictures:
                yield Frame(self._latest_seconds, pixels, frame if self._keeps_pictures else None)
        if is_first and not self._has_begun:
            raise UnreadableError("no frame could be decoded")


def _timed(opened: Opened) -> Iterator[tuple[float, av.VideoFrame]]:
    """Decoded frames and their seconds since the first of this connection."""
    stream = opened.stream
    rate = stream.guessed_rate or Fraction(25)
    times = RunningTimes(stream.time_base or Fraction(1, 1000), min(Fraction(rate), Fraction(1000)))
    for frame in _decoded(opened):
        yield times.seconds(frame), frame


def _decoded(opened: Opened) -> Iterator[av.VideoFrame]:
    """Frames in the order of presentation; a fault costs what it hits."""
    num_faults = 0
    packets = opened.container.demux(opened.stream)
    while True:
        try:
            packet = next(packets)
        except StopIteration:
            return
        except (LostError, av.error.ExitError):
            raise
        except (av.FFmpegError, OSError, ValueError, IndexError) as error:
            # A damaged stream can fail at every packet without end.
            num_faults += 1
            if num_faults == MAX_FAULTS:
                raise UnreadableError(reason(error)) from error
            packets = opened.container.demux(opened.stream)
            continue
        if packet.size == 0 and packet.dts is not None:
            # A dropped frame of an AVI file. A decoder would take it for the end of the stream.
            continue
        num_faults = 0
        try:
            frames = packet.decode()
        except (av.FFmpegError, OSError, ValueError):
            continue
        yield from frames
