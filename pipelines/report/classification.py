"""Predictions -> the report of a classifier: figures, text, table and picture. Arrays in, files out.

Every metric is scikit-learn's (https://scikit-learn.org/stable/modules/model_evaluation.html),
over all K classes: one without an example in this split counts too. n examples, K classes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from sklearn import metrics

from pipelines.metrics.measures import (
    MOST_SQUARED,
    confusion_figures,
    confusions,
    confusions_of,
    scores,
)
from pipelines.report.figures import draw_confusion_matrix
from pipelines.report.writer import ReportFiles, write_files
from pipelines.runtime.escaping import csv_text, printable
from pipelines.runtime.strict_json import plain_values

#: columns of predictions.csv with the probabilities of many classes
FEW_PROBABILITIES = ("probability", "label_probability")
# Keys of scikit-learn's classification report that are no class.
_SUMMARIES = ("accuracy", "micro avg", "macro avg", "weighted avg")


@dataclass(frozen=True, kw_only=True)
class Predictions:
    """Every example of one split, once.

    A row of `probabilities` may miss the sum 1 by 1e-3, as a float32 softmax does: it is divided by
    its sum. Raises ValueError for an example counted twice, shapes that disagree, K < 2, and labels
    or probabilities that cannot be.
    """

    ids: np.ndarray  # (n,) int64, row of the example in its data set; unique
    sources: list[str]  # (n) the path of the clip or the text itself
    source_column: str  # "path" or "text": the name of that column in predictions.csv
    labels: np.ndarray  # (n,) int64
    probabilities: np.ndarray  # (n, K) float64, rows sum to 1
    classes: list[str]  # (K) names, all different

    def __post_init__(self) -> None:
        n, k = len(self.sources), len(self.classes)
        ids, labels = np.asarray(self.ids), np.asarray(self.labels)
        shares = np.asarray(self.probabilities, dtype=np.float64)
        _require(n > 0, "0 predictions came; needed are 1 or more: look into the split")
        differ = len(set(self.classes)) == k >= 2
        _require(differ, f"classes are {self.classes}; needed are 2 or more different ones: rename")
        came = f"{ids.dtype} ids {ids.shape}, {labels.dtype} labels {labels.shape}"
        needed = f"integers ({n},), integers ({n},), ({n}, {k}): pass one row an example"
        agree = ids.shape == labels.shape == (n,) and shares.shape == (n, k)
        agree = agree and ids.dtype.kind in "iu" and labels.dtype.kind in "iu"
        _require(agree, f"{came}, probabilities {shares.shape} came; needed are {needed}")
        unique, counts = np.unique(ids, return_counts=True)
        twice = f"{(counts > 1).sum()} ids came more than once: {unique[counts > 1].tolist()[:10]}"
        _require(len(unique) == n, f"{twice}; each counts once: drop what a sampler repeated")
        odd = set(labels.tolist()) - set(range(k))
        _require(not odd, f"labels {odd} came; allowed are 0 to {k - 1}: pass the labels' classes")
        sums = shares.sum(axis=1, keepdims=True)
        wrong = ids[~((abs(sums - 1) < 1e-3) & (shares >= 0)).all(axis=1)].tolist()  # also NaN
        message = f"the probabilities of {len(wrong)} ids ({wrong[:3]}) do not sum to 1"
        _require(not wrong, f"{message}; needed are finite numbers that do: apply softmax")
        object.__setattr__(self, "ids", ids.astype(np.int64))  # as a frozen dataclass must
        object.__setattr__(self, "labels", labels.astype(np.int64))
        object.__setattr__(self, "probabilities", shares / sums)


def write_report(
    folder: Path,
    predictions: Predictions,
    *,
    page: Callable[[dict], str] | None = None,
    **options: Any,
) -> dict:
    """`classification_figures`, which has the options, then `write_classification`."""
    report = classification_figures(predictions, **options)
    write_classification(folder, report, predictions, page=page)
    return report


def write_classification(
    folder: Path,
    report: dict,
    predictions: Predictions,
    *,
    page: Callable[[dict], str] | None = None,
) -> None:
    """Write report.txt, predictions.csv, confusion_matrix.png, report.html by ``page``, report.json.

    Raises what a picture or the page raises, when all other files are there (see `write_files`).
    """
    write_files(
        folder,
        ReportFiles(
            figures=report,
            text=_classification_text(report),
            tables={"predictions.csv": _predictions_csv(predictions)},
            pictures={"confusion_matrix.png": lambda: draw_confusion_matrix(report)},
            page=None if page is None else lambda: page(report),
        ),
    )


def classification_figures(
    predictions: Predictions,
    *,
    task: str,
    data: str,
    split: str,
    truncated_steps: int,
    skipped: list[dict[str, str]],
    train_seconds: float,
    baselines: dict[str, dict],
    extra: dict | None = None,
) -> dict:
    """The figures of a report, as plain values: a number that is not finite becomes None.

    `skipped` holds {"path": ..., "reason": ...} for every file left out, `baselines` the scores by
    name, `extra` further keys: ValueError for one that the report has already.
    """
    labels, classes = predictions.labels, predictions.classes
    predicted = predictions.probabilities.argmax(axis=1)
    report: dict[str, Any] = {
        "task": task,
        "data": data,
        "split": split,
        "num_examples": len(labels),
        "classes": classes,
        **scores(labels, predictions.probabilities),
        "classification_report": _classify(
            labels, predicted, _beside_summaries(classes), output_dict=True
        ),
        **confusion_figures(confusions(labels, predicted, len(classes)), len(classes)),
        "truncated_steps": truncated_steps,
        "skipped": skipped,
        "train_seconds": train_seconds,
        "baselines": baselines,
    }
    taken = sorted(report.keys() & (extra or {}).keys())
    _require(not taken, f"extra has the keys {taken}; the report has them already: rename them")
    report |= extra or {}
    return plain_values(report)


def summary(report: dict, *, model_name: str | None = None) -> str:
    """Summarise a report for the terminal. A baseline is beaten by a higher accuracy."""
    model = f"model ({printable(model_name)})" if model_name else "model"
    baselines = {printable(name): row for name, row in report["baselines"].items()}
    width = max(map(len, [model, *baselines])) + 2
    lines = [
        printable("{task} on {data}, {split}: accuracy {accuracy:.4f}".format_map(report)),
        f"{report['num_examples']:,} examples, {len(report['classes'])} classes, "
        f"trained in {report['train_seconds'] or 0:,.0f} s\n\n{_classification_text(report)}",
        f"{'':{width}}{'accuracy':>10}{'macro-F1':>10}{'log loss':>10}",
    ]
    for name, row in [(model, report), *baselines.items()]:
        values = (row.get(key) for key in ("accuracy", "macro_f1", "log_loss"))
        cells = (f"{'-':>10}" if value is None else f"{value:>10.4f}" for value in values)
        lines.append(f"{name:{width}}" + "".join(cells))
    may_be_chance = any(d["accuracy"][1] <= 0 for d in _against(report).values())
    lines += ["", _verdict(model, report["accuracy"], baselines, may_be_chance=may_be_chance)]
    lines += [_difference(printable(n), d) for n, d in _against(report).items()]
    if report["truncated_steps"] > 0:
        lines.append(f"Truncated: {report['truncated_steps']:,} steps of long sequences not read.")
    skipped = [printable(": ".join(item.values())) for item in report["skipped"]]
    if skipped:
        lines.append(f'Skipped: {len(skipped):,}, all listed in report.json under "skipped":')
    return "\n".join(lines + [f"  {line[-200:]}" for line in skipped[:3]])


def _verdict(
    model: str, accuracy: float, baselines: dict[str, dict], *, may_be_chance: bool = False
) -> str:
    if not baselines:
        return f"No baseline was run: nothing shows what the {model} adds."
    rivals = sorted((row["accuracy"], name) for name, row in baselines.items())[::-1]
    unbeaten = [rival for rival in rivals if rival[0] >= accuracy]
    shown = unbeaten or rivals[:1]
    digits = 5 if any(0 < abs(value - accuracy) < 1e-3 for value, _ in shown) else 3
    names = " and ".join(name for _, name in shown)
    numbers = " and ".join(f"{value:.{digits}f}" for value, _ in shown)
    start = "beats every baseline, the best of them"
    if unbeaten:
        start = "does NOT beat"
    elif may_be_chance:
        start = "is ahead of every baseline, by what may be chance, the best of them"
    return f"The {model} {start} {names}: accuracy {accuracy:.{digits}f} against {numbers}."


def _against(report: dict) -> dict[str, dict]:
    return report.get("intervals", {}).get("against", {})


def _difference(rival: str, difference: dict) -> str:
    value, low, high = difference["accuracy"]
    line = f"  {value:+.3f} accuracy against {rival} (95 % interval {low:+.3f} to {high:+.3f})"
    return line + (": within what chance does." if low <= 0 <= high else ".")


def _classify(labels: np.ndarray, predicted: np.ndarray, names: list[str], **options: Any) -> Any:
    options |= {"labels": range(len(names)), "target_names": names, "zero_division": 0}
    return metrics.classification_report(labels, predicted, **options)


def _beside_summaries(classes: list[str]) -> list[str]:
    """Names as keys beside those of scikit-learn's summaries, behind which a class would vanish."""
    keys: list[str] = []
    for name in classes:
        key = name
        while key in _SUMMARIES or (key != name and key in classes):
            key = f"class {key}"
        keys.append(key)
    return keys


def _classification_text(report: dict) -> str:
    """scikit-learn's text, from the counts alone: a report read back from disk prints as well."""
    true, predicted, counts = confusions_of(report)
    labels, predicted = np.repeat(true, counts), np.repeat(predicted, counts)
    return _classify(labels, predicted, [printable(name) for name in report["classes"]], digits=4)


def _predictions_csv(predictions: Predictions) -> str:
    """Rows by id, numbers exact (see `csv_text`).

    With more than `MOST_SQUARED` classes, the probabilities are those of two, in the columns
    ``probability`` (of the answer) and ``label_probability``.
    """
    names = predictions.classes
    header = ["id", predictions.source_column, "label", "predicted"]
    labels, predicted = predictions.labels, predictions.probabilities.argmax(axis=1)
    probabilities, columns = predictions.probabilities, [f"probability_{name}" for name in names]
    if len(names) > MOST_SQUARED:
        columns = list(FEW_PROBABILITIES)
        chosen = np.stack([predicted, labels], axis=1)
        probabilities = np.take_along_axis(probabilities, chosen, axis=1)
    rows = (
        [
            *(int(predictions.ids[row]), str(predictions.sources[row])),
            *(names[labels[row]], names[predicted[row]]),
            *probabilities[row].tolist(),
        ]
        for row in np.argsort(predictions.ids)
    )
    return csv_text(chain([[*header, *columns]], rows))


def _require(condition: object, message: str) -> None:
    if not condition:
        raise ValueError(message)
