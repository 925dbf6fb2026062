"""A report as one page: what was found in plain words, then the figures behind it."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from html import escape
from typing import Any

import numpy as np

from pipelines.calibration import reliability
from pipelines.confusion import draw_confusion_matrix
from pipelines.example_views import example_view
from pipelines.order import READINGS
from pipelines.page import details, heading, page, paragraph, picture, raw, table
from pipelines.report_figures import (
    draw_curves,
    draw_history,
    draw_lengths,
    draw_reliability,
    draw_slices,
    trait_name,
)
from pipelines.shown_examples import ShownExample

_BASELINES = {
    "majority": "always the most frequent class",
    "tfidf_logistic_regression": "words and pairs of words, without order (TF-IDF, logistic regression)",
    "mean_frame_logistic_regression": "the mean of all frames, without order (logistic regression)",
    "single_frame_logistic_regression": "the middle frame alone (logistic regression)",
}
_READING_NAMES = {
    "whole": "as it is",
    "shuffled": "steps shuffled",
    "first_half": "first half only",
    "last_step": "last step only",
}
_MOST_LISTED = 20


@dataclass(frozen=True, kw_only=True)
class PageInputs:
    """What the page shows beside the report's own figures."""

    labels: np.ndarray  # (n,)
    probabilities: np.ndarray  # (n, K), as reported
    untempered: np.ndarray  # (n, K), before temperature scaling
    lengths: np.ndarray  # (n,) steps
    part_sizes: dict[str, int]
    examples: list[ShownExample] = field(default_factory=list)
    history: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)


def report_page(report: dict[str, Any], inputs: PageInputs, *, model_name: str) -> str:
    """The page of a report, as `write_report` has it."""
    title = f"{report['task'].capitalize()} on {report['data']}"
    return page(
        title,
        *_summary(report, inputs, model_name),
        *_per_class(report, inputs),
        *_calibration(report, inputs),
        *_slices(report),
        *_order(report),
        *_examples(report, inputs.examples),
        *_data(report, inputs),
        *_run(report, inputs),
    )


def plain_verdict(report: dict[str, Any], model_name: str) -> str:
    """One sentence: is the model better than the best of its baselines, and is that chance?"""
    against = report.get("intervals", {}).get("against", {})
    if not against:
        return f"No baseline was run: nothing shows what the {model_name} adds."
    best = max(against, key=lambda name: report["baselines"][name]["accuracy"])
    value, low, high = against[best]["accuracy"]
    rival = f"{_baseline(best)}, right in {report['baselines'][best]['accuracy']:.1%}"
    points = f"{100 * value:+.1f} points, 95 % interval {100 * low:+.1f} to {100 * high:+.1f}"
    if low > 0:
        return f"The {model_name} is better than the best baseline: {rival} ({points})."
    if high < 0:
        return (
            f"The {model_name} is NOT better than a simpler model, it is worse: {rival} ({points})."
        )
    return (
        f"The {model_name} is NOT shown to be better than the best baseline: {rival} ({points});"
        " so small a difference can be chance."
    )


def _summary(report: dict[str, Any], inputs: PageInputs, model_name: str) -> Iterable[str]:
    intervals = report.get("intervals", {})
    trained = inputs.part_sizes.get("train")
    learnt = f", trained on {trained:,} examples," if trained else ""
    yield paragraph(
        f"The {model_name}{learnt} classified {report['num_examples']:,} examples of the part"
        f" “{report['split']}” into {len(report['classes'])} classes:"
        f" {report['accuracy']:.1%} are right{_range(intervals.get('accuracy'), percent=True)};"
        f" macro-F1 {report['macro_f1']:.3f}{_range(intervals.get('macro_f1'))}.",
        lead=True,
    )
    yield paragraph(plain_verdict(report, model_name), lead=True)
    rows = [[model_name, *_scores(report), ""]]
    for name, row in report["baselines"].items():
        difference = intervals.get("against", {}).get(name, {}).get("accuracy")
        shown = ""
        if difference:
            value, low, high = (100 * x for x in difference)
            shown = f"{value:+.1f} ({low:+.1f} to {high:+.1f})"
        rows.append([_baseline(name), *_scores(row), shown])
    header = ["", "accuracy", "macro-F1", "log loss", "the model's lead, points (95 %)"]
    yield table(header, rows)
    yield paragraph(
        "Intervals are bootstrap percentiles over the tested examples; differences are taken on the"
        " same resampled examples (paired). A lead whose interval holds 0 may be chance."
    )


def _scores(row: dict[str, Any]) -> list[str]:
    values = (row.get(key) for key in ("accuracy", "macro_f1", "log_loss"))
    return ["–" if value is None else f"{value:.4f}" for value in values]


def _range(interval: list[float] | None, *, percent: bool = False) -> str:
    if not interval:
        return ""
    _, low, high = interval
    shown = f"{low:.1%} to {high:.1%}" if percent else f"{low:.3f} to {high:.3f}"
    return f" (95 % interval {shown})"


def _baseline(name: str) -> str:
    return _BASELINES.get(name, name.replace("_", " "))


def _per_class(report: dict[str, Any], inputs: PageInputs) -> Iterable[str]:
    yield heading("Class by class")
    ranks = report.get("ranking", {})
    rows = []
    for name in report["classes"]:
        one = report["classification_report"][name]
        cells = [f"{one[key]:.3f}" for key in ("precision", "recall", "f1-score")]
        for key in ("average_precision", "roc_auc"):
            value = ranks.get(key, {}).get(name)
            cells.append("–" if value is None else f"{value:.3f}")
        rows.append([name, *cells, f"{one['support']:,.0f}"])
    header = ["", "precision", "recall", "F1", "average precision", "ROC AUC", "examples"]
    yield table(header, rows)
    if ranks.get("top5_accuracy") is not None:
        yield paragraph(
            f"The right class is among the five likeliest in {ranks['top5_accuracy']:.1%}."
        )
    yield picture(draw_confusion_matrix(report), alt="confusion matrix: counts and shares of rows")
    yield picture(
        draw_curves(inputs.labels, inputs.probabilities, report["classes"]),
        alt="ROC and precision–recall curves",
        caption="Each class against all others."
        if len(report["classes"]) > 2
        else f"Of “{report['classes'][1]}”; those of the other class say the same.",
    )


def _calibration(report: dict[str, Any], inputs: PageInputs) -> Iterable[str]:
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
            reliability(inputs.labels, inputs.untempered),
            reliability(inputs.labels, inputs.probabilities),
        ),
        alt="reliability diagrams",
        caption="Blue: how often answers of a given probability are right; on the dotted line they"
        " are right as often as they claim. Grey: the share of answers of that probability.",
    )


def _slices(report: dict[str, Any]) -> Iterable[str]:
    yield heading("Does it hold on long sequences?")
    cut = report["truncated_steps"]
    yield paragraph(
        "Every step of every example was read; none was cut off."
        if cut == 0
        else f"{cut:,} steps of long examples were cut off and not read."
    )
    for name, bins in report.get("slices", {}).items():
        yield picture(draw_slices(name, bins), alt=f"accuracy by {trait_name(name)}")


def _order(report: dict[str, Any]) -> Iterable[str]:
    found = report.get("order")
    if not found:
        return
    yield heading("Does order matter?")
    drop = found["whole"] - found["shuffled"]
    change = "loses" if drop > 0 else "gains"
    lost = f"{change} {100 * abs(drop):.1f} points" if drop else "answers as well as before"
    says = f"Without the order of the steps the same model {lost}."
    yield paragraph(f"{says} Measured on {found['num_examples']:,} examples, read again:")
    rows = [
        [_READING_NAMES[name], f"{found[name]:.1%}", f"{100 * (found[name] - found['whole']):+.1f}"]
        for name in ("whole", *READINGS)
    ]
    yield table(["the model reads the steps", "accuracy", "points"], rows)


def _examples(report: dict[str, Any], examples: list[ShownExample]) -> Iterable[str]:
    if not examples:
        return
    yield heading("The surest mistakes, and some right answers")
    yield paragraph(
        "Blue steps speak for the answer that was given, red ones against it: each step's share of the"
        " log-odds by integrated gradients (Sundararajan 2017), which add up to the answer."
    )
    yield from (raw(example_view(one)) for one in examples)


def _data(report: dict[str, Any], inputs: PageInputs) -> Iterable[str]:
    yield heading("The data")
    sizes = ", ".join(f"{name} {size:,}" for name, size in inputs.part_sizes.items())
    yield paragraph(f"Examples: {sizes}." if sizes else "")
    steps = np.asarray(inputs.lengths)
    yield paragraph(
        f"Steps of a tested example: median {np.median(steps):,.0f}, from {steps.min():,} to"
        f" {steps.max():,}; {steps.sum():,} in all."
    )
    yield picture(draw_lengths(steps), alt="histogram of the numbers of steps")
    unknown = report.get("unknown_share")
    if unknown:
        shown = ", ".join(f"{name} {share:.2%}" for name, share in unknown.items())
        yield paragraph(f"Words that are not in the vocabulary: {shown}.")
    yield from (paragraph(told) for told in (_twins(report), _unlabelled(report)) if told)
    skipped = report["skipped"]
    yield paragraph(f"Skipped: {len(skipped):,}." if skipped else "Nothing was skipped.")
    if skipped:
        rows = [
            [str(next(iter(one.values())))[:200], one["reason"]] for one in skipped[:_MOST_LISTED]
        ]
        left = len(skipped) - len(rows)
        more = [paragraph(f"{left:,} more are listed in report.json.")] if left else []
        yield details("What was skipped, and why", table(["", "reason"], rows), *more)


def _twins(report: dict[str, Any]) -> str:
    found, leaks = report.get("duplicates"), report.get("leaks") or []
    if found is None:
        return ""
    count = len(found) if isinstance(found, list) else found["texts"]
    num_leaks = report.get("num_leaks", len(leaks))
    return (
        f"{count:,} examples are there more than once; between the source's own parts there are"
        f" {num_leaks:,} leaks (report.json lists both)."
    )


def _unlabelled(report: dict[str, Any]) -> str:
    """What was learnt from beside the training part."""
    told = []
    if found := report.get("unlabelled"):
        told.append(
            f"Learnt from without a label: {found['texts'] - found['withheld']:,} texts;"
            f" {found['withheld']:,} more read as one that is measured on, and were left out."
        )
    if teachers := report.get("teachers"):
        told.append(f"Their answers are those of {', '.join(teachers)}.")
    for part, count in (report.get("read_by_language_model") or {}).items():
        if count:
            told.append(f"The language model has read {count:,} texts of the part {part}.")
    return " ".join(told)


def _run(report: dict[str, Any], inputs: PageInputs) -> Iterable[str]:
    yield heading("The run")
    seconds = report["train_seconds"] or 0
    waited = report.get("wait_share")
    share = "" if waited is None else f", {waited:.1%} of it waiting for data"
    yield paragraph(f"Trained for {seconds:,.0f} s{share}.")
    if inputs.history:
        yield picture(draw_history(inputs.history), alt="loss and accuracy by epoch")
    about = report.get("surroundings", {})
    if about:
        versions = ", ".join(f"{name} {number}" for name, number in about["versions"].items())
        devices = ", ".join(about["devices"]) or "no GPU"
        yield paragraph(
            f"{about['processor']}, {about['cores']} cores, {devices}; {about['system']}; {versions}."
        )
    if inputs.config:
        text = json.dumps(inputs.config, indent=2, ensure_ascii=False, default=str)
        yield details("All options", raw(f"<pre>{escape(text)}</pre>"))
