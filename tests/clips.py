"""Clips whose pixels say which frame they are, written by PyAV for a test."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np


def write_clip(
    path: Path, *, num_frames: int, width: int = 64, height: int = 48, level: int = 40
) -> Path:
    """A clip with frame k a flat grey of `grey_of(k)`; ``level`` is the first frame's grey."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"qp": "0", "bf": "2"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.time_base = Fraction(1, 25)
        for k in range(num_frames):
            pixels = np.full((height, width, 3), grey_of(k, level), np.uint8)
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts = k
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def grey_of(frame: int, level: int = 40) -> int:
    """The grey that marks a frame; 60 of them can be told apart."""
    return level + 3 * frame


def write_classes(folder: Path, *, clips_per_class: int = 6, num_frames: int = 8) -> Path:
    """A folder with the classes ``bright`` and ``dark``."""
    for label, level in (("dark", 20), ("bright", 150)):
        for k in range(clips_per_class):
            write_clip(folder / label / f"{k}.mp4", num_frames=num_frames + k, level=level)
    return folder
