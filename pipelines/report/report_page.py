"""A report as one page: what was found in plain words, then the figures behind it."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pipelines.pages.page import (
    details,
    escaped,
    heading,
    page_of_sections,
    paragraph,
    picture,
    raw,
    table,
)
from pipelines.report.example_views import example_view
from pipelines.report.report_figures import draw_history, draw_lengths
from pipelines.report.report_sections import calibration, order, per_class, points, slices
from pipelines.report.shown_examples import ShownExample

_BASELINES = {
    "majority": "always the most frequent class",
    "tfidf_logistic_regression": "words and pairs of words, without order (TF-IDF, logistic regression)",
    "mean_frame_logistic_regression": "the mean of all frames, without order (logistic regression)",
    "single_frame_logistic_regression": "the middle frame alone (logistic regression)",
}
_LEADS = {
    "accuracy": "the model's lead in accuracy, points (95 %)",
    "macro_f1": "in macro-F1, points (95 %)",
}
_MOST_LISTED = 20


@dataclass(frozen=True, kw_only=True)
class PageInputs:
    """What the page shows beside the report's own figures."""

    labels: np.ndarray  # (n,)
    probabilities: np.ndarray  # (n, K), as reported
    untempered: np.ndarray  # (n, K), before temperature scaling
    lengths: np.ndarray  # (n,) steps
    class_counts: dict[str, list[int]]  # of each part, (K,) examples
    trained_on: str = ""  # how many examples of what
    examples: Iterable[ShownExample] = ()  # made when they are shown
    history: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)


def report_page(report: dict[str, Any], inputs: PageInputs, *, model_name: str) -> str:
    """The page of a report, as `write_report` has it; raises as `page_of_sections` does."""
    title = f"{report['task'].capitalize()} on {report['data']}"
    return page_of_sections(
        title,
        _summary(report, inputs, model_name),
        per_class(report, inputs.labels, inputs.probabilities),
        calibration(report, inputs.labels, inputs.probabilities, inputs.untempered),
        slices(report, inputs.lengths),
        order(report),
        _examples(inputs.examples),
        _data(report, inputs),
        _run(report, inputs),
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
    learnt = f", trained on {inputs.trained_on}," if inputs.trained_on else ""
    yield paragraph(
        f"The {model_name}{learnt} classified {report['num_examples']:,} examples of the part"
        f" “{report['split']}” into {len(report['classes'])} classes:"
        f" {report['accuracy']:.1%} are right{_range(intervals.get('accuracy'), percent=True)};"
        f" macro-F1 {report['macro_f1']:.3f}{_range(intervals.get('macro_f1'))}.",
        lead=True,
    )
    yield paragraph(plain_verdict(report, model_name), lead=True)
    if told := met_in_training(report):
        yield paragraph(told)
    rows = [[model_name, *_scores(report), "", ""]]
    for name, row in report["baselines"].items():
        lead = intervals.get("against", {}).get(name, {})
        rows.append([_baseline(name), *_scores(row), *(points(lead.get(key)) for key in _LEADS)])
    header = ["", "accuracy", "macro-F1", "log loss", *_LEADS.values()]
    yield table(header, rows)
    yield paragraph(
        "The interval of an accuracy is Wilson's. The others are bootstrap percentiles over the tested"
        " examples and four of unknown outcome (Agresti & Coull 1998); differences are taken on the"
        " same resampled examples (paired). A lead whose interval holds 0 may be chance."
    )


def met_in_training(report: dict[str, Any]) -> str:
    """How much of what is tested the model knows, and what has become of its test part."""
    told = []
    met, changed = report.get("met_in_training"), report.get("changed_since_training")
    if met and any(met.values()):
        told.append(
            f"The model has learnt from {met['learnt_from']:,} of these examples and was chosen by"
            f" {met['chosen_by']:,}: the figures are too good by them."
        )
    if changed and any(changed.values()):
        told.append(
            f"The data have changed since the model was trained: {changed['gone']:,} examples of this"
            f" part are gone, and {changed['new']:,} new ones were left out."
        )
    return " ".join(told)


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


def _examples(examples: Iterable[ShownExample]) -> Iterable[str]:
    views = [raw(example_view(one)) for one in examples]
    if not views:
        return
    yield heading("The surest mistakes, and some right answers")
    yield paragraph(
        "Blue steps speak for the answer that was given, red ones against it: each step's share of the"
        " log-odds by integrated gradients (Sundararajan 2017), which add up to the answer; where they"
        " do not, or were not computed, it is said."
    )
    yield from views


def _data(report: dict[str, Any], inputs: PageInputs) -> Iterable[str]:
    yield heading("The data")
    yield _class_counts(report["classes"], inputs.class_counts)
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


def _class_counts(classes: list[str], counts: dict[str, list[int]]) -> str:
    """How many examples of each class each part has."""
    rows = [
        [name, *(f"{count:,}" for count in row)]
        for name, row in zip(classes, zip(*counts.values(), strict=True), strict=True)
    ]
    totals = ["all", *(f"{sum(row):,}" for row in counts.values())]
    shown = table(["examples", *counts], [*rows, totals])
    return shown if len(rows) <= _MOST_LISTED else details("Examples of each class", shown)


def _twins(report: dict[str, Any]) -> str:
    found, leaks = report.get("duplicates"), report.get("leaks") or []
    if found is None:
        return ""
    count = len(found) if isinstance(found, list) else found["texts"]
    num_leaks = report.get("num_leaks", len(leaks))
    torn = 0 if isinstance(found, list) else found.get("with_unlike_labels", 0)
    unlike = f", {torn:,} of them with unlike labels" if torn else ""
    return (
        f"{count:,} examples are there more than once{unlike}; between the source's own parts there are"
        f" {num_leaks:,} leaks (report.json lists both)."
    )


def _unlabelled(report: dict[str, Any]) -> str:
    """What was learnt from beside the training part."""
    told = []
    if found := report.get("unlabelled"):
        told.append(
            f"Without a label: {found['texts']:,} texts, of which {found['withheld']:,} were left out"
            f" because they read as one that is measured on, and {found['repeated']:,} because they"
            " repeat another."
        )
    if teachers := report.get("teachers"):
        told.append(f"They are learnt as {' and '.join(teachers['checkpoints'])} answer them.")
        for path, read in zip(teachers["checkpoints"], teachers["read"], strict=True):
            told += [_has_read(path, part, count) for part, count in read.items() if count]
    for part, count in (report.get("read_by_language_model") or {}).items():
        told += [_has_read("The language model", part, count)] if count else []
    return " ".join(told)


def _has_read(who: str, part: str, count: int) -> str:
    return f"{who} has learnt from {count:,} texts of the part “{part}”."


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
        yield details("All options", raw(f"<pre>{escaped(text)}</pre>"))
