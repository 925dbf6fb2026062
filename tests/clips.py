"""Clips whose pixels say which frame they are, written by PyAV for a test."""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

# Pictures of `numbered` carry this many bits, from the most significant one on the left.
_BITS = 10


def write_clip(
    path: Path, *, num_frames: int, width: int = 64, height: int = 48, level: int = 40
) -> Path:
    """A clip with frame k a flat grey of `grey_of(k)`; ``level`` is the first frame's grey."""
    pictures = (np.full((height, width, 3), grey_of(k, level), np.uint8) for k in range(num_frames))
    return write_video(path, pictures, options={"qp": "0", "bf": "2"})


def grey_of(frame: int, level: int = 40) -> int:
    """The grey that marks a frame; 60 of them can be told apart."""
    return level + 3 * frame


def write_classes(folder: Path, *, clips_per_class: int = 6, num_frames: int = 8) -> Path:
    """A folder with the classes ``bright`` and ``dark``."""
    for label, level in (("dark", 20), ("bright", 150)):
        for k in range(clips_per_class):
            write_clip(folder / label / f"{k}.mp4", num_frames=num_frames + k, level=level)
    return folder


def numbered(num_frames: int, *, width: int = 80, height: int = 64) -> Iterable[np.ndarray]:
    """Pictures that carry their number as bright and dark columns, over a texture that moves.

    `number_of` reads it back, also after lossy coding; the texture gives a codec motion to code.
    """
    columns = np.arange(width) * _BITS // width
    texture = np.random.default_rng(0).integers(-30, 31, (height // 2, 2 * width, 3))
    for k in range(num_frames):
        picture = np.empty((height, width, 3), np.int64)
        picture[: height - height // 2] = (np.right_shift(k, _BITS - 1 - columns) % 2 * 150 + 50)[
            :, None
        ]
        picture[height - height // 2 :] = 128 + np.roll(texture, 3 * k, 1)[:, :width]
        yield picture.astype(np.uint8)


def number_of(picture: np.ndarray) -> int:
    """The number in a picture (3, S, S) of `numbered`, stretched to a square."""
    upper = picture[:, : picture.shape[1] // 2 - 1].mean((0, 1))
    bits = np.array([part.mean() > 125 for part in np.array_split(upper, _BITS)])
    return int(bits @ (1 << np.arange(_BITS)[::-1]))


def numbers_of(pixels: np.ndarray) -> list[int]:
    """`number_of` each of (T, 3, S, S)."""
    return [number_of(picture) for picture in pixels]


# Ways to write a clip of `numbered` that differ in what makes reading hard: the order in which
# pictures are stored, where decoding can start, what times are said.
WAYS: dict[str, dict[str, Any]] = {
    "h264.mp4": {"options": {"g": "10", "bf": "2"}},
    "h264.mkv": {"options": {"g": "10", "bf": "2"}},
    "h264.ts": {"options": {"g": "10", "bf": "2"}},
    "h264.avi": {"options": {"g": "10", "bf": "2"}},
    "h264-open-gop.mp4": {
        "options": {"x264-params": "open_gop=1:keyint=10:min-keyint=10:scenecut=0:bframes=3"}
    },
    "h264-open-gop.ts": {
        "options": {"x264-params": "open_gop=1:keyint=10:min-keyint=10:scenecut=0:bframes=3"}
    },
    "hevc-open-gop.mp4": {
        "codec": "libx265",
        "options": {
            "x265-params": "log-level=none:keyint=10:min-keyint=10:bframes=2:open-gop=1:pools=1"
            ":frame-threads=1"
        },
    },
    "mpeg4.avi": {"codec": "mpeg4", "options": {"g": "10", "b": "1M"}},
    "mpeg4-b-frames.avi": {"codec": "mpeg4", "options": {"g": "10", "b": "1M"}, "max_b_frames": 2},
    "mpeg4-b-frames.mp4": {"codec": "mpeg4", "options": {"g": "10", "b": "1M"}, "max_b_frames": 2},
    "mpeg2.ts": {"codec": "mpeg2video", "options": {"g": "10", "b": "1M"}, "max_b_frames": 2},
    "vp8.webm": {
        "codec": "libvpx",
        "options": {"g": "10", "deadline": "realtime", "cpu-used": "8", "b": "300k"},
    },
    "vp9.webm": {
        "codec": "libvpx-vp9",
        "options": {"g": "10", "deadline": "realtime", "cpu-used": "8"},
    },
    "mjpeg.avi": {"codec": "mjpeg", "pix_fmt": "yuvj420p"},
    "animation.gif": {"codec": "gif", "pix_fmt": "rgb8"},
}


def write_way(folder: Path, way: str, *, num_frames: int = 50) -> Path:
    """A clip of `numbered`, written in one of the `WAYS`; skips the test without an encoder."""
    options = WAYS[way]
    if (codec := options.get("codec", "libx264")) not in av.codecs_available:
        pytest.skip(f"this PyAV has no encoder {codec}")
    return write_video(folder / way, numbered(num_frames), **options)


def write_video(
    path: Path,
    pictures: Iterable[np.ndarray],
    *,
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    times: Sequence[int] | None = None,
    time_base: Fraction = Fraction(1, 25),
    options: dict[str, str] | None = None,
    max_b_frames: int | None = None,
    pixel_aspect: Fraction | None = None,
    turn_degrees: int = 0,
    mirrored: bool = False,
    color: tuple[int, int] | None = None,
    container: str | None = None,
    title: str | None = None,
) -> Path:
    """A video of pictures (H, W, 3) uint8, RGB.

    Args:
        times: when each picture is shown, in units of ``time_base``; None: one after the other.
        options: of the encoder, e.g. ``{"g": "10", "bf": "2"}``.
        max_b_frames: for encoders that take no option of it.
        pixel_aspect: width over height of a pixel.
        turn_degrees, mirrored: what a player is asked to do: turn counterclockwise, and mirror left
            and right.
        color: the coefficients (``av.video.reformatter.Colorspace``) and the range (``ColorRange``)
            of the coded colours; pictures are then converted by these.
        container: its name, where the name of the file does not say it.
        title: a text of the file's own.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w", format=container) as output:
        if title is not None:
            output.metadata["title"] = title
        stream = None
        for k, pixels in enumerate(pictures):
            if stream is None:
                stream = output.add_stream(codec, rate=1 / time_base, options=options)
                stream.height, stream.width = pixels.shape[:2]
                stream.pix_fmt = pix_fmt
                stream.thread_count = 1
                stream.codec_context.time_base = time_base
                stream.time_base = time_base
                if max_b_frames is not None:
                    stream.codec_context.max_b_frames = max_b_frames
                if pixel_aspect is not None:
                    stream.codec_context.sample_aspect_ratio = pixel_aspect
                if turn_degrees or mirrored:
                    stream.set_display_rotation(turn_degrees, hflip=mirrored)
                if color is not None:
                    stream.codec_context.colorspace, stream.codec_context.color_range = color
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
            if color is not None:
                space, extent = color
                frame = frame.reformat(
                    format=pix_fmt,
                    dst_colorspace=space,
                    src_color_range=2,
                    dst_color_range=extent,
                )
                frame.colorspace, frame.color_range = space, extent
            frame.pts = k if times is None else times[k]
            frame.time_base = time_base
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return path
