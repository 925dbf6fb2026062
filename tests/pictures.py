"""Pictures whose pixels say what they are, written for a test."""

from pathlib import Path

import numpy as np
from PIL import Image


def quarters(*, width: int = 48, height: int = 32) -> np.ndarray:
    """A picture (H, W, 3) with a quarter each of red, green, blue and white, row by row."""
    pixels = np.full((height, width, 3), 255, np.uint8)
    pixels[: height // 2, : width // 2] = (255, 0, 0)
    pixels[: height // 2, width // 2 :] = (0, 255, 0)
    pixels[height // 2 :, : width // 2] = (0, 0, 255)
    return pixels


def write_picture(path: Path, pixels: np.ndarray | None = None, **options: object) -> Path:
    """Write a picture in the format of its suffix."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(quarters() if pixels is None else pixels).save(path, **options)
    return path
