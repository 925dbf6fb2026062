"""Sections that the reports of all tasks share: values for ``sections.html``.

K classes
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure

from pipelines.report.figures import draw_history

# More classes, or skipped examples, are not for reading.
MOST_LISTED = 20

History = Mapping[str, list[tuple[float, float]]]


def verdict(
    leads: Sequence[str],
    *,
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    remarks: Sequence[str] = (),
    footnotes: Sequence[str] = (),
) -> dict[str, Any]:
    """Make the section of the verdict.

    Args:
        leads: what must be read first, a paragraph each.
        header, rows: the table of the model and its baselines.
        remarks: paragraphs above the table.
        footnotes: paragraphs below it.
    """
    return {
        "leads": leads,
        "header": header,
        "rows": rows,
        "remarks": remarks,
        "footnotes": footnotes,
    }


def data_section(
    sentences: Sequence[str],
    *,
    counts: dict[str, Any] | None = None,
    lengths: Figure | None = None,
    remarks: Sequence[str] = (),
    skipped: Sequence[Mapping[str, str]] | None = None,
) -> dict[str, Any]:
    """Make the section of the data that a model was trained and tested on.

    Args:
        sentences: paragraphs.
        counts: `class_counts`.
        lengths: the picture of how long examples are.
        remarks: paragraphs below it.
        skipped: source and reason of every example left out; None: the task leaves none out.
    """
    rows = [
        [str(next(iter(one.values())))[:200], one["reason"]]
        for one in (skipped or [])[:MOST_LISTED]
    ]
    told = []
    if skipped is not None:
        told = [f"Skipped: {len(skipped):,}." if skipped else "Nothing was skipped."]
    return {
        "counts": counts,
        "sentences": sentences,
        "lengths": lengths,
        "remarks": [*remarks, *told],
        "skipped": {"rows": rows, "num_more": len(skipped or []) - len(rows)},
    }


def class_counts(classes: Sequence[str], counts: Mapping[str, Sequence[int]]) -> dict[str, Any]:
    """Make the table of examples by class and part; ``counts`` are (K,) by part."""
    rows = [
        [name, *(f"{count:,}" for count in row)]
        for name, row in zip(classes, zip(*counts.values(), strict=True), strict=True)
    ]
    totals = ["all", *(f"{sum(row):,}" for row in counts.values())]
    return {
        "header": ["examples", *counts],
        "rows": [*rows, totals],
        "is_long": len(rows) > MOST_LISTED,
    }


def run_section(
    sentence: str,
    *,
    history: History,
    metrics: Sequence[str],
    about: Mapping[str, Any],
    config: Mapping[str, Any],
) -> dict[str, Any]:
    """Make the section of the run: time, curves, machine, options.

    Args:
        sentence: how long it took.
        history: by metric (``train/loss``) its values by epoch; empty: no curves are drawn.
        metrics: those that are drawn (``loss``).
        about: `surroundings`; empty: not known.
        config: all options; empty: not known.
    """
    machine = options = ""
    if about:
        versions = ", ".join(f"{name} {number}" for name, number in about["versions"].items())
        devices = ", ".join(about["devices"]) or "no GPU"
        place = f"{about['processor']}, {about['cores']} cores, {devices}"
        machine = f"{place}; {about['system']}; {versions}."
    if config:
        options = json.dumps(config, indent=2, ensure_ascii=False, default=str)
    return {
        "sentences": [sentence],
        "curves": draw_history(history, metrics) if history else None,
        "curves_alt": f"{' and '.join(metrics)} by epoch",
        "machine": machine,
        "options": options,
    }
