"""Page of the microscope: findings in words, and pictures of the units."""

from typing import Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure

from pipelines.microscope.specimen import Specimen
from pipelines.microscope.tracks import Track
from pipelines.microscope.unit_pictures import (
    Scale,
    Stretch,
    coloured_text,
    frames_over_curves,
    gate_grid,
    heat_map,
)
from pipelines.microscope.unit_ranking import Finding, States, Unit
from pipelines.pages.page import render_page

# Thresholds on the half that a unit was not chosen on: below them, its finding does not hold there.
_LEAST = {"auc": 0.65, "correlation": 0.3}
_SYNTAX = {
    "c": "code with C's comments and quotes",
    "script": "code with # comments",
    "prose": "prose",
}
_NEAR_STEPS, _BEFORE = 60, 15
_MOST_CURVES = 4
_FEW_STEPS = 200


class Seen(NamedTuple):
    """Contents of the page: a specimen, its traces and the findings."""

    specimen: Specimen
    window: slice
    """Steps that are shown."""
    traces: list[dict[str, np.ndarray]]
    """For each layer and direction: gates and states (W, H) by name, at these steps."""
    states: list[States]
    """All states, at all steps."""
    findings: list[Finding]
    """Best units of each track."""
    left_out: list[str]
    """Tracks that are not ranked, each with the reason."""
    shown: dict[Unit, Finding | None]
    """Units to show, each with the finding that it illustrates, if any."""

    def values(self, unit: Unit) -> np.ndarray:
        """Values (T,) of one unit."""
        for one in self.states:
            if one[:3] == unit[:3]:
                return one.values[:, unit.place]
        raise KeyError(unit.name)

    def track(self, finding: Finding | None) -> Track | None:
        """Track of a finding; None without a finding."""
        found = (one for one in self.specimen.tracks if finding and one.name == finding.track)
        return next(found, None)

    def gates(self, unit: Unit) -> dict[str, np.ndarray]:
        """Gates and states (W,) by name, at the layer, direction and index of a unit."""
        num_directions = self.specimen.recurrence.num_directions
        index = (unit.layer - 1) * num_directions + unit.is_backward
        return {name: values[:, unit.place] for name, values in self.traces[index].items()}


def microscope_page(seen: Seen, *, checkpoint: str) -> str:
    """Render the page as one HTML document."""
    is_text = seen.specimen.cut is not None
    return render_page(
        "microscope.html",
        title=f"Inside a network that reads {seen.specimen.source}",
        conclusion=conclusion(seen),
        reading=_reading(seen, checkpoint),
        auc_rows=_rows([one for one in seen.findings if one.measure == "auc"]),
        correlation_rows=_rows([one for one in seen.findings if one.measure == "correlation"]),
        left_out=seen.left_out,
        window=seen.window,
        texts=_texts(seen) if is_text else [],
        close_up=_close_up(seen) if is_text else None,
        frames=None if is_text else _frames(seen),
        heat_maps=_heat_maps(seen),
    )


def conclusion(seen: Seen) -> str:
    """Write the sentence at the top of the page."""
    if not seen.findings:
        return (
            "Nothing that units could be held to occurs often enough in what was read: a longer text"
            " or clip is needed to say what they follow. Shown are the units that move most."
        )
    # A binary track is easier to understand than a numeric one, so it comes first if it is not weak.
    best = seen.findings[0]
    if best.measure == "correlation" or best.strength < 0.5:
        best = max(seen.findings, key=lambda one: one.strength)
    measure = "AUC" if best.measure == "auc" else "correlation"
    if best.second < _LEAST[best.measure]:
        return (
            f"Unit {best.unit} {deed(best)} on the half of the {_thing(seen)} that it was chosen on"
            f" ({measure} {best.first:.3f}), but not on the other ({best.second:.3f}): it follows"
            " something else."
        )
    return (
        f"Unit {best.unit} {deed(best)}: {measure} {best.second:.3f} on the half of the"
        f" {_thing(seen)} that it was not chosen on, {best.first:.3f} on the other."
    )


def deed(finding: Finding) -> str:
    """Describe the behaviour of a unit, such as "rises inside a comment"."""
    verb = "rises" if finding.sign > 0 else "falls"
    return f"{verb} {'with ' if finding.measure == 'correlation' else ''}{finding.track}"


def _thing(seen: Seen) -> str:
    return "clip" if seen.specimen.cut is None else "text"


def _reading(seen: Seen, checkpoint: str) -> str:
    specimen = seen.specimen
    states = sorted({one.state for one in seen.states})
    sizes = [one.values.shape[1] for one in seen.states if one.state == "h" and not one.is_backward]
    ways = ", in two directions" if specimen.recurrence.num_directions == 2 else ""
    kind = type(specimen.recurrence).__name__
    layers = " and ".join(map(str, sizes))
    num_units = sum(one.values.shape[1] for one in seen.states)
    much = "all" if specimen.is_whole else "the first"
    syntax = f" It is read as {_SYNTAX[specimen.syntax]}." if specimen.syntax else ""
    half = specimen.num_steps // 2
    few = (
        " So few steps say little: whatever rises slowly follows whatever else does."
        if specimen.num_steps < _FEW_STEPS
        else ""
    )
    return (
        f"{checkpoint}: {kind} with {layers} units{ways}, over {much} {specimen.num_steps:,}"
        f" {specimen.step}s of {specimen.source}.{syntax} Units are chosen by the first {half:,}"
        f" steps from all {num_units:,} numbers of {' and '.join(states)}; the figure that counts is of"
        f" the other {specimen.num_steps - half:,} steps.{few}"
    )


def _rows(findings: list[Finding]) -> list[list[str]]:
    rows, last = [], ""
    for one in findings:
        verb = "rises" if one.sign > 0 else "falls"
        name = "" if one.track == last else one.track.removeprefix("the ")
        rows.append([name, one.unit.name, verb, f"{one.first:.3f}", f"{one.second:.3f}"])
        last = one.track
    return rows


def _texts(seen: Seen) -> list[dict[str, Any]]:
    """Colour the text by each unit that is shown."""
    cut, window = seen.specimen.cut, seen.window
    assert cut is not None
    stretch = Stretch(cut.text, cut.starts[window], cut.ends[window])
    found = []
    for unit, finding in seen.shown.items():
        values = seen.values(unit)
        # Quantiles, because a few extreme steps would make the colours of all others pale.
        low, high = np.quantile(values, [0.01, 0.99])
        scale = Scale(float(low), float(values.mean()), float(high))
        holds = _holding(seen, finding)
        found.append(
            {
                "title": _title(unit, finding),
                "scale": scale,
                "note": _underlined(finding, holds),
                "runs": coloured_text(stretch, values[window], scale=scale, holds=holds),
            }
        )
    return found


def _holding(seen: Seen, finding: Finding | None) -> np.ndarray | None:
    """Steps (W,) bool of the window at which a binary track holds; None without a binary track."""
    track = seen.track(finding)
    return track.values[seen.window] if track is not None and track.is_binary else None


def _underlined(finding: Finding | None, holds: np.ndarray | None) -> str:
    return f"Underlined: {finding.track}." if finding and holds is not None else ""


def _title(unit: Unit, finding: Finding | None) -> str:
    if finding is None:
        return f"Unit {unit}"
    measure = "AUC" if finding.measure == "auc" else "correlation"
    return f"Unit {unit} {deed(finding)} ({measure} {finding.second:.3f})"


def _close_up(seen: Seen) -> dict[str, Any]:
    """Show a unit's gates around the first step in the window at which its track begins to hold."""
    cut = seen.specimen.cut
    unit, finding = next(iter(seen.shown.items()))
    assert cut is not None
    start, holds = 0, _holding(seen, finding)
    if holds is not None:
        begins = np.flatnonzero(np.diff(holds.astype(np.int8)) == 1)
        start = max(int(begins[0]) + 1 - _BEFORE, 0) if len(begins) else 0
    near = slice(start, start + _NEAR_STEPS)
    steps = range(*slice(seen.window.start + near.start, seen.window.stop).indices(10**12))
    return {
        "title": f"unit {unit.place} of layer {unit.layer}",
        "note": _underlined(finding, holds),
        "grid": gate_grid(
            [cut.text[cut.starts[k] : cut.ends[k]] for k in steps[:_NEAR_STEPS]],
            {name: values[near] for name, values in seen.gates(unit).items()},
            holds=None if holds is None else holds[near],
        ),
    }


def _frames(seen: Seen) -> Figure:
    pixels, window = seen.specimen.pixels, seen.window
    assert pixels is not None
    curves: dict[str, Any] = {}
    for unit, finding in list(seen.shown.items())[:_MOST_CURVES]:
        track = seen.track(finding)
        beside = None if track is None else (track.name, track.values[window])
        curves[unit.name] = (seen.values(unit)[window], beside)
    return frames_over_curves(pixels[window], curves, start=window.start)


def _heat_maps(seen: Seen) -> Figure:
    places = list(dict.fromkeys((u.layer, u.is_backward, u.place) for u in seen.shown))
    rows = [f"{layer}{'b' * back}.{place}" for layer, back, place in places]
    gates = [seen.gates(Unit(layer, back, "h", place)) for layer, back, place in places]
    panels = {name: np.stack([one[name] for one in gates]) for name in gates[0]}
    return heat_map(panels, rows=rows, start=seen.window.start, step=seen.specimen.step)
