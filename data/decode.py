"""Reading video files with PyAV: what a file holds, and its frames.

T frames · H, W their size in pixels

One decoding thread and one reformatter a file (scaling and RGB conversion in a single call): data
workers bring the parallelism, and a file closed leaves no thread behind.
"""

from pathlib import Path
from typing import Literal, NamedTuple

import av
import numpy as np
from av.video.reformatter import VideoReformatter

Fit = Literal["crop", "letterbox", "stretch"]

# A clip is a local file. Without this a playlist could make FFmpeg open network addresses.
_OPTIONS = {"protocol_whitelist": "file"}


class UnreadableError(Exception):
    """A file that gives no frames; the message is the reason, in one line."""


class Probe(NamedTuple):
    """What a video file holds, by a scan of its packets; nothing is decoded."""

    num_frames: int
    width_px: int
    height_px: int
    frames_per_second: float
    codec: str


def probe(path: Path) -> Probe:
    """Scan the packets of a file's first video stream; headers are not trusted for the count.

    Raises:
        UnreadableError: not a video file, or one without a packet of video.
    """
    with _open(path) as container:
        stream = _video_stream(container)
        num_frames = 0
        try:
            for packet in container.demux(stream):
                num_frames += packet.size > 0
        except av.FFmpegError:
            pass  # cut off within a packet: what came before counts
        if num_frames == 0:
            raise UnreadableError("holds no video packet")
        context = stream.codec_context
        rate = float(stream.average_rate or 0)
        return Probe(num_frames, context.width, context.height, rate, context.name)


def read_frames(
    path: Path, *, size_px: int, fit: Fit = "crop", max_frames: int | None = None
) -> np.ndarray:
    """Decode a clip to its end.

    Args:
        path: a local video file.
        size_px: height and width of the frames returned.
        fit: how a frame comes to be square: ``crop`` scales the shorter side and cuts the longer
            one about its centre, ``letterbox`` scales the longer side and fills up with black,
            ``stretch`` scales both.
        max_frames: stop after so many; None reads the whole clip.

    Returns:
        (T, size_px, size_px, 3) uint8, RGB.

    Raises:
        UnreadableError: no frame could be decoded. Damage within the stream costs the packets it
            hits; decoding goes on behind it.
    """
    frames: list[np.ndarray] = []
    last_error = "no frame could be decoded"
    with _open(path) as container:
        stream = _video_stream(container)
        stream.thread_type = "SLICE"
        stream.codec_context.thread_count = 1
        reformatter = VideoReformatter()
        packets = container.demux(stream)
        while max_frames is None or len(frames) < max_frames:
            try:
                packet = next(packets)
                decoded = packet.decode()
            except StopIteration:
                break
            except av.FFmpegError as error:
                last_error = _reason(error)
                if isinstance(error, av.EOFError):
                    break
                continue
            for frame in decoded:
                frames.append(_to_square(frame, reformatter, size_px, fit))
    if not frames:
        raise UnreadableError(last_error)
    return np.stack(frames[:max_frames])


def _to_square(
    frame: av.VideoFrame, reformatter: VideoReformatter, size_px: int, fit: Fit
) -> np.ndarray:
    width, height = size_px, size_px
    if fit != "stretch":
        side = min(frame.width, frame.height) if fit == "crop" else max(frame.width, frame.height)
        width = max(round(frame.width * size_px / side), 1)
        height = max(round(frame.height * size_px / side), 1)
    scaled = reformatter.reformat(
        frame, width=width, height=height, format="rgb24", interpolation="BILINEAR", threads=1
    )
    plane = scaled.planes[0]
    # Rows are padded to the line size. The view is copied below, so that no VideoFrame stays alive.
    rows = np.frombuffer(memoryview(plane), np.uint8).reshape(height, plane.line_size)
    pixels = rows[:, : width * 3].reshape(height, width, 3)
    if fit == "letterbox":
        square = np.zeros((size_px, size_px, 3), np.uint8)
        top, left = (size_px - height) // 2, (size_px - width) // 2
        square[top : top + height, left : left + width] = pixels
        return square
    top, left = (height - size_px) // 2, (width - size_px) // 2
    return pixels[top : top + size_px, left : left + size_px].copy()


def _open(path: Path) -> av.container.InputContainer:
    try:
        return av.open(str(path), options=_OPTIONS, metadata_errors="ignore")
    except av.FFmpegError as error:
        raise UnreadableError(_reason(error)) from error


def _video_stream(container: av.container.InputContainer) -> av.VideoStream:
    if not container.streams.video:
        raise UnreadableError("holds no video stream")
    return container.streams.video[0]


def _reason(error: av.FFmpegError) -> str:
    return (error.strerror or type(error).__name__).splitlines()[0]
