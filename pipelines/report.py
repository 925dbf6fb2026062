"""Predictions -> report files: numbers, texts and one figure. Pure: arrays in, files out.

Every metric is scikit-learn's (https://scikit-learn.org/stable/modules/model_evaluation.html) and is
taken over all K classes, so that a class without an example in this split counts and is never dropped.

Letters: n examples, K classes.
"""

import csv
import io
import json
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import fontManager, get_font
from sklearn import metrics

SOURCE_COLUMNS = ("path", "text")
# Tried in this order, where installed, for class names that matplotlib's own font cannot write.
FALLBACK_FONTS = ("Noto Sans CJK KR", "Noto Sans CJK JP", "NanumGothic", "Malgun Gothic",
                  "Apple SD Gothic Neo", "Microsoft YaHei", "Arial Unicode MS")


@dataclass(frozen=True, kw_only=True)
class Predictions:
    """Every example of one split, once.

    A row of `probabilities` may miss the sum 1 by 1e-3, as a float32 softmax does; it is divided by its
    sum in float64. Raises ValueError for an example counted twice, shapes that disagree, a label outside
    0 .. K-1, K < 2, and numbers that are no probabilities.
    """

    ids: np.ndarray  # (n,) int64, row of the example in its data set; unique
    sources: list[str]  # (n) the path of the clip or the text itself
    source_column: str  # "path" or "text": the name of that column in predictions.csv
    labels: np.ndarray  # (n,) int64
    probabilities: np.ndarray  # (n, K) float64, rows sum to 1
    classes: list[str]  # (K) names, all different

    def __post_init__(self) -> None:
        n, num_classes = len(self.sources), len(self.classes)
        ids, labels = np.asarray(self.ids), np.asarray(self.labels)
        probabilities = np.asarray(self.probabilities, dtype=np.float64)
        _require(n > 0, "no predictions came; a report needs 1 or more: check that the split has examples")
        _require(num_classes > 1 and len(set(self.classes)) == num_classes,
                 f"classes are {self.classes}; allowed are 2 or more different names: rename or add some")
        _require(ids.shape == labels.shape == (n,) and probabilities.shape == (n, num_classes),
                 f"ids {ids.shape}, labels {labels.shape} and probabilities {probabilities.shape} came with "
                 f"{n} sources and {num_classes} classes; allowed are ({n},), ({n},) and "
                 f"({n}, {num_classes}): pass one row an example")
        for name, values in (("ids", ids), ("labels", labels)):
            _require(np.issubdtype(values.dtype, np.integer),
                     f"{name} came as {values.dtype}; allowed are integers: convert them first")
        _require(self.source_column in SOURCE_COLUMNS,
                 f"source_column is {self.source_column!r}; allowed are {SOURCE_COLUMNS}: choose one")
        unique, counts = np.unique(ids, return_counts=True)
        twice = unique[counts > 1].tolist()
        _require(not twice, f"{len(twice)} ids came more than once ({', '.join(map(str, twice[:10]))}"
                 f"{', ...' if len(twice) > 10 else ''}); an example is counted once: drop what a sampler "
                 "repeated before reporting")
        _require(labels.min() >= 0 and labels.max() < num_classes,
                 f"labels run from {labels.min()} to {labels.max()}; allowed are 0 to {num_classes - 1}: "
                 "pass the classes that the labels were made with")
        sums = probabilities.sum(axis=1)
        wrong = ~((abs(sums - 1) < 1e-3) & (probabilities >= 0).all(axis=1))  # NaN and inf fail both
        _require(not wrong.any(), f"{wrong.sum()} rows of probabilities (the first has id "
                 f"{ids[wrong][:1]}) do not sum to 1; allowed are finite numbers of 0 or more that do: "
                 "apply a softmax, and look for NaN in the weights")
        for name, value in (("ids", ids.astype(np.int64)), ("labels", labels.astype(np.int64)),
                            ("probabilities", probabilities / sums[:, None])):
            object.__setattr__(self, name, value)  # how a frozen dataclass normalises its own fields

    @property
    def predicted(self) -> np.ndarray:
        """(n,) int64: the most probable class, the first one among equals."""
        return self.probabilities.argmax(axis=1)


def scores(labels: np.ndarray, probabilities: np.ndarray) -> dict[str, float]:
    """labels (n,), probabilities (n, K), rows summing to 1 -> accuracy, macro_f1, log_loss (nats).

    The one definition for the model and for its baselines. macro_f1 averages over all K classes, an
    absent class that is not predicted either counting 0; log_loss clips at 2.2e-16, so it stays finite.
    """
    every_class = np.arange(probabilities.shape[1])
    predicted = probabilities.argmax(axis=1)
    return {
        "accuracy": float(metrics.accuracy_score(labels, predicted)),
        "macro_f1": float(metrics.f1_score(labels, predicted, labels=every_class, average="macro",
                                           zero_division=0)),
        "log_loss": float(metrics.log_loss(labels, probabilities, labels=every_class)),
    }


def write_report(folder: Path, predictions: Predictions, *, task: str, data: str, split: str,
                 truncated_steps: int, skipped: list[dict[str, str]], train_seconds: float,
                 baselines: dict[str, dict], extra: dict | None = None) -> dict:
    """Write report.json, report.txt, predictions.csv and confusion_matrix.png; return the report.

    `skipped` holds {"path": ..., "reason": ...} for every file that was left out, `baselines` the scores
    of each baseline by name, `extra` further keys of report.json. Every file appears whole or not at all,
    and report.json last: where it stands, the others are complete. It is strict JSON: a number that is
    not finite becomes null. Raises ValueError where `extra` has a key that the report has already.
    """
    folder.mkdir(parents=True, exist_ok=True)
    labels, predicted, classes = predictions.labels, predictions.predicted, predictions.classes
    every_class = range(len(classes))
    report: dict[str, Any] = {
        "task": task, "data": data, "split": split, "num_examples": len(labels), "classes": classes,
        **scores(labels, predictions.probabilities),
        "classification_report": metrics.classification_report(
            labels, predicted, labels=every_class, target_names=classes, output_dict=True,
            zero_division=0),
        "confusion_matrix": metrics.confusion_matrix(labels, predicted, labels=every_class),
        "truncated_steps": truncated_steps, "skipped": skipped, "train_seconds": train_seconds,
        "baselines": baselines,
    }
    taken = sorted(report.keys() & (extra or {}).keys())
    _require(not taken, f"extra has the keys {taken}; allowed are keys the report has not: rename them")
    report = _plain(report | (extra or {}))
    _write_text(folder / "report.txt", _classification_text(report))
    _write_text(folder / "predictions.csv", _predictions_csv(predictions))
    with open_replacing(folder / "confusion_matrix.png") as file:
        draw_confusion_matrix(report).savefig(file, format="png", dpi=150, bbox_inches="tight",
                                              pad_inches=0.2)
    _write_text(folder / "report.json",
                json.dumps(report, indent=2, ensure_ascii=False, allow_nan=False) + "\n")
    return report


def summary(report: dict, *, model_name: str | None = None) -> str:
    """What a person reads at the end of a run: the report as lines for a terminal, no final newline.

    Better means a higher accuracy on the same examples; a tie is not beaten.
    """
    model = "model" if model_name is None else f"model ({model_name})"
    num_examples, skipped, baselines = report["num_examples"], report["skipped"], report["baselines"]
    rows = {model: report, **baselines}
    width = max(map(len, rows)) + 2
    lines = [
        f"{report['task']} on {report['data']}, {report['split']}: accuracy {report['accuracy']:.4f}, "
        f"{num_examples:,} examples, {len(report['classes'])} classes, "
        f"trained in {_duration(report['train_seconds'])}",
        "", _classification_text(report).rstrip(), "",
        f"{'':{width}}{'accuracy':>10}{'macro-F1':>10}{'log loss':>10}",
        *(f"{name:{width}}" + "".join(f"{_number(row.get(key), 4):>10}"
                                      for key in ("accuracy", "macro_f1", "log_loss"))
          for name, row in rows.items()),
        "", _verdict(model, report["accuracy"], {k: row["accuracy"] for k, row in baselines.items()}),
    ]
    if report["truncated_steps"] > 0:
        lines.append(f"Truncated: {report['truncated_steps']:,} steps at the ends of long sequences "
                     "were not read.")
    if skipped:
        lines.append(f"Skipped: {len(skipped):,} file{'s' if len(skipped) > 1 else ''}")
        lines += [f"  {item['path']}: {item['reason']}" for item in skipped[:3]]
        if len(skipped) > 3:
            lines.append(f'  and {len(skipped) - 3:,} more: all stand in report.json under "skipped"')
    return "\n".join(_printable(line) for line in "\n".join(lines).split("\n"))


def draw_confusion_matrix(report: dict) -> Figure:
    """A report's confusion matrix: colour is the share of the row, cells say count and share.

    Cells are laid out in inches and the canvas is cropped around them when saved (bbox_inches="tight"),
    so that long names widen the picture and never squeeze the cells. Owns its canvas: nothing of pyplot.
    """
    counts = np.array(report["confusion_matrix"])
    num_classes, totals = len(counts), counts.sum(axis=1)
    shares = counts / np.maximum(totals, 1)[:, None]
    cell_inches = float(np.interp(num_classes, (2, 4, 10, 20, 40, 101), (1.5, 1.1, 0.8, 0.62, 0.34, 0.16)))
    side = cell_inches * num_classes
    figure = Figure(figsize=(side, side))
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1))
    # The root of the share: a confusion of 5 % must be seen beside hits of 90 %.
    image = axes.imshow(np.ma.masked_array(shares, np.broadcast_to(totals[:, None] == 0, shares.shape)),
                        cmap="Blues", norm="linear", vmin=0, vmax=1)
    return figure
