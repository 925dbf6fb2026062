"""Rendering of the embedded video example: one textured shape that moves over a background.

The classes are pairs of opposites in time. Both classes of a pair draw the same motion, and the second
plays it backwards, so that the sets of their frames are equal by construction.

Every motion is a cycle: a shape that leaves on one side enters again on the other, one that has grown
to full size dissolves and starts small again, and one that rotates comes round. A clip begins anywhere
in its cycle. Each frame, also the first and the last, is thus equally likely at every phase: no frame
alone shows the direction, only their order does.

T frames of the clip · H, W height and width
"""

from __future__ import annotations

import colorsys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.floating]

MOTION_PAIRS = (
    ("left_to_right", "right_to_left"),
    ("upwards", "downwards"),
    ("growing", "shrinking"),
    ("clockwise", "anticlockwise"),
)
CLASSES = tuple(label for pair in MOTION_PAIRS for label in pair)
SHAPES = ("disc", "ring", "square", "triangle", "cross", "star")
TEXTURES = ("stripes", "checks", "dots", "waves")

FRAME_SIZE_PX = 64
MIN_FRAMES, MAX_FRAMES = 16, 64
# Far enough to be visible, and less than one cycle, so that no clip repeats itself. With 16 to 64
# frames a clip, speeds differ by a factor of eight.
MIN_TRAVEL_CYCLES, MAX_TRAVEL_CYCLES = 0.4, 0.8


@dataclass(frozen=True)
class _Track:
    """Position, size, angle and opacity of the shape in each frame; each field is (T,)."""

    center_x_px: FloatArray
    center_y_px: FloatArray
    radius_px: FloatArray
    angle_radians: FloatArray
    opacity: FloatArray


def pair_of(label: str) -> int:
    """Find the row of `MOTION_PAIRS` that holds `label`.

    Raises:
        ValueError: if `label` is not one of `CLASSES`.
    """
    for pair, labels in enumerate(MOTION_PAIRS):
        if label in labels:
            return pair
    raise ValueError(f"unknown class {label!r}; the classes are {', '.join(CLASSES)}")


def render_clip(label: str, seed: np.random.SeedSequence | int) -> npt.NDArray[np.uint8]:
    """Draw one clip. The same seed with the opposite label gives the same frames in reverse.

    Args:
        label: one of `CLASSES`.
        seed: seed of all else: length, shape, size, texture, colours, position and speed.

    Returns:
        uint8 (T, H, W, 3), RGB, with H = W = `FRAME_SIZE_PX` and T from 16 to 64 frames.

    Raises:
        ValueError: if `label` is not one of `CLASSES`.
    """
    pair = pair_of(label)
    rng = np.random.default_rng(seed)
    num_frames = int(rng.integers(MIN_FRAMES, MAX_FRAMES + 1))
    track = _draw_track(MOTION_PAIRS[pair][0], num_frames, rng)
    # The centre of pixel 0 lies at 0.5.
    centers_px = np.arange(FRAME_SIZE_PX, dtype=np.float32) + 0.5
    y_px, x_px = np.meshgrid(centers_px, centers_px, indexing="ij")

    hue = rng.random()
    shape_hue = hue + rng.uniform(0.25, 0.75)
    # Shape and background differ in brightness, so that the shape is visible for all hues.
    if rng.random() < 0.5:
        background_lumas, shape_lumas = (0.14, 0.24), (0.50, 0.80)
    else:
        background_lumas, shape_lumas = (0.86, 0.74), (0.18, 0.40)
    background = _paint(x_px, y_px, hue, background_lumas, (0.2, 0.5), (10.0, 24.0), rng)

    # In the shape's own coordinates its radius is 1: the texture moves, rotates and grows with the
    # shape, as on a rigid body.
    radius_px = _per_frame(track.radius_px)
    cos = np.cos(_per_frame(track.angle_radians)) / radius_px
    sin = np.sin(_per_frame(track.angle_radians)) / radius_px
    x_px, y_px = x_px - _per_frame(track.center_x_px), y_px - _per_frame(track.center_y_px)
    x, y = x_px * cos + y_px * sin, y_px * cos - x_px * sin
    shape = _paint(x, y, shape_hue, shape_lumas, (0.6, 1.0), (0.6, 1.1), rng)

    # Edges are one pixel wide, as if each pixel averaged its area. Motion blur is left out: it would
    # be the same forwards and backwards, and would only hide the shape.
    distance_px = _signed_distance(_pick(SHAPES, rng), x, y) * radius_px
    coverage = np.clip(0.5 - distance_px, 0.0, 1.0) * _per_frame(track.opacity)
    frames = background + coverage[..., None] * (shape - background)
    forwards = np.rint(frames * 255.0).astype(np.uint8)
    return forwards if label == MOTION_PAIRS[pair][0] else np.ascontiguousarray(forwards[::-1])


def _draw_track(motion: str, num_frames: int, rng: np.random.Generator) -> _Track:
    """Draw the track of the first motion of a pair: a part of its cycle from a random phase on."""
    travel_cycles = rng.uniform(MIN_TRAVEL_CYCLES, MAX_TRAVEL_CYCLES)
    cycles = rng.random() + np.linspace(0.0, travel_cycles, num_frames)
    phase = cycles % 1.0
    still = np.ones(num_frames)
    radius_px = rng.uniform(7.0, 13.0)
    angle_radians = rng.uniform(0.0, 2.0 * np.pi)

    if motion in ("left_to_right", "upwards"):
        # From just outside one side to just outside the other.
        along_px = phase * (FRAME_SIZE_PX + 2.0 * radius_px) - radius_px
        across_px = rng.uniform(12.0, FRAME_SIZE_PX - 12.0) * still
        if motion == "left_to_right":
            x_px, y_px = along_px, across_px
        else:  # y points down
            x_px, y_px = across_px, FRAME_SIZE_PX - along_px
        return _Track(x_px, y_px, radius_px * still, angle_radians * still, still)

    if motion == "growing":
        x_px, y_px = rng.uniform(24.0, FRAME_SIZE_PX - 24.0, size=2)
        growing_px = 3.0 * (30.0 / 3.0) ** phase
        # The shape dissolves at full size, as those of the other motions leave the frame.
        opacity = np.clip((1.0 - phase) / 0.12, 0.0, 1.0)
        return _Track(x_px * still, y_px * still, growing_px, angle_radians * still, opacity)

    # The shape rotates about a pivot outside its centre, so that the motion of a round shape is
    # visible too. The angle grows clockwise since y points down.
    pivot_x_px, pivot_y_px = FRAME_SIZE_PX / 2.0 + rng.uniform(-5.0, 5.0, size=2)
    orbit_px = rng.uniform(10.0, 17.0)
    turn_radians = 2.0 * np.pi * cycles
    x_px = pivot_x_px + orbit_px * np.cos(turn_radians)
    y_px = pivot_y_px + orbit_px * np.sin(turn_radians)
    return _Track(x_px, y_px, radius_px * still, angle_radians + turn_radians, still)


def _per_frame(values: FloatArray) -> npt.NDArray[np.float32]:
    """Reshape (T,) to (T, 1, 1), to broadcast over the pixels of each frame."""
    return values.astype(np.float32)[:, None, None]


def _pick(options: Sequence[str], rng: np.random.Generator) -> str:
    return options[int(rng.integers(len(options)))]


def _paint(
    x: FloatArray,
    y: FloatArray,
    hue: float,
    lumas: tuple[float, float],
    saturations: tuple[float, float],
    periods: tuple[float, float],
    rng: np.random.Generator,
) -> FloatArray:
    """Paint a texture of two colours of similar hue: (..., H, W) coordinates to (..., H, W, 3)."""
    first, second = (
        _color(hue + rng.uniform(-0.05, 0.05), rng.uniform(*saturations), luma) for luma in lumas
    )
    mix = _texture(_pick(TEXTURES, rng), x, y, rng.uniform(*periods), rng.uniform(0.0, np.pi))
    return first + mix[..., None] * (second - first)


def _color(hue: float, saturation: float, luma: float) -> npt.NDArray[np.float32]:
    """Make a colour of a hue, mixed with black or white to reach a luma: RGB in 0..1."""
    rgb = np.array(colorsys.hsv_to_rgb(hue % 1.0, saturation, 1.0), dtype=np.float32)
    pure_luma = float(rgb @ np.array([0.299, 0.587, 0.114], dtype=np.float32))
    if pure_luma >= luma:
        return rgb * np.float32(luma / pure_luma)
    return rgb + (1 - rgb) * np.float32((luma - pure_luma) / (1.0 - pure_luma))


def _texture(
    texture: str, x: FloatArray, y: FloatArray, period: float, angle_radians: float
) -> FloatArray:
    """Share of the second colour at each point, 0..1, with soft edges."""
    frequency = np.float32(2.0 * np.pi / period)
    cos = np.float32(np.cos(angle_radians)) * frequency
    sin = np.float32(np.sin(angle_radians)) * frequency
    u, v = x * cos + y * sin, y * cos - x * sin
    if texture == "stripes":
        wave = np.sin(u)
    elif texture == "checks":
        wave = 1.5 * np.sin(u) * np.sin(v)
    elif texture == "dots":
        wave = np.cos(u) + np.cos(v) - 0.6
    else:
        wave = np.sin(u + 1.5 * np.sin(0.7 * v))
    return np.clip(0.5 + 1.2 * wave, 0.0, 1.0)


def _signed_distance(shape: str, x: FloatArray, y: FloatArray) -> FloatArray:
    """Signed distance to the outline of a shape of radius 1, negative inside."""
    if shape == "disc":
        return np.hypot(x, y) - 1.0
    if shape == "ring":
        return np.abs(np.hypot(x, y) - 0.7) - 0.3
    if shape == "square":
        return np.maximum(np.abs(x), np.abs(y)) - 0.8
    if shape == "cross":
        longer, shorter = np.maximum(np.abs(x), np.abs(y)), np.minimum(np.abs(x), np.abs(y))
        return np.maximum(longer - 0.95, shorter - 0.35)
    num_sides, apothem = (3, 0.5) if shape == "triangle" else (5, 0.38)
    normals = 2.0 * np.pi / num_sides * np.arange(num_sides)
    sides = np.stack([x * np.float32(np.cos(a)) + y * np.float32(np.sin(a)) for a in normals])
    sides -= np.float32(apothem)
    # A point inside a triangle is behind all sides; inside a five-pointed star, behind at least four.
    return sides.max(axis=0) if shape == "triangle" else np.sort(sides, axis=0)[-2]
