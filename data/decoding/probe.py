"""Contents of a video file: frame times, key frames, size, rate, codec.

Packets are scanned; where they do not tell which frames come out of them, the file is decoded once.

n frames, in the order in which they are shown
"""

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np

from data.decoding.frame_times import Times, breaks_of, seconds_of, times_of_frames, usual_step
from data.decoding.opening import UnreadableError, film_streams, open_video, pixel_aspect
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

# FFmpeg gives the ticks of a container's clock for a rate where it finds none.
_NO_RATE = 1000


class Probe(NamedTuple):
    """Contents of a video file; headers are not trusted.

    `rotation` and all else that is drawn is of the first frame.
    """

    pts: np.ndarray
    """(n,) int64, ascending: when each frame is shown, in units of ``time_base``."""
    keyframes: np.ndarray
    """int64: which of them are key frames, from which decoding can start."""
    time_base: Fraction
    """Seconds."""
    width_px: int
    height_px: int
    codec: str
    container: str
    rotation_degrees: int
    """How far a player turns the pictures, clockwise: 0, 90, 180 or 270."""
    pixel_aspect: Fraction
    """Width of a pixel over its height, as it is shown."""
    times_are_exact: bool
    """Whether a decoded frame carries the time that stands in ``pts``, and no other does. In AVI
    files of codecs that reorder frames it does not: the packets' times there are those of decoding."""
    is_plain: bool = True
    """Whether each packet gives one frame at a time that the container says, in one recording."""
    has_fields: bool = False
    """Whether a packet may hold half of a frame: interlaced H.264."""
    starts: tuple[int, ...] = ()
    """Places of the frames with which another recording begins, joined to the one before it."""
    num_lost: int = 0
    """Packets that could not be decoded, where the file had to be decoded to be counted."""
    num_alike: int = 0
    """Frames that carried the time of the one before them, and were told apart."""
    other_streams: tuple[str, ...] = ()
    """Further video streams, which are not read, e.g. ``h264 80x64``."""

    @property
    def is_ordinary(self) -> bool:
        """Whether nothing of this had to be settled: frames, clock, or which stream is read."""
        return self.is_plain and not self.breaks and not self.other_streams

    @property
    def num_frames(self) -> int:
        """n."""
        return len(self.pts)

    @property
    def seconds(self) -> np.ndarray:
        """(n,) float64: when each frame is shown, from the first one on; breaks are closed (see
        `data.decoding.frame_times`).
        """
        return seconds_of(self.pts, self.time_base)

    @property
    def breaks(self) -> dict[int, float]:
        """Frames before which the times jump ahead as no picture is shown, and by how many seconds."""
        steps = np.diff(self.pts) * float(self.time_base)
        return {int(k): float(steps[k - 1]) for k in breaks_of(self.pts, self.time_base)}

    @property
    def duration_seconds(self) -> float:
        """From the first frame to the end of the last, which is shown as long as is usual."""
        if self.num_frames < 2:
            return 0.0
        seconds = self.seconds
        return float(seconds[-1] + usual_step(seconds))

    @property
    def frames_per_second(self) -> float:
        """The mean rate; 0 of a single frame."""
        return self.num_frames / self.duration_seconds if self.duration_seconds > 0 else 0.0


def traits_of(probes: Sequence[Probe | None]) -> dict[str, np.ndarray]:
    """(n,) each: frame rate and height of files, by name; NaN of those that hold nothing."""
    return {
        name: np.array([np.nan if one is None else getattr(one, name) for one in probes], float)
        for name in ("frames_per_second", "height_px")
    }


def probe(path: Path | str, *, progress: Callable[[int], object] = lambda _: None) -> Probe:
    """Scan the packets of a file's best video stream, and decode it where they do not tell enough.

    One key frame is always decoded: PyAV shows on frames alone how they are turned, and made.

    Args:
        path: a local video file.
        progress: told how many more frames were decoded, from time to time.

    Raises:
        UnreadableError: not a video file, or one without a packet of video.
    """
    with open_video(path) as (container, stream):
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
        name = container.format.name.split(",")[0]
        if census.is_certain:
            shown, time_base = when_shown(census.times, stream)
            says_all = None not in census.times and not lacks_times_of_showing(stream)
            times = Times(np.sort(shown), time_base, says_all)
            keyframes = np.unique(np.searchsorted(times.pts, shown[census.keys]))
            num_lost = 0
        else:
            times, keyframes, num_lost, first = _by_decoding(path, progress)
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
    """The times of frames as a decoder gives them, in its order, which is that of showing them."""

    def __init__(self) -> None:
        self.pts: list[int | None] = []
        self.dts: list[int | None] = []

    def add(self, frame: av.VideoFrame) -> None:
        """Note a frame's times."""
        self.pts.append(frame.pts)
        self.dts.append(frame.dts)

    def times(self, stream: av.VideoStream) -> Times:
        """All of them in order (see `data.decoding.frame_times.times_of_frames`)."""
        unsaid = [None] * len(self.pts)
        return times_of_frames(
            self.pts if says_times(stream) else unsaid,
            self.dts if says_times(stream) else unsaid,
            time_base=stream.time_base or Fraction(1, 1000),
            rate=_rate_of(stream),
            clock=clock_of(stream),
        )


def _by_decoding(
    path: Path | str, progress: Callable[[int], object]
) -> tuple[Times, np.ndarray, int, av.VideoFrame]:
    """The times of the frames that come out of a decoder, the places of key frames, how many packets
    failed, and the first frame.
    """
    given, keys, faults = Given(), list[int](), list[str]()
    first: av.VideoFrame | None = None
    with open_video(path) as (container, stream):
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
    """Times of packets, (n,) int64 in their order, and the unit of them in seconds.

    Raw streams carry no times: there the packets count, at the rate that the stream is said to have.
    """
    if None in times:
        return np.arange(len(times)), 1 / _rate_of(stream)
    return np.array(times, np.int64), stream.time_base or Fraction(1, 1000)


def _rate_of(stream: av.VideoStream) -> Fraction:
    """Frames a second that the stream is said to have; 25 where that is no rate of pictures."""
    rate = stream.guessed_rate
    return Fraction(rate) if rate and rate < _NO_RATE else Fraction(25)


def _named(stream: av.VideoStream) -> str:
    context = stream.codec_context
    return f"{context.name} {context.width}x{context.height}" if context else "unknown codec"


def _decoded_alone(stream: av.VideoStream, packet: av.Packet) -> list[av.VideoFrame] | None:
    """The frames of a key packet, None where it is damaged; the decoder is then as it was before."""
    try:
        return packet.decode() + stream.codec_context.decode(None)
    except (av.FFmpegError, ValueError):
        return None
    finally:
        stream.codec_context.flush_buffers()
