"""The report of a classifier as one page: what was found in plain words, then the figures behind it.

n tested examples · K classes
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from typing import Any

import numpy as np

from pipelines.behaviour.page import section as behaviour_section
from pipelines.behaviour.section import NUM_SHOWN
from pipelines.metrics.calibration import reliability
from pipelines.metrics.measures import class_by_class
from pipelines.metrics.order import READINGS
from pipelines.pages.page import render_page
from pipelines.report.example_views import ExampleView, example_view
from pipelines.report.figures import (
    draw_confusion_matrix,
    draw_curves,
    draw_lengths,
    draw_reliability,
    slice_views,
)
from pipelines.report.shared_sections import (
    History,
    class_counts,
    data_section,
    run_section,
    verdict,
)
from pipelines.report.shown_examples import ShownExample

_BASELINES = {
    "majority": "always the most frequent class",
    "tfidf_logistic_regression": "words and pairs of words, without order (TF-IDF, logistic regression)",
    "tfidf_naive_bayes": "words and pairs of words, without order (TF-IDF, naive Bayes)",
    "mean_frame_logistic_regression": "the mean of all frames, without order (logistic regression)",
    "single_frame_logistic_regression": "the middle frame alone (logistic regression)",
}
_LEADS = {
    "accuracy": "the model's lead in accuracy, points (95 %)",
    "macro_f1": "in macro-F1, points (95 %)",
}
_READING_NAMES = {
    "whole": "as it is",
    "shuffled": "steps shuffled",
    "first_half": "first half only",
    "last_step": "last step only",
}
# With more classes the page shows the worst and folds the table of all away.
_MOST_CLASSES, _NUM_WORST = 40, 20


@dataclass(frozen=True, kw_only=True)
class PageInputs:
    """Inputs of the page beside the report's own figures."""

    labels: np.ndarray  # (n,)
    probabilities: np.ndarray  # (n, K), as reported
    uncalibrated: np.ndarray  # (n, K), before calibration
    lengths: np.ndarray  # (n,) steps
    class_counts: dict[str, list[int]]  # of each part, (K,) examples
    trained_on: str = ""  # how many examples of what
    examples: Iterable[ShownExample] = ()  # made when they are shown
    history: History = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)


def report_page(report: dict[str, Any], inputs: PageInputs, *, model_name: str) -> str:
    """The page of a report, as `classification_figures` has it; raises as `render_page` does."""
    return render_page(
        "classification.html",
        title=f"{report['task'].capitalize()} on {report['data']}",
        verdict=partial(_verdict, report, inputs, model_name),
        class_by_class=partial(_class_by_class, report, inputs),
        calibration=partial(_calibration, report, inputs),
        slices=partial(slice_views, report, inputs.lengths),
        order=partial(_order, report),
        behaviour=partial(_behaviour, report),
        examples=partial(_examples, inputs.examples),
        data=partial(_data, report, inputs),
        run=partial(_run, report, inputs),
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


def _verdict(report: dict[str, Any], inputs: PageInputs, model_name: str) -> dict[str, Any]:
    intervals = report.get("intervals", {})
    learnt = f", trained on {inputs.trained_on}," if inputs.trained_on else ""
    lead = (
        f"The {model_name}{learnt} classified {report['num_examples']:,} examples of the part"
        f" “{report['split']}” into {len(report['classes'])} classes:"
        f" {report['accuracy']:.1%} are right{_range(intervals.get('accuracy'), percent=True)};"
        f" macro-F1 {report['macro_f1']:.3f}{_range(intervals.get('macro_f1'))}."
    )
    rows = [[model_name, *_scores(report), "", ""]]
    for name, row in report["baselines"].items():
        ahead = intervals.get("against", {}).get(name, {})
        rows.append([_baseline(name), *_scores(row), *(_points(ahead.get(key)) for key in _LEADS)])
    met = met_in_training(report)
    return verdict(
        [lead, plain_verdict(report, model_name)],
        remarks=[met] if met else [],
        header=["", "accuracy", "macro-F1", "log loss", *_LEADS.values()],
        rows=rows,
        footnotes=[
            "The interval of an accuracy is Wilson's. The others are bootstrap percentiles over the"
            " tested examples and four of unknown outcome (Agresti & Coull 1998); differences are"
            " taken on the same resampled examples (paired). A lead whose interval holds 0 may be"
            " chance."
        ],
    )


def met_in_training(report: dict[str, Any]) -> str:
    """Tell how much of the tested data the model was trained on, and how its test part changed."""
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


def _points(difference: list[float] | None) -> str:
    """A difference and its interval, of shares, in points; nothing where there is none."""
    if difference is None:
        return ""
    value, low, high = (100 * x for x in difference)
    return f"{value:+.1f} ({low:+.1f} to {high:+.1f})"


def _class_by_class(report: dict[str, Any], inputs: PageInputs) -> dict[str, Any]:
    """Precision, recall and the like of each class, the confusion matrix and the curves."""
    labels, probabilities = inputs.labels, inputs.probabilities
    classes, ranks = report["classes"], report.get("ranking", {})
    # Not by name: scikit-learn's summaries are called "accuracy" or so, as a class may be.
    precision, recall, f1, counts = class_by_class(labels, probabilities.argmax(1), len(classes))
    rows = []
    for k, name in enumerate(classes):
        values = [precision[k], recall[k], f1[k]]
        values += [ranks.get(key, {}).get(name) for key in ("average_precision", "roc_auc")]
        cells = ["–" if value is None else f"{value:.3f}" for value in values]
        rows.append([name, *cells, f"{counts[k]:,.0f}"])
    # A class without an example has no F1 to be low.
    worst = [k for k in np.argsort(f1, kind="stable") if counts[k]][:_NUM_WORST]
    caption = "Each class against all others."
    if len(classes) == 2:
        caption = f"Of “{classes[1]}”; those of the other class say the same."
    return {
        "header": ["", "precision", "recall", "F1", "average precision", "ROC AUC", "examples"],
        "rows": rows,
        "worst": [rows[k] for k in worst] if len(rows) > _MOST_CLASSES else [],
        "top5": ranks.get("top5_accuracy"),
        "confusion": draw_confusion_matrix(report),
        "curves": draw_curves(labels, probabilities, classes) if np.ptp(labels) else None,
        "curves_caption": caption,
    }


def _calibration(report: dict[str, Any], inputs: PageInputs) -> dict[str, Any] | None:
    """Tell whether probabilities mean what they say, before and after calibration."""
    found = report.get("calibration")
    if not found:
        return None
    before = reliability(inputs.labels, inputs.uncalibrated)
    after = reliability(inputs.labels, inputs.probabilities)
    biases = sorted(found.get("bias", {}).items(), key=lambda pair: -abs(pair[1]))
    return {
        **found,
        "temperatures": _temperatures(found),
        "biases": biases,
        "reliability": draw_reliability(before, after),
    }


def _temperatures(found: dict[str, Any]) -> str:
    """The temperature and its slope in plain words."""
    value, slope, steps = (found[key] for key in ("temperature", "slope", "reference_steps"))
    if slope == 0:
        return f"The temperature is {value:.3f}, whatever the length of a sequence."
    *some, (most, last) = found["temperature_by_steps"].items()
    lengths = ", ".join(f"{at:.3f} for {name}" for name, at in some if name != str(steps))
    return (
        f"The temperature is {value:.3f} for a sequence of {steps} steps; with the length it"
        f" {'rises' if slope > 0 else 'falls'} as its power {slope:+.3f}: {lengths}, and {last:.3f} for"
        f" {most} steps and all that are longer. Above 1 answers become less sure, below 1 surer."
    )


def _order(report: dict[str, Any]) -> dict[str, Any] | None:
    """Tell the accuracy of the same model on shuffled steps, on the first half, on the last step."""
    found = report.get("order")
    if not found:
        return None
    rows = [
        [_READING_NAMES[name], f"{found[name]:.1%}", _points(found["against_whole"].get(name))]
        for name in ("whole", *READINGS)
    ]
    return {"verdict": _without_order(found), "num_examples": found["num_examples"], "rows": rows}


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


def _behaviour(report: dict[str, Any]) -> dict[str, Any] | None:
    """Answers to short texts whose right answer, or whose change, is known."""
    found = report.get("behaviour")
    return behaviour_section(found, most=NUM_SHOWN) if found else None


def _examples(examples: Iterable[ShownExample]) -> Iterator[ExampleView] | None:
    views = map(example_view, examples)
    first = next(views, None)
    return None if first is None else chain([first], views)


def _data(report: dict[str, Any], inputs: PageInputs) -> dict[str, Any]:
    steps = np.asarray(inputs.lengths)
    sentence = (
        f"Steps of a tested example: median {np.median(steps):,.0f}, from {steps.min():,} to"
        f" {steps.max():,}; {steps.sum():,} in all."
    )
    remarks = []
    if unknown := report.get("unknown_share"):
        shown = ", ".join(f"{name} {share:.2%}" for name, share in unknown.items())
        remarks.append(f"Words that are not in the vocabulary: {shown}.")
    return data_section(
        [sentence],
        counts=class_counts(report["classes"], inputs.class_counts),
        lengths=draw_lengths(steps),
        remarks=[*remarks, *filter(None, (_twins(report), _learnt_beside(report)))],
        skipped=report["skipped"],
    )


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


def _learnt_beside(report: dict[str, Any]) -> str:
    """List the data learnt from beside the training part."""
    told = []
    if found := report.get("taught"):
        named = {
            "excerpts": "sentences of its texts",
            "lessons": "short texts of our own",
            "rewritten": "clauses of its texts, denied, asked or set against others",
        }
        counts = [f"{found[key]:,} {name}" for key, name in named.items() if found.get(key)]
        told.append(f"Learnt beside the training part: {', '.join(counts)}.")
    if found := report.get("unlabelled"):
        told.append(
            f"Without a label: {found['texts']:,} texts, of which {found['withheld']:,} were left out"
            f" because they read as one that is measured on, and {found['repeated']:,} because they"
            " repeat another. Vectors of context are fitted to them too, if the encoder has any."
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


def _run(report: dict[str, Any], inputs: PageInputs) -> dict[str, Any]:
    waited = report.get("wait_share")
    share = "" if waited is None else f", {waited:.1%} of it waiting for data"
    return run_section(
        f"Trained for {report['train_seconds'] or 0:,.0f} s{share}.",
        history=inputs.history,
        metrics=("loss", "accuracy"),
        about=report.get("run", {}),
        config=inputs.config,
    )
