"""Overlay: a copy of a clip with the running answer drawn on it.

H, W height and width of the picture as it is shown

Frames are written as a player shows them, rotated and mirrored where the file says so. They keep
their size and their times, shifted so that the first is shown at 0 s. The copy has no sound.
"""

from collections.abc import Callable, Iterator
from contextlib import closing
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.codec.context import Flags
from av.video.reformatter import ColorRange, Colorspace

from data.decoding.frame_times import usual_step
from data.decoding.opening import UnreadableError, open_video, reason
from data.decoding.probe import Probe, probe
from data.decoding.scaling import orientation_of
from data.decoding.seeking import decode_at
from data.files.atomic_write import written_whole
from data.files.errors import InputError
from pipelines.predict.predictor import Timeline

# Containers that store the times of frames exactly.
SUFFIXES = (".mp4", ".mov", ".m4v")
# The first that this PyAV has is used. Their loss at these settings is hardly visible.
ENCODERS = {
    # No B-frames: frames are stored in the order in which they are shown.
    "libx264": {"crf": "17", "preset": "veryfast", "bf": "0"},
    "libvpx-vp9": {
        "crf": "20",
        "b": "0",
        "deadline": "realtime",
        "cpu-used": "6",
    },
}
# Colour spaces by their numbers in ITU-T H.273, which frames carry.
_SPACES = {
    1: Colorspace.ITU709,
    4: Colorspace.FCC,
    5: Colorspace.ITU601,
    6: Colorspace.SMPTE170M,
    7: Colorspace.SMPTE240M,
    9: Colorspace.BT2020,
}
_UNSPECIFIED = 2


def check_output(output: Path) -> None:
    """Raise an InputError where an overlay cannot or must not be written to a path."""
    check_suffix(output)
    if output.exists():
        raise InputError(
            f"--overlay={output}: exists already and is not overwritten; choose another name, or"
            " remove it"
        )


def check_suffix(output: Path) -> None:
    """Raise an InputError where a path does not end as a video that is written does."""
    if output.suffix.lower() not in SUFFIXES:
        raise InputError(
            f"--overlay={output}: allowed are files ending in {', '.join(SUFFIXES)}; change the"
            " ending"
        )


def write_overlay(clip: Path, output: Path, timeline: Timeline) -> None:
    """Draw on each frame of a clip the answer after the last step at or before it.

    Nothing is drawn on frames before the first step. H.264 in 4:2:0 needs even sizes. A clip with an
    odd height or width keeps its size and is coded in 4:4:4, which some players cannot decode.

    Args:
        clip: the file that was answered.
        output: the file to write, atomically.
        timeline: running answer to the clip.

    Raises:
        InputError: the output exists or cannot be written, or the clip cannot be read.
    """
    check_output(output)
    try:
        found = probe(clip)
        with open_video(clip) as (container, stream), written_whole(output) as place:
            every = decode_at(container, stream, found, np.arange(found.num_frames), may_seek=False)
            _write(place, _timed(every, found), found, timeline)
    except UnreadableError as error:
        raise InputError(f"INPUT={clip}: {error}; give a video file that plays") from error
    except (av.FFmpegError, OSError) as error:
        raise InputError(
            f"--overlay={output}: could not be written ({reason(error)}); choose another place"
        ) from error


def _timed(
    frames: Iterator[tuple[int, av.VideoFrame]], found: Probe
) -> Iterator[tuple[float, av.VideoFrame]]:
    """Each frame and its time in seconds; ``pts`` (from 0 on) and ``duration`` are set."""
    seconds = found.seconds
    usual = round(usual_step(found.pts))
    before: tuple[float, av.VideoFrame] | None = None
    latest = -1
    for place, frame in frames:
        # Encoders refuse two frames at the same time.
        latest = max(round(seconds[place] / found.time_base), latest + 1)
        if before is not None:
            before[1].duration = latest - (before[1].pts or 0)
            yield before
        frame.pts, frame.time_base = latest, found.time_base
        before = float(seconds[place]), frame
    if before is None:
        raise UnreadableError("no frame could be decoded")
    before[1].duration = before[1].duration or usual
    yield before


def _write(
    place: Path,
    frames: Iterator[tuple[float, av.VideoFrame]],
    found: Probe,
    timeline: Timeline,
) -> None:
    assert timeline.seconds is not None
    rate = Fraction(found.frames_per_second or 25).limit_denominator(1001)
    with closing(DrawnFile(place, rate=rate)) as file:
        panel = None
        for seconds, frame in frames:
            if panel is None:
                # The panel imports matplotlib, which takes a second: import it only to draw.
                from pipelines.predict.overlay_panel import Panel

                height, width = file.begin(
                    frame, time_base=found.time_base, pixel_aspect=found.pixel_aspect
                )
                panel = Panel(timeline, height=height, width=width)
            # Number of steps read up to this frame; the margin absorbs rounding.
            num_steps = int(np.searchsorted(timeline.seconds, seconds + 1e-6, side="right"))
            file.add(frame, partial(panel.draw, place=num_steps - 1) if num_steps else None)


class DrawnFile:
    """A video file of frames that are drawn on, one by one.

    Args:
        place: path of the file.
        rate: frames a second, for players that ask.

    Raises:
        InputError: this PyAV has no encoder for it.
    """

    def __init__(self, place: Path, *, rate: Fraction) -> None:
        codec = next((name for name in ENCODERS if name in av.codecs_available), None)
        if codec is None:
            raise InputError(
                f"--overlay: this PyAV has none of the encoders {', '.join(ENCODERS)}; install PyAV"
                " from PyPI"
            )
        # ``file:`` keeps FFmpeg from taking a name with a colon for a URL.
        self._container = av.open(f"file:{place.absolute()}", "w")
        self._stream: Any = self._container.add_stream(codec, rate=rate, options=ENCODERS[codec])
        self._drawer: _Drawer | None = None

    def begin(
        self, first: av.VideoFrame, *, time_base: Fraction, pixel_aspect: Fraction
    ) -> tuple[int, int]:
        """Take size, orientation and colours from the first frame; return height and width."""
        self._drawer = _Drawer(first, time_base, pixel_aspect)
        self._drawer.describe(self._stream)
        return self._drawer.height, self._drawer.width

    def add(self, frame: av.VideoFrame, draw: Callable[[np.ndarray], None] | None) -> None:
        """Write a frame, whose ``pts`` and ``duration`` are set, with what is drawn on its pixels."""
        assert self._drawer is not None
        self._container.mux(self._stream.encode(self._drawer.draw(frame, draw)))

    def close(self) -> None:
        """Write the end of the file."""
        try:
            if self._drawer is not None:
                self._container.mux(self._stream.encode(None))
        finally:
            self._container.close()


class _Drawer:
    """Draws on the frames of a clip; the first frame tells size, orientation and colours."""

    def __init__(self, first: av.VideoFrame, time_base: Fraction, pixel_aspect: Fraction) -> None:
        self.time_base, self.pixel_aspect = time_base, pixel_aspect
        self.coded_size = first.width, first.height
        self.orientation = orientation_of(first)
        self.is_turned = self.orientation[0]
        self.width, self.height = self.coded_size[:: -1 if self.is_turned else 1]
        self.format = "yuv444p" if self.width % 2 or self.height % 2 else "yuv420p"
        space = int(first.colorspace)
        self.space = space if space in _SPACES else _UNSPECIFIED
        is_full = first.format.name.startswith("yuvj")
        self.range = ColorRange.JPEG if is_full else ColorRange(int(first.color_range))
        self.primaries, self.transfer = int(first.color_primaries), int(first.color_trc)

    def describe(self, stream: Any) -> None:
        """Set size, format, times and colours of a stream, before its first frame is encoded."""
        context = stream.codec_context
        stream.width, stream.height, stream.pix_fmt = self.width, self.height, self.format
        context.time_base = stream.time_base = self.time_base
        # Without this flag the last frame would be shown for the usual duration, not for its own.
        context.flags |= Flags.frame_duration
        aspect = self.pixel_aspect
        context.sample_aspect_ratio = 1 / aspect if self.is_turned else aspect
        context.color_range = self.range
        if self.space != _UNSPECIFIED:
            context.colorspace = self.space
        context.color_primaries, context.color_trc = self.primaries, self.transfer

    def draw(
        self, frame: av.VideoFrame, draw: Callable[[np.ndarray], None] | None
    ) -> av.VideoFrame:
        """New frame with what is drawn on its pixels (H, W, 3) uint8."""
        width, height = self.coded_size
        # The size may change within the clip, but not within the written file.
        pixels: np.ndarray = frame.to_ndarray(format="rgb24", width=width, height=height)
        turned, mirror_rows, mirror_columns = self.orientation
        pixels = pixels.swapaxes(0, 1) if turned else pixels
        pixels = pixels[:: -1 if mirror_rows else 1, :: -1 if mirror_columns else 1]
        pixels = np.array(pixels, order="C")
        if draw is not None:
            draw(pixels)
        drawn = av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(
            format=self.format,
            dst_colorspace=_SPACES.get(self.space),
            src_color_range=ColorRange.JPEG,
            dst_color_range=self.range,
        )
        drawn.colorspace, drawn.color_range = self.space, self.range
        drawn.pts, drawn.time_base, drawn.duration = frame.pts, frame.time_base, frame.duration
        return drawn
