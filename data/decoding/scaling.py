"""Scaling of decoded frames to the square of pixels that a model reads.

H, W height and width of a decoded frame · S of the square

Frames come out as a player would display them: with square pixels, rotated and mirrored.
"""

from fractions import Fraction
from typing import Any, Literal, NamedTuple

import av
import numpy as np
from av.video.reformatter import VideoReformatter

Fit = Literal["crop", "letterbox", "stretch"]
Interpolation = Literal["area", "bilinear", "fast"]

# Names in swscale. "area" averages the source pixels of each target pixel. "fast" reads only four of
# them, as OpenCV's default does: it is quicker and can cause aliasing.
_FLAGS = {"area": "AREA", "bilinear": "BILINEAR", "fast": "FAST_BILINEAR"}

# Formats with colour at half the resolution of brightness, as nearly every video has.
_HALF_COLOUR = ("yuv420p", "yuvj420p", "nv12", "nv21")


class FrameScaler:
    """Scaler for the frames of one file, which keeps swscale's tables from frame to frame.

    Frames with colour at half resolution are scaled first and then converted to RGB. That takes a
    third less time than one call of swscale for both, which is not vectorised as well.

    Args:
        size_px: S.
        fit: way to make a picture square: ``crop`` scales the shorter side and crops the longer one
            about its centre, ``letterbox`` scales the longer side and pads with black, ``stretch``
            scales both.
        interpolation: ``area`` (averages), ``bilinear`` (a wider triangle) or ``fast``.
        pixel_aspect: width over height of a pixel of the source.
    """

    def __init__(
        self,
        *,
        size_px: int,
        fit: Fit = "crop",
        interpolation: Interpolation = "area",
        pixel_aspect: Fraction = Fraction(1),
    ) -> None:
        self.size_px, self.fit, self.pixel_aspect = size_px, fit, pixel_aspect
        self._flags = _FLAGS[interpolation]
        self._scale, self._convert = VideoReformatter(), VideoReformatter()
        self._planned_for: tuple[int, int, int] | None = None
        self._plan: _Plan

    def __call__(self, frame: av.VideoFrame, square: np.ndarray) -> None:
        """Draw a frame into ``square`` (S, S, 3) uint8, RGB. No reference to the frame is kept."""
        kind = (frame.width, frame.height, frame.rotation)
        if kind != self._planned_for:
            # A stream may change its size. Reading the display matrix of each frame would take as
            # long as scaling a small one, so it is read once for each size.
            self._planned_for, self._plan = kind, self._plan_for(frame)
        plan = self._plan
        pixels = self._rgb(frame, plan.height, plan.width)
        if plan.orientation != _UPRIGHT:
            turned, mirror_rows, mirror_columns = plan.orientation
            pixels = pixels.swapaxes(0, 1) if turned else pixels
            pixels = pixels[:: -1 if mirror_rows else 1, :: -1 if mirror_columns else 1]
        if self.fit == "letterbox":
            square[:] = 0
            square[plan.rows, plan.columns] = pixels
        else:
            square[:] = pixels[plan.rows, plan.columns]

    def _plan_for(self, frame: av.VideoFrame) -> "_Plan":
        orientation = orientation_of(frame)
        height, width = self.scaled_size(frame.height, frame.width)
        shown = (width, height) if orientation[0] else (height, width)
        # Slices of the picture for a crop, or of the square for a letterbox.
        rows, columns = (
            slice(start := abs(length - self.size_px) // 2, start + min(length, self.size_px))
            for length in shown
        )
        return _Plan(height, width, orientation, rows, columns)

    def scaled_size(self, height: int, width: int) -> tuple[int, int]:
        """Height and width to scale a frame of H × W to, before rotation and cropping."""
        size = self.size_px
        if self.fit == "stretch":
            return size, size
        wide, high = width * float(self.pixel_aspect), float(height)
        side = min(wide, high) if self.fit == "crop" else max(wide, high)
        longest = size if self.fit == "letterbox" else 64 * size
        scaled = [max(min(round(length * size / side), longest), 1) for length in (high, wide)]
        # The longer side of a crop is even: odd widths take swscale's slow paths.
        if self.fit == "crop":
            scaled = [length if length <= size else length + length % 2 for length in scaled]
        return scaled[0], scaled[1]

    def _rgb(self, frame: av.VideoFrame, height: int, width: int) -> np.ndarray:
        """Scale and convert a frame to RGB (height, width, 3), a view that keeps its memory alive."""
        options: dict[str, Any] = {
            "width": width,
            "height": height,
            "interpolation": self._flags,
            "threads": 1,
        }
        if frame.format.name.startswith(_HALF_COLOUR):
            frame = self._scale.reformat(frame, format="yuv420p", **options)
        frame = self._convert.reformat(frame, format="rgb24", **options)
        plane = frame.planes[0]
        # Rows are padded to the line size.
        rows = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)[:height]
        return rows[:, : width * 3].reshape(height, width, 3)


class _Plan(NamedTuple):
    """Plan for frames of one size: scaled size, orientation, and slices."""

    height: int
    width: int
    orientation: tuple[bool, bool, bool]
    rows: slice
    columns: slice


_UPRIGHT = (False, False, False)
# By quarters of a turn, clockwise.
_TURNED = {1: (True, False, True), 2: (False, True, True), 3: (True, True, False)}


def orientation_of(frame: av.VideoFrame) -> tuple[bool, bool, bool]:
    """Tell whether to swap rows and columns, and then to mirror rows and columns, for display.

    The display matrix says x' = a x + c y and y' = b x + d y, in 16.16 fixed point
    (libavutil/display.h). Rotations are rounded to right angles.
    """
    try:
        side_data: Any = frame.side_data.get("DISPLAYMATRIX")
    except ValueError:
        # Pictures with EXIF bring side data of a kind that PyAV cannot list. It still tells their
        # rotation, but not whether they are mirrored.
        return _TURNED.get(round(-frame.rotation / 90) % 4, _UPRIGHT)
    if side_data is None:
        return _UPRIGHT
    a, b, _, c, d, *_ = np.frombuffer(memoryview(side_data), np.int32).tolist()
    if abs(b) + abs(c) > abs(a) + abs(d):
        return True, b < 0, c < 0
    return False, d < 0, a < 0
