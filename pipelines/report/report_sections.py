"""Sections of a report's page: class by class, calibration, by length, in other orders.

n tested examples · K classes
"""

from collections.abc import Iterable
from typing import Any

import numpy as np

from pipelines.metrics.calibration import reliability
from pipelines.metrics.measures import class_by_class
from pipelines.metrics.order import READINGS
from pipelines.pages.page import heading, paragraph, picture, table
from pipelines.report.confusion import draw_confusion_matrix
from pipelines.report.report_figures import draw_curves, draw_reliability, draw_slices, trait_name

_READING_NAMES = {
    "whole": "as it is",
    "shuffled": "steps shuffled",
    "first_half": "first half only",
    "last_step": "last step only",
}


def per_class(
    report: dict[str, Any], labels: np.ndarray, probabilities: np.ndarray
) -> Iterable[str]:
    """Precision, recall and the like of each class, the confusion matrix and the curves."""
    yield heading("Class by class")
    ranks = report.get("ranking", {})
    rows = []
    # Not by name: scikit-learn's summaries are called "accuracy" or so, as a class may be.
    measured = class_by_class(labels, probabilities.argmax(1), len(report["classes"]))
    for name, *shares, count in zip(report["classes"], *measured, strict=True):
        cells = [f"{share:.3f}" for share in shares]
        for key in ("average_precision", "roc_auc"):
            value = ranks.get(key, {}).get(name)
            cells.append("–" if value is None else f"{value:.3f}")
        rows.append([name, *cells, f"{count:,.0f}"])
    header = ["", "precision", "recall", "F1", "average precision", "ROC AUC", "examples"]
    yield table(header, rows)
    if ranks.get("top5_accuracy") is not None:
        yield paragraph(
            f"The right class is among the five likeliest in {ranks['top5_accuracy']:.1%}."
        )
    yield picture(draw_confusion_matrix(report), alt="confusion matrix: counts and shares of rows")
    if np.ptp(labels) == 0:
        yield paragraph("Curves of a class against the others need examples of two classes.")
        return
    yield picture(
        draw_curves(labels, probabilities, report["classes"]),
        alt="ROC and precision–recall curves",
        caption="Each class against all others."
        if len(report["classes"]) > 2
        else f"Of “{report['classes'][1]}”; those of the other class say the same.",
    )


def calibration(
    report: dict[str, Any], labels: np.ndarray, probabilities: np.ndarray, untempered: np.ndarray
) -> Iterable[str]:
    """Whether probabilities mean what they say, before and after the temperature."""
    found = report.get("calibration")
    if not found:
        return
    yield heading("Do the probabilities mean what they say?")
    before, after = found["before"], found["after"]
    yield paragraph(
        f"Expected calibration error {before['expected_calibration_error']:.3f} as trained,"
        f" {after['expected_calibration_error']:.3f} after dividing the scores by the temperature"
        f" {found['temperature']:.3f}, which was fitted on the validation part and is kept in the"
        f" checkpoint; log loss {before['log_loss']:.3f} and {after['log_loss']:.3f}. All"
        " probabilities of this report and of predictions are those after."
    )
    yield picture(
        draw_reliability(
            reliability(labels, untempered),
            reliability(labels, probabilities),
        ),
        alt="reliability diagrams",
        caption="Blue: how often answers of a given probability are right; on the dotted line they"
        " are right as often as they claim. Grey: the share of answers of that probability.",
    )


def slices(report: dict[str, Any], lengths: np.ndarray) -> Iterable[str]:
    """Accuracy by length and by what else is known of the examples."""
    yield heading("Does it hold on long sequences?")
    cut = report["truncated_steps"]
    yield paragraph(
        "Every step of every example was read; none was cut off."
        if cut == 0
        else f"{cut:,} steps of long examples were cut off and not read:"
        f" {cut / (cut + lengths.sum()):.1%} of all."
    )
    for name, bins in report.get("slices", {}).items():
        yield picture(draw_slices(name, bins), alt=f"accuracy by {trait_name(name)}")


def order(report: dict[str, Any]) -> Iterable[str]:
    """What the same model makes of shuffled steps, of a half, of the last one."""
    found = report.get("order")
    if not found:
        return
    yield heading("Does order matter?")
    yield paragraph(
        f"{_without_order(found)} Measured on {found['num_examples']:,} examples, read again:"
    )
    rows = [
        [_READING_NAMES[name], f"{found[name]:.1%}", points(found["against_whole"].get(name))]
        for name in ("whole", *READINGS)
    ]
    yield table(["the model reads the steps", "accuracy", "points (95 %)"], rows)


def _without_order(found: dict[str, Any]) -> str:
    value, low, high = (100 * x for x in found["against_whole"]["shuffled"])
    if value == 0:
        return "Without the order of the steps the same model answers as well as before."
    change = "loses" if value < 0 else "gains"
    chance = "; so small a difference can be chance" if low <= 0 <= high else ""
    return (
        f"Without the order of the steps the same model {change} {abs(value):.1f} points (95 %"
        f" interval {low:+.1f} to {high:+.1f}{chance})."
    )


def points(difference: list[float] | None) -> str:
    """A difference and its interval, of shares, in points; nothing where there is none."""
    if difference is None:
        return ""
    value, low, high = (100 * x for x in difference)
    return f"{value:+.1f} ({low:+.1f} to {high:+.1f})"
