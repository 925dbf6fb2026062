"""Probe of a video file: frame times, key frames, size, rate and codec.

Packets are scanned. If they do not tell which frames they give, the file is decoded once.

n frames, in the order of presentation
"""

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np

from data.decoding.frame_times import Times, breaks_of, seconds_of, times_of_frames, usual_step
from data.decoding.opening import (
    UnreadableError,
    film_streams,
    no_size,
    open_video,
    pixel_aspect,
    reason,
)
from data.decoding.packets import (
    REPORT_EVERY,
    Census,
    Packets,
    clock_of,
    decode,
    lacks_times_of_showing,
    says_times,
)

__all__ = ["Probe", "UnreadableError", "open_video", "probe", "traits_of"]

# Where FFmpeg finds no frame rate, it returns the ticks of the container's clock.
_NO_RATE = 1000


class Probe(NamedTuple):
    """Contents of a video file, counted instead of taken from headers.

    Size, rotation and pixel aspect are those of the first frame.
    """

    pts: np.ndarray
    """(n,) int64, ascending: presentation times in units of ``time_base``."""
    keyframes: np.ndarray
    """Indices int64 of the key frames, from which decoding can start."""
    time_base: Fraction
    """Seconds."""
    width_px: int
    height_px: int
    codec: str
    container: str
    rotation_degrees: int
    """Clockwise rotation for display: 0, 90, 180 or 270."""
    pixel_aspect: Fraction
    """Width over height of a pixel on display."""
    times_are_exact: bool
    """Whether decoded frames carry the times of ``pts``. In AVI files of codecs that reorder frames
    they do not: their packets have decoding times only."""
    is_plain: bool = True
    """Whether each packet gives one frame at the container's time, and there is one recording."""
    has_fields: bool = False
    """Whether a packet may hold a single field, as in interlaced H.264."""
    starts: tuple[int, ...] = ()
    """Indices of the frames with which a further joined recording begins."""
    num_lost: int = 0
    """Number of packets that could not be decoded, if the file was decoded for the probe."""
    num_alike: int = 0
    """Number of frames that carried the time of the one before them."""
    other_streams: tuple[str, ...] = ()
    """Further video streams, which are not read, e.g. ``h264 80x64``."""

    @property
    def is_ordinary(self) -> bool:
        """Whether frames, clock and the choice of the stream were all unambiguous."""
        return self.is_plain and not self.breaks and not self.other_streams

    @property
    def num_frames(self) -> int:
        """Number n of frames."""
        return len(self.pts)

    @property
    def seconds(self) -> np.ndarray:
        """Presentation times since the first frame, (n,) float64, with breaks closed.

        See `data.decoding.frame_times` for breaks.
        """
        return seconds_of(self.pts, self.time_base)

    @property
    def breaks(self) -> dict[int, float]:
        """Jumps of the clock in seconds, by the index of the frame after each."""
        steps = np.diff(self.pts) * float(self.time_base)
        return {int(k): float(steps[k - 1]) for k in breaks_of(self.pts, self.time_base)}

    @property
    def duration_seconds(self) -> float:
        """Time from the first frame to the end of the last, which lasts one usual step."""
        if self.num_frames < 2:
            return 0.0
        seconds = self.seconds
        return float(seconds[-1] + usual_step(seconds))

    @property
    def frames_per_second(self) -> float:
        """Mean frame rate; 0 for a single frame."""
        return self.num_frames / self.duration_seconds if self.duration_seconds > 0 else 0.0


def traits_of(probes: Sequence[Probe | None]) -> dict[str, np.ndarray]:
    """Collect frame rates and heights of files by name, NaN where a file has no probe."""
    return {
        name: np.array([np.nan if one is None else getattr(one, name) for one in probes], float)
        for name in ("frames_per_second", "height_px")
    }


def probe(
    path: Path | str,
    *,
    progress: Callable[[int], object] = lambda _: None,
    pictures: bool = False,
) -> Probe:
    """Scan the packets of a file's best video stream, and decode it if they do not tell enough.

    One key frame is always decoded: PyAV tells rotation and interlacing by frames alone.

    Args:
        path: path of a local video file.
        progress: called from time to time with the number of frames decoded since.
        pictures: see `open_video`.

    Raises:
        UnreadableError: a file that is no video, has no video packet, or has frames of more than
            `opening.MOST_PIXELS`.
    """
    with open_video(path, pictures=pictures) as (container, stream):
        packets, census = Packets(container, stream), Census(stream)
        alone: list[av.VideoFrame] | None = None
        for packet in packets:
            if census.add(packet) and not alone and packet.is_keyframe:
                alone = _decoded_alone(stream, packet)
        if not census.times:
            raise UnreadableError(packets.last_fault or "holds no video packet")
        first = alone[0] if alone else None
        if alone is not None:
            census.look_at(first)
        context = stream.codec_context
        if not context.width:
            raise UnreadableError(no_size())
        name = container.format.name.split(",")[0]
        if census.is_certain:
            shown, time_base = when_shown(census.times, stream)
            says_all = None not in census.times and not lacks_times_of_showing(stream)
            times = Times(np.sort(shown), time_base, says_all)
            keyframes = np.unique(np.searchsorted(times.pts, shown[census.keys]))
            num_lost = 0
        else:
            times, keyframes, num_lost, first = _by_decoding(path, progress, pictures=pictures)
        return Probe(
            pts=times.pts,
            keyframes=keyframes,
            time_base=times.time_base,
            width_px=context.width,
            height_px=context.height,
            codec=context.name,
            container=name,
            rotation_degrees=0 if first is None else -first.rotation % 360,
            pixel_aspect=pixel_aspect(stream),
            times_are_exact=times.are_exact,
            is_plain=census.is_certain and not census.num_hidden and says_times(stream),
            has_fields=census.has_fields,
            starts=times.starts,
            num_lost=num_lost,
            num_alike=times.num_alike,
            other_streams=tuple(_named(other) for other in film_streams(container)[1:]),
        )


class Given:
    """Times of frames as a decoder gives them, in the order of presentation."""

    def __init__(self) -> None:
        self.pts: list[int | None] = []
        self.dts: list[int | None] = []

    def add(self, frame: av.VideoFrame) -> None:
        """Append the times of a frame."""
        self.pts.append(frame.pts)
        self.dts.append(frame.dts)

    def times(self, stream: av.VideoStream) -> Times:
        """Make the times ascend (see `data.decoding.frame_times.times_of_frames`)."""
        unsaid = [None] * len(self.pts)
        return times_of_frames(
            self.pts if says_times(stream) else unsaid,
            self.dts if says_times(stream) else unsaid,
            time_base=stream.time_base or Fraction(1, 1000),
            rate=_rate_of(stream),
            clock=clock_of(stream),
        )


def _by_decoding(
    path: Path | str, progress: Callable[[int], object], *, pictures: bool
) -> tuple[Times, np.ndarray, int, av.VideoFrame]:
    """Decode a file for its times, its key frames, the number of failed packets, and a first frame."""
    given, keys, faults = Given(), list[int](), list[str]()
    first: av.VideoFrame | None = None
    with open_video(path, pictures=pictures) as (container, stream):
        for frame in decode(Packets(container, stream), faults):
            first = first or frame
            if frame.key_frame:
                keys.append(len(given.pts))
            given.add(frame)
            if len(given.pts) % REPORT_EVERY == 0:
                progress(REPORT_EVERY)
        if first is None:
            raise UnreadableError(faults[-1] if faults else "no frame could be decoded")
        return given.times(stream), np.array(keys, np.int64), len(faults), first


def when_shown(times: Sequence[int | None], stream: av.VideoStream) -> tuple[np.ndarray, Fraction]:
    """Times of packets, (n,) int64 in their order, and their unit in seconds.

    Raw streams have no times; there packets are numbered, at the stream's guessed rate.
    """
    if None in times:
        return np.arange(len(times)), 1 / _rate_of(stream)
    return np.array(times, np.int64), stream.time_base or Fraction(1, 1000)


def _rate_of(stream: av.VideoStream) -> Fraction:
    """Guessed frames a second of a stream; 25 if the guess is no frame rate."""
    rate = stream.guessed_rate
    return Fraction(rate) if rate and rate < _NO_RATE else Fraction(25)


def _named(stream: av.VideoStream) -> str:
    context = stream.codec_context
    return f"{context.name} {context.width}x{context.height}" if context else "unknown codec"


def _decoded_alone(stream: av.VideoStream, packet: av.Packet) -> list[av.VideoFrame] | None:
    """Decode a key packet by itself, None if it is damaged; the decoder is reset afterwards."""
    try:
        return packet.decode() + stream.codec_context.decode(None)
    except MemoryError as error:
        raise UnreadableError(reason(error)) from error
    except (av.FFmpegError, ValueError):
        return None
    finally:
        stream.codec_context.flush_buffers()
