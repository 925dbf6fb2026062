"""How an example looks on a page: its words or frames, and the running answer below.

T steps · P places · K classes
"""

import base64
import io
from html import escape
from itertools import pairwise

import numpy as np
from PIL import Image

from pipelines.pages.thinning import thinned
from pipelines.report.attribution import COMPLETE
from pipelines.report.shown_examples import MOST_ATTRIBUTED_STEPS, ShownExample
from pipelines.runtime.escaping import printable

_FOR, _AGAINST, _TRUE = "#2f6ea3", "#c2553f", "#3f8f5b"
# Longer texts are shown where they matter: the beginning, the end, and around the steps that count.
_MOST_WORDS, _ENDS, _AROUND, _PLACES = 400, 40, 12, 12
_MOST_POINTS, _MOST_BARS = 300, 150
_WIDTH, _HEIGHT, _BARS = 600, 90, 44
# Ten of them stand side by side.
_FRAME_PX = 200


def example_view(example: ShownExample) -> str:
    """One example: what it was taken for, its steps, and the answer along the way."""
    wrong = example.label != example.predicted
    verdict = f"taken for <b>{_name(example.predicted)}</b>"
    verdict += f" ({example.probabilities[example.predicted]:.1%})"
    verdict += f", is <b>{_name(example.label)}</b>" if wrong else ", which it is"
    body = _words(example) if example.pieces else _strip(example)
    kind = "wrong" if wrong else "right"
    return (
        f'<section class="example {kind}"><p>{verdict} · {len(example.pieces) or _steps(example):,}'
        f" steps</p>{body}{_curve(example)}</section>"
    )


def _steps(example: ShownExample) -> int:
    return int(example.places[-1]) + 1


def _name(text: str) -> str:
    return escape(printable(text))


def _words(example: ShownExample) -> str:
    num_steps = len(example.pieces)
    shares = np.zeros(num_steps)
    if example.attribution is not None:
        shares = example.attribution.steps / (np.abs(example.attribution.steps).max() or 1)
    shown = _places_shown(shares)
    parts, before = [], -1
    for k in np.flatnonzero(shown).tolist():
        if k > before + 1:
            parts.append(f'<span class="gap"> … {k - before - 1:,} steps … </span>')
        before = k
        piece = escape("".join(c if c.isprintable() else " " for c in example.pieces[k]))
        strength = abs(shares[k])
        if strength < 0.08:
            parts.append(piece)
            continue
        color = "47,110,163" if shares[k] > 0 else "194,85,63"
        parts.append(f'<span style="background:rgba({color},{0.75 * strength:.2f})">{piece}</span>')
    if before < num_steps - 1:
        parts.append(f'<span class="gap"> … {num_steps - 1 - before:,} steps</span>')
    return f'<p class="words">{"".join(parts)}</p>'


def _places_shown(shares: np.ndarray) -> np.ndarray:
    num_steps = len(shares)
    if num_steps <= _MOST_WORDS:
        return np.ones(num_steps, bool)
    shown = np.zeros(num_steps, bool)
    shown[:_ENDS] = shown[-_ENDS:] = True
    for k in np.argsort(-np.abs(shares))[:_PLACES]:
        shown[max(k - _AROUND, 0) : k + _AROUND + 1] = True
    return shown


def _strip(example: ShownExample) -> str:
    images = []
    for step, pixels in zip(example.frame_steps, example.frames, strict=True):
        content, image = io.BytesIO(), Image.fromarray(np.ascontiguousarray(pixels))
        image.thumbnail((_FRAME_PX, _FRAME_PX))
        image.save(content, "JPEG", quality=82)
        source = base64.b64encode(content.getvalue()).decode()
        images.append(f'<img alt="step {step}" src="data:image/jpeg;base64,{source}">')
    where = f'<p class="source">{_name(example.source)}</p>'
    columns = f"grid-template-columns: repeat({len(images)}, 1fr)"
    return f'{where}<div class="strip" style="{columns}">{"".join(images)}</div>'


def _curve(example: ShownExample) -> str:
    """An SVG: probabilities along the way, and below what the steps add."""
    num_steps = _steps(example)
    names = list(example.probabilities)
    lines = [(example.predicted, _FOR if example.label == example.predicted else _AGAINST)]
    if example.label != example.predicted:
        lines.append((example.label, _TRUE))
    at = thinned(len(example.places), _MOST_POINTS)
    x = (example.places[at] + 0.5) / num_steps * _WIDTH
    parts = [
        f'<path d="M0 {y:g}H{_WIDTH}" class="rule"/>' for y in (0.5, _HEIGHT / 2, _HEIGHT - 0.5)
    ]
    for name, color in lines:
        y = (1 - example.running[at, names.index(name)]) * (_HEIGHT - 4) + 2
        points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))
        parts.append(f'<polyline points="{points}" fill="none" stroke="{color}" stroke-width="2"/>')
    height = _HEIGHT
    if example.attribution is not None:
        parts.append(_attribution_bars(example.attribution.steps))
        height += _BARS
    legend = " · ".join(
        f'<span style="color:{color}">{_name(name)}</span>' for name, color in lines
    )
    note = f" Of more than {MOST_ATTRIBUTED_STEPS:,} steps no shares were computed."
    if example.attribution is not None:
        note = " Bars: what the steps add to (up) or take from (down) the answer given."
        difference, error = example.attribution.difference, example.attribution.error
        if error > COMPLETE * max(1.0, abs(difference)):
            note += f" They miss its log-odds of {difference:.2f} by {error:.2f}."
    return (
        f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="the answer after every step">'
        f'{"".join(parts)}</svg><p class="legend">The answer after every step: probability of'
        f" {legend}, from 0 to 1.{note}</p>"
    )


def _attribution_bars(shares: np.ndarray) -> str:
    """What the steps add, summed where there are more of them than bars."""
    num_bars = min(len(shares), _MOST_BARS)
    edges = np.linspace(0, len(shares), num_bars + 1).round().astype(int)
    sums = np.array([shares[a:b].sum() for a, b in pairwise(edges)])
    largest = np.abs(sums).max() or 1
    middle, reach = _HEIGHT + _BARS / 2 + 2, _BARS / 2 - 3
    width = _WIDTH / num_bars
    parts = []
    for k, value in enumerate(sums / largest):
        if abs(value) < 0.01:
            continue
        color = _FOR if value > 0 else _AGAINST
        top = middle - max(value, 0) * reach
        parts.append(
            f'<rect x="{k * width:.1f}" y="{top:.1f}" width="{max(width - 0.6, 0.6):.1f}"'
            f' height="{abs(value) * reach:.1f}" fill="{color}"/>'
        )
    return f'<path d="M0 {middle}H{_WIDTH}" class="rule"/>{"".join(parts)}'
