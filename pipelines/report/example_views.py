"""Views of an example for the page: its words or frames, and the running answer below.

T steps · P places · K classes
"""

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from pipelines.pages.palette import BLUE, GREEN, RED
from pipelines.pages.thinning import thinned
from pipelines.report.attribution import COMPLETE
from pipelines.report.shown_examples import MOST_ATTRIBUTED_STEPS, ShownExample
from pipelines.runtime.escaping import printable

_FOR, _AGAINST, _TRUE = BLUE, RED, GREEN
# Longer texts are shown where they matter: the beginning, the end, and around the steps that count.
_MOST_WORDS, _ENDS, _AROUND, _PLACES = 400, 40, 12, 12
_MOST_POINTS, _MOST_BARS = 300, 150
_WIDTH, _HEIGHT, _BARS = 600, 90, 44
# Weaker tints could not be seen.
_LEAST_TINT = 0.06
_STRONGEST_TINT = 0.75
# Ten of them stand side by side.
_FRAME_PX = 200


class Word(NamedTuple):
    """Piece of the text at a step, or a gap."""

    text: str
    color: str = _FOR
    tint: float = 0.0
    """Strength of its colour; 0 for none."""
    num_left_out: int = 0
    """Instead of a word, so many that are not shown."""


class Line(NamedTuple):
    """The probability of one class along the way."""

    name: str
    color: str
    points: list[tuple[float, float]]


class Bar(NamedTuple):
    """Bar of the contribution of some steps: up where they add to the answer, else down."""

    x: float
    y: float
    width: float
    height: float
    color: str


class Curve(NamedTuple):
    """The answer along the way, in the units of its picture."""

    width: int
    height: int
    rules: list[float]
    lines: list[Line]
    bars: list[Bar]
    note: str


class ExampleView(NamedTuple):
    """One example: what it was taken for, its steps, and the answer along the way."""

    is_wrong: bool
    predicted: str
    share: float
    label: str
    num_steps: int
    times: int
    words: list[Word]
    source: str
    frames: list[tuple[int, np.ndarray]]
    """Step and pixels of each, where it is a clip."""
    frame_px: int
    curve: Curve


def example_view(example: ShownExample) -> ExampleView:
    """View of one example on the page."""
    return ExampleView(
        is_wrong=example.label != example.predicted,
        predicted=printable(example.predicted),
        share=example.probabilities[example.predicted],
        label=printable(example.label),
        num_steps=len(example.pieces) or _num_steps(example),
        times=example.times,
        words=_words(example),
        source=printable(example.source),
        frames=list(zip(example.frame_steps, example.frames, strict=True)),
        frame_px=_FRAME_PX,
        curve=_curve(example),
    )


def _num_steps(example: ShownExample) -> int:
    return int(example.places[-1]) + 1


def _words(example: ShownExample) -> list[Word]:
    num_steps = len(example.pieces)
    shares = np.zeros(num_steps)
    if example.attribution is not None:
        shares = example.attribution.steps / (np.abs(example.attribution.steps).max() or 1)
    words, before = [], -1
    for k in [*np.flatnonzero(_places_shown(shares)).tolist(), num_steps]:
        if k > before + 1:
            words.append(Word("", num_left_out=k - before - 1))
        before = k
        if k < num_steps:
            text = "".join(c if c.isprintable() else " " for c in example.pieces[k])
            tint = _STRONGEST_TINT * abs(shares[k])
            color = _FOR if shares[k] > 0 else _AGAINST
            words.append(Word(text, color, tint if tint >= _LEAST_TINT else 0.0))
    return words


def _places_shown(shares: np.ndarray) -> np.ndarray:
    num_steps = len(shares)
    if num_steps <= _MOST_WORDS:
        return np.ones(num_steps, bool)
    shown = np.zeros(num_steps, bool)
    shown[:_ENDS] = shown[-_ENDS:] = True
    for k in np.argsort(-np.abs(shares))[:_PLACES]:
        shown[max(k - _AROUND, 0) : k + _AROUND + 1] = True
    return shown


def _curve(example: ShownExample) -> Curve:
    """Probabilities along the way, and below what the steps add."""
    names = list(example.probabilities)
    colors = {example.predicted: _FOR if example.label == example.predicted else _AGAINST}
    colors.setdefault(example.label, _TRUE)
    at = thinned(len(example.places), _MOST_POINTS)
    x = (example.places[at] + 0.5) / _num_steps(example) * _WIDTH
    lines = []
    for name, color in colors.items():
        y = (1 - example.running[at, names.index(name)]) * (_HEIGHT - 4) + 2
        lines.append(Line(printable(name), color, list(zip(x, y, strict=True))))
    rules = [0.5, _HEIGHT / 2, _HEIGHT - 0.5]
    if example.attribution is None:
        note = f" Of more than {MOST_ATTRIBUTED_STEPS:,} steps no shares were computed."
        return Curve(_WIDTH, _HEIGHT, rules, lines, [], note)
    note = " Bars: what the steps add to (up) or take from (down) the answer given."
    difference, error = example.attribution.difference, example.attribution.error
    if error > COMPLETE * max(1.0, abs(difference)):
        note += f" They miss its log-odds of {difference:.2f} by {error:.2f}."
    middle = _HEIGHT + _BARS / 2 + 2
    bars = _attribution_bars(example.attribution.steps, middle)
    return Curve(_WIDTH, _HEIGHT + _BARS, [*rules, middle], lines, bars, note)


def _attribution_bars(shares: np.ndarray, middle: float) -> list[Bar]:
    """Make the bars of the steps' contributions, summed where steps outnumber the bars."""
    num_bars = min(len(shares), _MOST_BARS)
    edges = np.linspace(0, len(shares), num_bars + 1).round().astype(int)
    sums = np.array([shares[a:b].sum() for a, b in pairwise(edges)])
    reach, width = _BARS / 2 - 3, _WIDTH / num_bars
    return [
        Bar(
            x=k * width,
            y=middle - max(value, 0) * reach,
            width=max(width - 0.6, 0.6),
            height=abs(value) * reach,
            color=_FOR if value > 0 else _AGAINST,
        )
        for k, value in enumerate(sums / (np.abs(sums).max() or 1))
        if abs(value) >= 0.01
    ]
