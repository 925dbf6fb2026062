"""Pictures of units: a text coloured by one, gates step by step, heat maps, frames over curves.

Texts and gates are returned as values for the template ``coloured_text.html``.

W steps of the window · S height and width of a frame
"""

from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from pipelines.pages.figures import dress
from pipelines.pages.palette import BLUE, GREY, GRID, NUM_LEVELS, RED, SPINE

MAX_FRAMES = 12
#: by name: role of a gate or state, and its lower and upper bound; None: unbounded
ROLES: dict[str, tuple[str, tuple[float, float] | None]] = {
    "i": ("input gate", (0, 1)),
    "f": ("forget gate", (0, 1)),
    "g": ("candidate", (-1, 1)),
    "o": ("output gate", (0, 1)),
    "r": ("reset gate", (0, 1)),
    "z": ("update gate", (0, 1)),
    "n": ("candidate", (-1, 1)),
    "c": ("cell state", None),
    "h": ("hidden state", (-1, 1)),
}
_SIGNS = {" ": "·", "\n": "↵", "\t": "⇥"}


class Scale(NamedTuple):
    """Mapping of values to colours."""

    low: float
    """Full red at this value and below."""
    middle: float
    """No colour at this value."""
    high: float
    """Full blue at this value and above."""


class Stretch(NamedTuple):
    """Part of a text, cut into steps."""

    text: str
    """Whole text; the steps need not cover it."""
    starts: np.ndarray
    """(W,) index of the first character of each step."""
    ends: np.ndarray
    """(W,) index behind the last character of each step."""


class Run(NamedTuple):
    """Consecutive characters with the same colour and underline."""

    text: str
    level: int
    """Strength of the colour, see `levels_of`."""
    is_marked: bool
    """True if they are underlined."""


def coloured_text(
    stretch: Stretch, values: np.ndarray, *, scale: Scale, holds: np.ndarray | None
) -> list[Run]:
    """Colour the steps of a text by a unit's values, and underline those at which a track holds.

    Args:
        stretch: the text, whose layout is kept.
        values: (W,) of the unit.
        scale: mapping of values to colours.
        holds: (W,) bool; None underlines nothing.
    """
    pieces: list[tuple[tuple[int, bool], str]] = []
    place = int(stretch.starts[0])
    levels = levels_of(values, scale)
    marked = np.zeros(len(values), bool) if holds is None else holds
    for start, end, level, mark in zip(stretch.starts, stretch.ends, levels, marked, strict=True):
        if start > place:
            pieces.append(((0, False), stretch.text[place:start]))
        pieces.append(((int(level), bool(mark)), stretch.text[max(start, place) : end]))
        place = max(int(end), place)
    return [
        Run("".join(text for _, text in some), *look)
        for look, some in groupby(pieces, key=lambda piece: piece[0])
    ]


def levels_of(values: np.ndarray, scale: Scale) -> np.ndarray:
    """Map values (…) to int64 colour levels: -`NUM_LEVELS` full red, 0 none, `NUM_LEVELS` full blue."""
    away = values - scale.middle
    reach = np.where(away < 0, scale.middle - scale.low, scale.high - scale.middle)
    shares = np.clip(away / np.maximum(reach, 1e-12), -1, 1)
    return np.round(shares * NUM_LEVELS).astype(np.int64)


class Step(NamedTuple):
    """Text read at a step."""

    text: str
    is_marked: bool


class GateRow(NamedTuple):
    """Row of a gate or a state, one cell a step."""

    name: str
    role: str
    cells: list[tuple[int, float]]
    """(W) colour level and value."""


class GateGrid(NamedTuple):
    """Table of the gates and states of one unit, one column a step."""

    steps: list[Step]
    rows: list[GateRow]


def gate_grid(
    steps: Sequence[str], rows: dict[str, np.ndarray], *, holds: np.ndarray | None
) -> GateGrid:
    """Make the table of the gates and states of one unit.

    Args:
        steps: (W) text read at each.
        rows: (W,) values by name. A gate is white at 0 and fully coloured at 1; any other value is
            white at 0 and coloured on both sides of it.
        holds: (W,) bool, where a track holds; None underlines nothing.
    """
    marked = np.zeros(len(steps), bool) if holds is None else holds
    body = []
    for name, values in rows.items():
        role, limits = ROLES.get(name, ("", None))
        reach = max(map(abs, limits)) if limits else float(np.abs(values).max())
        levels = levels_of(values, Scale(-reach, 0.0, reach)).tolist()
        body.append(GateRow(name, role, list(zip(levels, values.tolist(), strict=True))))
    head = [Step(_visible(s), bool(m)) for s, m in zip(steps, marked, strict=True)]
    return GateGrid(head, body)


def _visible(step: str) -> str:
    return "".join(_SIGNS.get(sign, sign) for sign in step)


def heat_map(
    panels: dict[str, np.ndarray], *, rows: Sequence[str], start: int, step: str
) -> Figure:
    """Draw the gates and states of some units over the window.

    Args:
        panels: values (units, W) by name of the gate or state.
        rows: name of each unit.
        start: number of the window's first step.
        step: name of a step.
    """
    num_rows = len(rows)
    height = 0.34 + 0.2 * num_rows
    figure = Figure(figsize=(9.5, len(panels) * height + 0.5), layout="constrained")
    made = figure.subplots(len(panels), 1, squeeze=False, sharex=True)[:, 0]
    for axes, (name, values) in zip(made, panels.items(), strict=True):
        role, limits = ROLES.get(name, ("", None))
        reach = float(np.abs(values).max()) or 1.0
        low, high = limits or (-reach, reach)
        image = axes.imshow(
            values,
            aspect="auto",
            interpolation="nearest",
            cmap="Blues" if low == 0 else "RdBu",
            vmin=low,
            vmax=high,
            extent=(start - 0.5, start + values.shape[1] - 0.5, num_rows - 0.5, -0.5),
        )
        axes.set_yticks(range(num_rows), rows)
        axes.tick_params(colors=GREY, labelsize=8, length=2)
        axes.spines[:].set_color(SPINE)
        axes.set_title(f"{name}   {role}", fontsize=9, loc="left", pad=3)
        bar = figure.colorbar(image, ax=axes, pad=0.01, aspect=height * 9, ticks=[low, high])
        bar.ax.tick_params(labelsize=7, colors=GREY, length=2)
        bar.ax.set_yticklabels([f"{low:.3g}", f"{high:.3g}"])
        bar.outline.set_visible(False)
    made[-1].xaxis.set_major_locator(MaxNLocator(integer=True))
    made[-1].set_xlabel(step, fontsize=9, color=GREY)
    return figure


def frames_over_curves(
    pixels: np.ndarray, curves: dict[str, tuple[np.ndarray, tuple[str, np.ndarray] | None]], *,
    start: int,
) -> Figure:  # fmt: skip
    """Draw a strip of a clip's frames, and below it the curve of each unit with its track.

    Args:
        pixels: (W, 3, S, S) uint8.
        curves: by name of the unit: its values (W,), and name and values (W,) of its track, if any.
        start: number of the window's first frame.
    """
    num_steps, count = len(pixels), min(len(pixels), MAX_FRAMES)
    figure = Figure(figsize=(9.5, 1.1 + 1.5 * len(curves)), layout="constrained")
    ratios = [1.0, *[1.7] * len(curves)]
    strip, *panels = figure.subplots(
        1 + len(curves), 1, squeeze=False, sharex=True, gridspec_kw={"height_ratios": ratios}
    )[:, 0]
    # Each picture stands above its share of the window and shows the frame in the middle of it.
    places = ((np.arange(count) + 0.5) * num_steps / count).astype(int)
    for slot, place in enumerate(places):
        small = strip.inset_axes((slot / count, 0, 0.96 / count, 1))
        small.imshow(pixels[place].transpose(1, 2, 0))
        small.set_axis_off()
        for panel in panels:
            panel.axvline(start + place, color=GRID, linewidth=0.8, zorder=0)
    strip.set(ylim=(0, 1), xlim=(start - 0.5, start + num_steps - 0.5))
    strip.set_axis_off()
    steps = np.arange(start, start + num_steps)
    for axes, (name, (values, track)) in zip(panels, curves.items(), strict=True):
        dress(axes, spines=("left", "bottom", "right"))
        axes.plot(steps, values, color=BLUE, linewidth=1.8)
        axes.set_ylabel(name, fontsize=8, color=BLUE)
        if track is not None:
            beside = axes.twinx()
            dress(beside, spines=("left", "bottom", "right"))
            beside.plot(steps, track[1], color=RED, linewidth=1.2, linestyle="--")
            beside.set_ylabel(track[0].removeprefix("the "), fontsize=8, color=RED)
    panels[-1].xaxis.set_major_locator(MaxNLocator(integer=True))
    panels[-1].set_xlabel("frame", fontsize=9, color=GREY)
    return figure
