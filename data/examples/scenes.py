"""Embedded example of captions: short clips of one or two shapes, and sentences that say what happens.

Each scene has its reverse in the same part: the same frames, played backwards, with the sentences of
the opposite actions in the opposite order. A model that ignores the order of frames gives both the same
caption, and is right about one of them at most.

T frames of a clip · H, W height and width
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

SIZE_PX = 64
SEED = 20240229
#: scenes of each part; each gives two clips
SIZES = {"train": 2_000, "val": 100, "test": 200}

COLORS = {
    "red": (0.85, 0.15, 0.15),
    "green": (0.15, 0.70, 0.20),
    "blue": (0.20, 0.30, 0.90),
    "yellow": (0.95, 0.85, 0.15),
    "white": (0.97, 0.97, 0.97),
}
SHAPES = ("circle", "square", "triangle", "cross")
OPPOSITES = {"right": "left", "up": "down", "growing": "shrinking"}
OPPOSITES |= {later: earlier for earlier, later in OPPOSITES.items()}
ACTIONS = tuple(OPPOSITES)
_RADII_PX = {"small": 8.0, "large": 14.0}
_FRAMES_PER_ACTION = (3, 5)
# The least distance between a shape and the frame's edge.
_GAP_PX = 2.0
_DIRECTIONS = {"right": (1, 0), "left": (-1, 0), "down": (0, 1), "up": (0, -1)}


class Actor(NamedTuple):
    """A shape that acts."""

    color: str
    shape: str
    size: str | None
    """``small`` or ``large``; None for a shape that grows or shrinks."""
    actions: tuple[str, ...]
    """One or two of `ACTIONS`, in their order."""

    @property
    def reverse(self) -> "Actor":
        """The same shape, seen backwards in time."""
        return self._replace(actions=tuple(OPPOSITES[one] for one in reversed(self.actions)))


class Scene(NamedTuple):
    """One or two shapes that act one after the other; each is seen while it acts."""

    actors: tuple[Actor, ...]

    @property
    def reverse(self) -> "Scene":
        """The scene played backwards."""
        return Scene(tuple(actor.reverse for actor in reversed(self.actors)))

    @property
    def sentences(self) -> list[str]:
        """Three wordings of what happens, in order."""
        return [
            ", then ".join(_plain(actor) for actor in self.actors),
            " and then ".join(_definite(actor) for actor in self.actors),
            ", after that ".join(_relative(actor) for actor in self.actors),
        ]


def _plain(actor: Actor) -> str:
    verbs = {
        "right": "moves to the right", "left": "moves to the left", "up": "moves up",
        "down": "moves down", "growing": "grows", "shrinking": "shrinks",
    }  # fmt: skip
    named = " ".join(filter(None, [actor.size, actor.color, actor.shape]))
    return f"a {named} " + ", then ".join(verbs[one] for one in actor.actions)


def _definite(actor: Actor) -> str:
    verbs = {
        "right": "goes right", "left": "goes left", "up": "goes up", "down": "goes down",
        "growing": "gets bigger", "shrinking": "gets smaller",
    }  # fmt: skip
    named = " ".join(filter(None, [actor.size, actor.color, actor.shape]))
    return f"the {named} " + " and then ".join(verbs[one] for one in actor.actions)


def _relative(actor: Actor) -> str:
    verbs = {
        "right": "slides rightwards", "left": "slides leftwards", "up": "rises", "down": "sinks",
        "growing": "becomes larger", "shrinking": "becomes smaller",
    }  # fmt: skip
    looks = " and ".join(filter(None, [actor.color, actor.size]))
    doing = ", after that ".join(verbs[one] for one in actor.actions)
    return f"one {actor.shape}, {looks}, {doing}"


def draw_scene(generator: np.random.Generator) -> Scene:
    """Draw a scene: one shape with one or two actions, or two shapes with one each."""
    kind = generator.integers(3)
    if kind == 2:
        colors = generator.permutation(list(COLORS))[:2]
        return Scene(tuple(_draw_actor(generator, 1, str(color)) for color in colors))
    color = _pick(generator, list(COLORS))
    return Scene((_draw_actor(generator, 1 + int(kind), color),))


def _draw_actor(generator: np.random.Generator, num_actions: int, color: str) -> Actor:
    actions = [_pick(generator, ACTIONS)]
    if num_actions == 2:
        # An action and its opposite would be their own reverse.
        others = [one for one in ACTIONS if one not in (actions[0], OPPOSITES[actions[0]])]
        actions.append(_pick(generator, others))
    changes_size = any(one in ("growing", "shrinking") for one in actions)
    size = None if changes_size else _pick(generator, list(_RADII_PX))
    return Actor(color, _pick(generator, SHAPES), size, tuple(actions))


def render_scene(scene: Scene, generator: np.random.Generator) -> npt.NDArray[np.uint8]:
    """Draw the frames of a scene: uint8 (T, H, W, 3), RGB.

    T is between 3 and 5 for each action. A shape is seen while it acts. The background is dark and a
    little uneven.
    """
    centers_px = np.arange(SIZE_PX, dtype=np.float32) + 0.5
    y_px, x_px = np.meshgrid(centers_px, centers_px, indexing="ij")
    slope = generator.uniform(-0.08, 0.08, size=2)
    shade = generator.uniform(0.08, 0.25, size=3)
    uneven = (x_px / SIZE_PX - 0.5) * slope[0] + (y_px / SIZE_PX - 0.5) * slope[1]
    background = (shade + uneven[..., None]).astype(np.float32)
    pieces = []
    for actor in scene.actors:
        track = _draw_track(actor, generator).astype(np.float32)
        color = np.array(COLORS[actor.color], np.float32) * np.float32(generator.uniform(0.85, 1.0))
        x, y, radius = (track[:, k, None, None] for k in range(3))
        edge_px = _distance(actor.shape, (x_px - x) / radius, (y_px - y) / radius) * radius
        coverage = np.clip(0.5 - edge_px, 0.0, 1.0)[..., None]
        pieces.append(background + coverage * (color - background))
    return np.rint(np.clip(np.concatenate(pieces), 0.0, 1.0) * 255).astype(np.uint8)


def _draw_track(actor: Actor, generator: np.random.Generator) -> npt.NDArray[np.float64]:
    """Centre and radius in each frame, (T, 3), in pixels, within the frame."""
    counts = generator.integers(*_FRAMES_PER_ACTION, size=len(actor.actions), endpoint=True)
    shrinks = "shrinking" in actor.actions
    radius = _RADII_PX[actor.size or ("large" if shrinks else "small")]
    while True:
        state = np.array([*generator.uniform(radius, SIZE_PX - radius, size=2), radius])
        pieces = []
        for action, count in zip(actor.actions, counts, strict=True):
            change = np.zeros(3)
            if action in _DIRECTIONS:
                travel_px = generator.uniform(0.3, 0.6) * SIZE_PX
                change[:2] = np.array(_DIRECTIONS[action]) * travel_px
            else:
                ratio = generator.uniform(1.6, 2.0)
                change[2] = state[2] * ((ratio if action == "growing" else 1 / ratio) - 1)
            pieces.append(state + np.linspace(0.0, 1.0, count)[:, None] * change)
            state = state + change
        track = np.concatenate(pieces)
        room_px = np.minimum(track[:, :2], SIZE_PX - track[:, :2]).min(1) - track[:, 2]
        if room_px.min() >= _GAP_PX:
            return track


def _distance(shape: str, x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]) -> np.ndarray:
    """Signed distance to the outline of a shape that fits a circle of radius 1, negative inside."""
    if shape == "circle":
        return np.hypot(x, y) - 1.0
    if shape == "square":
        return np.maximum(np.abs(x), np.abs(y)) - 0.8
    if shape == "cross":
        longer, shorter = np.maximum(np.abs(x), np.abs(y)), np.minimum(np.abs(x), np.abs(y))
        return np.maximum(longer - 0.95, shorter - 0.3)
    sides = [x * np.cos(a) + y * np.sin(a) for a in np.pi / 6 + 2 * np.pi / 3 * np.arange(3)]
    return np.maximum.reduce(sides) - 0.5


def _pick(generator: np.random.Generator, options: Sequence[str]) -> str:
    return options[int(generator.integers(len(options)))]
