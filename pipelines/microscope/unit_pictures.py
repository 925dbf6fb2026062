"""Pictures of units: a text coloured by one, gates step by step, heat maps, frames over curves.

W steps of the window · S height and width of a frame
"""

from collections.abc import Sequence
from html import escape
from itertools import groupby
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

HIGH, LOW, GREY = "#2f6ea3", "#c2553f", "#5b6673"
NUM_LEVELS = 6
MAX_FRAMES = 12
#: by name: what a gate or state is, and between which numbers it lies; None: any
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


def _rgb(color: str) -> str:
    return ",".join(str(int(color[k : k + 2], 16)) for k in (1, 3, 5))


# The tints let the paper through, so that ink stays readable in the light and in the dark.
STYLE = (
    "<style>"
    + "".join(
        f".{letter}{level}{{background:rgba({_rgb(color)},{0.1 * level:.2f})}}"
        for letter, color in (("p", HIGH), ("m", LOW))
        for level in range(1, NUM_LEVELS + 1)
    )
    + """
.read { font: .85rem/1.5 ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; tab-size: 4;
  white-space: pre-wrap; overflow-wrap: anywhere; border: 1px solid var(--line); border-radius: .3rem;
  padding: .7rem .8rem; margin: .3rem 0 1rem; max-height: 30rem; overflow-y: auto }
.read u, .grid u { text-decoration: underline 2px; text-underline-offset: .25em;
  text-decoration-color: var(--soft) }
h3 { font-size: 1rem; margin: 1.4rem 0 .2rem }
.key { color: var(--soft); font-size: .9rem; margin: .2rem 0; max-width: none }
.key span { color: var(--ink); padding: .05rem .4rem; border-radius: .2rem }
.grid { border-collapse: separate; border-spacing: 1px; font-size: .8rem }
.grid td, .grid th { padding: .1rem .28rem; border: 0; text-align: center; white-space: pre;
  min-width: 1.1rem }
.grid th { font-family: ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace;
  color: var(--ink) }
.grid td:first-child, .grid th:first-child { position: sticky; left: 0; background: var(--paper);
  text-align: left; padding-right: .6rem }
@media (max-width: 44rem) { .drawn { overflow-x: auto } .drawn img { max-width: none; width: 46rem } }
@media print { .read { max-height: none } }
</style>"""
)


class Scale(NamedTuple):
    """Which values have which colours."""

    low: float
    """Full red from here down."""
    middle: float
    """None."""
    high: float
    """Full blue from here up."""


class Stretch(NamedTuple):
    """A stretch of a text, in steps."""

    text: str
    """All of it; steps need not cover it."""
    starts: np.ndarray
    """(W,) where each step begins."""
    ends: np.ndarray
    """(W,) behind its last character."""


def coloured_text(
    stretch: Stretch, values: np.ndarray, *, scale: Scale, holds: np.ndarray | None
) -> str:
    """A text as it is laid out, each step coloured by a unit's value; underlined where a track holds.

    Args:
        stretch: the text.
        values: (W,)
        scale: which values have which colours.
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
    spans = []
    for (level, mark), some in groupby(pieces, key=lambda piece: piece[0]):
        shown = escape("".join(text for _, text in some), quote=False)
        shown = f"<u>{shown}</u>" if mark else shown
        spans.append(f"<span class={_shade(level)}>{shown}</span>" if level else shown)
    # The first line break after an opening tag would be dropped.
    return f'<pre class="read">\n{"".join(spans)}</pre>'


def levels_of(values: np.ndarray, scale: Scale) -> np.ndarray:
    """(…) → int64 from -`NUM_LEVELS`, the full colour of what is low, to `NUM_LEVELS`; 0: none."""
    away = values - scale.middle
    reach = np.where(away < 0, scale.middle - scale.low, scale.high - scale.middle)
    shares = np.clip(away / np.maximum(reach, 1e-12), -1, 1)
    return np.round(shares * NUM_LEVELS).astype(np.int64)


def _shade(level: int) -> str:
    return f"{'p' if level > 0 else 'm'}{abs(level)}"


def key(scale: Scale, *, note: str = "") -> str:
    """What the colours of `coloured_text` mean."""
    return (
        f'<p class="key"><span class=m{NUM_LEVELS}>{scale.low:.2f}</span>'
        f"<span>{scale.middle:.2f}</span><span class=p{NUM_LEVELS}>{scale.high:.2f}</span>"
        f" {escape(note)}</p>"
    )


def gate_grid(
    steps: Sequence[str], rows: dict[str, np.ndarray], *, holds: np.ndarray | None
) -> str:
    """Gates and states of one unit, step by step, as a table of coloured cells.

    Args:
        steps: (W) what is read at each.
        rows: (W,) each, by name: gates from white at 0 to full at 1, the others from full to full
            about 0.
        holds: (W,) bool, where a track holds; None underlines nothing.
    """
    marked = np.zeros(len(steps), bool) if holds is None else holds
    head = "".join(
        f"<th>{'<u>' if mark else ''}{escape(_visible(step))}{'</u>' if mark else ''}</th>"
        for step, mark in zip(steps, marked, strict=True)
    )
    body = []
    for name, values in rows.items():
        role, limits = ROLES.get(name, ("", None))
        reach = max(map(abs, limits)) if limits else float(np.abs(values).max())
        cells = "".join(
            f'<td{f" class={_shade(level)}" if level else ""} title="{value:.2f}"></td>'
            for level, value in zip(
                levels_of(values, Scale(-reach, 0.0, reach)).tolist(), values, strict=True
            )
        )
        body.append(f"<tr><td>{escape(name)}&ensp;{escape(role)}</td>{cells}</tr>")
    return (
        f'<div class="wide"><table class="grid"><thead><tr><th></th>{head}</tr></thead>'
        f"<tbody>{''.join(body)}</tbody></table></div>"
    )


def _visible(step: str) -> str:
    return "".join(_SIGNS.get(sign, sign) for sign in step)


def heat_map(
    panels: dict[str, np.ndarray], *, rows: Sequence[str], start: int, step: str
) -> Figure:
    """Gates and states of some units over the window.

    Args:
        panels: by name of the gate or state, (units, W) each.
        rows: what each unit is called.
        start: number of the window's first step.
        step: what a step is called.
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
        axes.spines[:].set_color("#b5bcc6")
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
    """A strip of a clip's frames, and under it what units do, each beside what it follows.

    Args:
        pixels: (W, 3, S, S) uint8
        curves: by name of the unit, its values (W,), and the track's name and numbers (W,).
        start: number of the window's first frame.
    """
    num_steps, count = len(pixels), min(len(pixels), MAX_FRAMES)
    figure = Figure(figsize=(9.5, 1.1 + 1.5 * len(curves)), layout="constrained")
    ratios = [1.0, *[1.7] * len(curves)]
    strip, *panels = figure.subplots(
        1 + len(curves), 1, squeeze=False, sharex=True, gridspec_kw={"height_ratios": ratios}
    )[:, 0]
    # Each picture stands over its share of the clip, and is the frame in the middle of it.
    places = ((np.arange(count) + 0.5) * num_steps / count).astype(int)
    for slot, place in enumerate(places):
        small = strip.inset_axes((slot / count, 0, 0.96 / count, 1))
        small.imshow(pixels[place].transpose(1, 2, 0))
        small.set_axis_off()
        for panel in panels:
            panel.axvline(start + place, color="#e6eaee", linewidth=0.8, zorder=0)
    strip.set(ylim=(0, 1), xlim=(start - 0.5, start + num_steps - 0.5))
    strip.set_axis_off()
    steps = np.arange(start, start + num_steps)
    for axes, (name, (values, track)) in zip(panels, curves.items(), strict=True):
        _dress(axes)
        axes.plot(steps, values, color=HIGH, linewidth=1.8)
        axes.set_ylabel(name, fontsize=8, color=HIGH)
        if track is not None:
            beside = axes.twinx()
            _dress(beside)
            beside.plot(steps, track[1], color=LOW, linewidth=1.2, linestyle="--")
            beside.set_ylabel(track[0].removeprefix("the "), fontsize=8, color=LOW)
    panels[-1].xaxis.set_major_locator(MaxNLocator(integer=True))
    panels[-1].set_xlabel("frame", fontsize=9, color=GREY)
    return figure


def _dress(axes: Axes) -> None:
    axes.spines[["top"]].set_visible(False)
    axes.spines[["left", "bottom", "right"]].set_color("#b5bcc6")
    axes.tick_params(colors=GREY, labelsize=8)
