"""What a video file holds, by a scan of its packets: frame times, key frames, size, rate, codec.

n frames, in the order in which they are shown
"""

import os
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np

# Containers of moving pictures that hold their data themselves. Playlists and manifests (hls, dash,
# concat, sdp, image sequences, …), which name further files or addresses, are not among them.
_FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpeg,mpegts,mpegvideo,flv,asf,ogg,gif,apng,mxf,nut,"
    "ivf,h264,hevc,m4v,obu,dv,rm,wtv,y4m,yuv4mpegpipe,vc1,h263,amr,mp3,wav,aac,flac"
)
# A clip is one local file: no address, nor a file that another one names, is ever opened.
_OPTIONS = {"protocol_whitelist": "file", "format_whitelist": _FORMATS}

# Damaged containers can fail at every packet for ever.
MAX_FAULTS = 100


class UnreadableError(Exception):
    """A file that gives no frames, or too few; the message is the reason, in one line."""


class Probe(NamedTuple):
    """What a video file holds, by a scan of its packets; headers are not trusted for it.

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

    @property
    def num_frames(self) -> int:
        """n."""
        return len(self.pts)

    @property
    def seconds(self) -> np.ndarray:
        """(n,) float64: when each frame is shown, from the first one on."""
        return (self.pts - self.pts[0]) * float(self.time_base)

    @property
    def duration_seconds(self) -> float:
        """From the first frame to the end of the last, which is shown as long as is usual."""
        if self.num_frames < 2:
            return 0.0
        return float(self.seconds[-1] + np.median(np.diff(self.seconds)))

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


def probe(path: Path | str) -> Probe:
    """Scan the packets of a file's first video stream.

    One key frame is decoded, for the rotation: PyAV shows that on frames alone.

    Raises:
        UnreadableError: not a video file, or one without a packet of video.
    """
    with open_video(path) as (container, stream):
        packets = Packets(container, stream)
        times: list[int | None] = []
        keys: list[int] = []
        rotation = None
        for packet in packets:
            if packet.size == 0 or packet.is_discard:
                continue
            if packet.is_keyframe:
                keys.append(len(times))
                if rotation is None:
                    rotation = _rotation_of(stream, packet)
            times.append(time_of(packet))
        if not times:
            raise UnreadableError(packets.last_fault or "holds no video packet")
        shown, time_base = when_shown(times, stream)
        pts = np.sort(shown)
        context = stream.codec_context
        name = container.format.name
        return Probe(
            pts=pts,
            keyframes=np.unique(np.searchsorted(pts, shown[keys])),
            time_base=time_base,
            width_px=context.width,
            height_px=context.height,
            codec=context.name,
            container=name.split(",")[0],
            rotation_degrees=rotation or 0,
            pixel_aspect=pixel_aspect(stream),
            times_are_exact=(
                None not in times
                and bool(np.all(np.diff(pts) > 0))
                and not (name == "avi" and context.has_b_frames)
            ),
        )


class open_video:  # noqa: N801 - used as a function is
    """A context manager: a local file's container and its first video stream, to decode alone.

    Raises:
        UnreadableError: not there, no video file, or one whose codec is not known.
    """

    def __init__(self, path: Path | str) -> None:
        # An absolute path behind "file:" is a path to FFmpeg, whatever signs are in it.
        self._url = f"file:{os.path.abspath(path)}"
        if not os.path.isfile(path):
            # A pipe or a device could be waited for without an end.
            raise UnreadableError("no such file")

    def __enter__(self) -> tuple[av.container.InputContainer, av.VideoStream]:
        try:
            self._container = av.open(self._url, options=_OPTIONS, metadata_errors="ignore")
        except av.ArgumentError as error:
            # What FFmpeg says of a container that is not on the list.
            raise UnreadableError("no video file of a kind that is read, or damaged") from error
        except (av.FFmpegError, OSError, ValueError, UnicodeError) as error:
            raise UnreadableError(reason(error)) from error
        try:
            return self._container, self._stream()
        except UnreadableError:
            self._container.close()
            raise

    def _stream(self) -> av.VideoStream:
        streams = [s for s in self._container.streams.video if not _is_cover(s)]
        if not streams:
            raise UnreadableError("holds no video stream")
        if streams[0].codec_context is None:
            raise UnreadableError("is coded in a way for which there is no decoder")
        # One thread a file: data workers bring the parallelism, and no thread is left behind.
        streams[0].thread_type = "SLICE"
        streams[0].codec_context.thread_count = 1
        return streams[0]

    def __exit__(self, *error: object) -> None:
        self._container.close()


class Packets:
    """The packets of a stream from where the container stands; faults are passed over.

    Attributes:
        last_fault: why the latest packet that could not be read was not; None so far.
    """

    def __init__(self, container: av.container.InputContainer, stream: av.VideoStream) -> None:
        self._container, self._stream = container, stream
        self.last_fault: str | None = None

    def __iter__(self):
        faults = 0
        packets = self._container.demux(self._stream)
        while faults < MAX_FAULTS:
            try:
                packet = next(packets)
            except StopIteration:
                return
            except (av.FFmpegError, OSError, ValueError, IndexError) as error:
                # PyAV finds no place (IndexError) for a stream that begins within a damaged file. A
                # generator that raised has ended; the container goes on behind the fault.
                faults += 1
                self.last_fault = reason(error)
                packets = self._container.demux(self._stream)
                continue
            faults = 0
            yield packet


def time_of(packet: av.Packet) -> int | None:
    """When a packet's frame is shown; where the container does not say, when it is decoded."""
    return packet.dts if packet.pts is None else packet.pts


def when_shown(times: Sequence[int | None], stream: av.VideoStream) -> tuple[np.ndarray, Fraction]:
    """Times of packets, (n,) int64 in their order, and the unit of them in seconds.

    Raw streams carry no times: there the packets count, at the rate that the stream is said to have.
    """
    if all(time is None for time in times):
        return np.arange(len(times)), 1 / Fraction(stream.guessed_rate or 25)
    # A packet without a time goes with the one before it, or, at the start, with the one behind.
    latest = next(time for time in times if time is not None)
    known = [latest := latest if time is None else time for time in times]
    return np.array(known, np.int64), stream.time_base or Fraction(1, 1000)


def pixel_aspect(stream: av.VideoStream) -> Fraction:
    """Width over height of a pixel; 1 where nothing sensible is said."""
    aspect = stream.sample_aspect_ratio
    return aspect if aspect and 1 / 8 < aspect < 8 else Fraction(1)


def reason(error: Exception) -> str:
    """One line of an error."""
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return text.splitlines()[0]


def _is_cover(stream: av.VideoStream) -> bool:
    """A still picture attached to music is no video."""
    return bool(stream.disposition & av.stream.Disposition.attached_pic)


def _rotation_of(stream: av.VideoStream, packet: av.Packet) -> int | None:
    try:
        frames = packet.decode() + stream.codec_context.decode(None)
    except (av.FFmpegError, ValueError):
        return None
    finally:
        stream.codec_context.flush_buffers()
    return -frames[0].rotation % 360 if frames else None
