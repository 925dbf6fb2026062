"""Predictions -> report files: numbers, texts and one figure. Pure: arrays in, files out.

Every metric is scikit-learn's (https://scikit-learn.org/stable/modules/model_evaluation.html), taken
over all K classes: one without an example in this split counts and is never dropped.
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
from datetime import timedelta
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from matplotlib.font_manager import fontManager, get_font
from matplotlib.ticker import PercentFormatter
from sklearn import metrics

GREY = "#5b6673"
# Tried in this order, where installed, for class names that matplotlib's own font cannot write.
FALLBACK_FONTS = ("Noto Sans CJK KR", "Noto Sans CJK JP", "NanumGothic", "Malgun Gothic",
                  "Apple SD Gothic Neo", "Microsoft YaHei", "Arial Unicode MS")


@dataclass(frozen=True, kw_only=True)
class Predictions:
    """Every example of one split, once.

    A row of `probabilities` may miss the sum 1 by 1e-3, as a float32 softmax does; it is divided by
    its sum in float64. Raises ValueError for an example counted twice, shapes that disagree, a label
    outside 0 .. K-1, K < 2, and numbers that are no probabilities.
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
        shares = np.asarray(self.probabilities, dtype=np.float64)
        _require(n > 0, "0 predictions came; 1 or more are needed: check that the split has examples")
        _require(num_classes > 1 and len(set(self.classes)) == num_classes,
                 f"classes are {self.classes}; 2 or more different names are needed: rename or add")
        _require(self.source_column in ("path", "text"),
                 f"source_column is {self.source_column!r}; allowed are 'path', 'text': choose one")
        _require(ids.shape == labels.shape == (n,) and shares.shape == (n, num_classes),
                 f"ids {ids.shape}, labels {labels.shape}, probabilities {shares.shape} came with {n} "
                 f"sources, {num_classes} classes; allowed are (n,), (n,), (n, K): one row an example")
        _require(ids.dtype.kind in "iu" and labels.dtype.kind in "iu",
                 f"ids are {ids.dtype}, labels {labels.dtype}; allowed are integers: convert them")
        unique, counts = np.unique(ids, return_counts=True)
        twice = unique[counts > 1].tolist()
        _require(not twice, f"{len(twice)} ids came more than once, {str(twice[:10])[1:-1]}"
                 f"{', ...' * (len(twice) > 10)}; each counts once: drop what a sampler repeated")
        _require(labels.min() >= 0 and labels.max() < num_classes,
                 f"labels run from {labels.min()} to {labels.max()}; allowed are 0 to "
                 f"{num_classes - 1}: pass the classes that the labels were made with")
        sums = shares.sum(axis=1, keepdims=True)
        wrong = ids[~((abs(sums - 1) < 1e-3) & (shares >= 0)).all(axis=1)]  # NaN and inf fail too
        _require(not len(wrong), f"{len(wrong)} rows of probabilities, first that of id {wrong[:1]}, do "
                 "not sum to 1; allowed are finite numbers that do: apply a softmax, look for NaN")
        for name, value in (("ids", ids.astype(np.int64)), ("labels", labels.astype(np.int64)),
                            ("probabilities", shares / sums)):
            object.__setattr__(self, name, value)  # how a frozen dataclass sets its own fields

    @property
    def predicted(self) -> np.ndarray:
        """(n,) int64: the most probable class, the first one among equals."""
        return self.probabilities.argmax(axis=1)


def scores(labels: np.ndarray, probabilities: np.ndarray) -> dict[str, float]:
    """labels (n,), probabilities (n, K), rows summing to 1 -> accuracy, macro_f1, log_loss (nats).

    The one definition for the model and its baselines. macro_f1 averages over all K classes (0 for one
    neither present nor predicted); log_loss clips probabilities at 2.2e-16, so it stays finite.
    """
    predicted, every_class = probabilities.argmax(axis=1), np.arange(probabilities.shape[1])
    macro_f1 = metrics.f1_score(labels, predicted, labels=every_class, average="macro",
                                zero_division=0)
    return {"accuracy": float(metrics.accuracy_score(labels, predicted)),
            "macro_f1": float(macro_f1),
            "log_loss": float(metrics.log_loss(labels, probabilities, labels=every_class))}


def write_report(folder: Path, predictions: Predictions, *, task: str, data: str, split: str,
                 truncated_steps: int, skipped: list[dict[str, str]], train_seconds: float,
                 baselines: dict[str, dict], extra: dict | None = None) -> dict:
    """Write report.json, report.txt, predictions.csv and confusion_matrix.png; return the report.

    `skipped` holds {"path": ..., "reason": ...} for every file left out, `baselines` the scores of each
    by its name, `extra` further keys. Each file appears whole or not at all, report.json last: where
    it stands, the others are complete. It is strict JSON: a number that is not finite becomes null.
    Raises ValueError where `extra` has a key that the report has already.
    """
    labels, predicted, classes = predictions.labels, predictions.predicted, predictions.classes
    options: dict[str, Any] = {"labels": range(len(classes))}
    report: dict[str, Any] = {
        "task": task, "data": data, "split": split, "num_examples": len(labels), "classes": classes,
        **scores(labels, predictions.probabilities),
        "classification_report": metrics.classification_report(
            labels, predicted, target_names=classes, output_dict=True, zero_division=0, **options),
        "confusion_matrix": metrics.confusion_matrix(labels, predicted, **options),
        "truncated_steps": truncated_steps, "skipped": skipped, "train_seconds": train_seconds,
        "baselines": baselines,
    }
    taken = sorted(report.keys() & (extra or {}).keys())
    _require(not taken, f"extra has the keys {taken}; the report has them already: rename them")
    report = _plain(report | (extra or {}))
    folder.mkdir(parents=True, exist_ok=True)
    _write_text(folder / "report.txt", _classification_text(report))
    _write_text(folder / "predictions.csv", _predictions_csv(predictions))
    with open_replacing(folder / "confusion_matrix.png") as file:
        draw_confusion_matrix(report).savefig(file, dpi=150, bbox_inches="tight", pad_inches=0.2)
    _write_text(folder / "report.json", json.dumps(report, indent=2, ensure_ascii=False,
                                                   allow_nan=False) + "\n")
    return report


def summary(report: dict, *, model_name: str | None = None) -> str:
    """What a person reads on a terminal at the end of a run; no final newline.

    To beat a baseline is to have the higher accuracy on the same examples: a tie is not enough.
    """
    model = "model" if model_name is None else f"model ({_printable(model_name)})"
    rows = {model: report} | {_printable(name): row for name, row in report["baselines"].items()}
    width = max(map(len, rows)) + 2
    lines = [_printable(f"{report['task']} on {report['data']}, {report['split']}: accuracy "
                        f"{report['accuracy']:.4f}"),
             f"{report['num_examples']:,} examples, {len(report['classes'])} classes, trained in "
             f"{timedelta(seconds=round(report['train_seconds'] or 0))} h:mm:ss",
             "", _classification_text(report).rstrip(),
             "", f"{'':{width}}{'accuracy':>10}{'macro-F1':>10}{'log loss':>10}"]
    for name, row in rows.items():
        values = (row.get(key) for key in ("accuracy", "macro_f1", "log_loss"))
        cells = ("-" if value is None else f"{value:.4f}" for value in values)
        lines.append(f"{name:{width}}" + "".join(f"{cell:>10}" for cell in cells))
    lines += ["", _verdict(model, **{name: row["accuracy"] for name, row in rows.items()})]
    if report["truncated_steps"] > 0:
        lines.append(f"Truncated: {report['truncated_steps']:,} steps of long sequences were not read.")
    if skipped := report["skipped"]:
        lines.append(f"Skipped: {len(skipped):,} file{'s' * (len(skipped) > 1)}")
        lines += [_printable(f"  {item['path']}: {item['reason']}") for item in skipped[:3]]
    if len(skipped) > 3:
        lines.append(f'  and {len(skipped) - 3:,} more, listed in report.json under "skipped"')
    return "\n".join(lines)


def draw_confusion_matrix(report: dict) -> Figure:
    """A report's confusion matrix: the colour is the share of the row; cells say count and share.

    Laid out in inches around the cells and cropped when saved (bbox_inches="tight"), so that long
    names widen the picture and never squeeze the cells. It owns its canvas; pyplot is not involved.
    """
    counts = np.array(report["confusion_matrix"])
    num_classes, totals = len(counts), counts.sum(axis=1, keepdims=True)
    shares = np.where(totals == 0, np.nan, counts / np.maximum(totals, 1))  # an empty row is grey
    cell = np.interp(num_classes, (2, 4, 10, 20, 40, 101), (1.4, 1.1, 0.8, 0.6, 0.36, 0.17))
    side = float(cell * num_classes)
    figure = Figure(figsize=(side, side))
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1))
    # Not linear: a confusion of 5 % must show beside hits of 90 %; the colour bar tells the scale.
    image = axes.imshow(shares, cmap="Blues", norm=PowerNorm(0.6, vmin=0, vmax=1))
    axes.set_facecolor("#e4e4e4")
    size = float(np.clip(1.5 * side, 11, 20))  # a large picture is looked at from further away
    _label_axes(axes, report["classes"], totals[:, 0], cell, size)
    if num_classes <= 40:
        _write_cells(axes, counts, shares, cell)
    bar = figure.colorbar(image, cax=figure.add_axes((1 + 0.2 / side, 0, 0.16 / side, 1)),
                          ticks=[0, 0.05, 0.2, 0.4, 0.6, 0.8, 1], format=PercentFormatter(1))
    bar.outline.set_visible(False)  # type: ignore[operator]
    bar.ax.tick_params(length=0, labelsize=0.8 * size, labelcolor=GREY)
    bar.set_label("share of the row", fontsize=0.9 * size, color=GREY)
    title = _printable(f"{report['task']} on {report['data']}, {report['split']}")
    numbers = (f"accuracy {report['accuracy']:.1%}   macro-F1 {report['macro_f1']:.3f}   "
               f"{report['num_examples']:,} examples")
    for text, height, color, weight in ((title, 2.6, "black", "bold"), (numbers, 1, GREY, "normal")):
        axes.annotate(text, (0, 1), (0, height * size), xycoords="axes fraction", color=color,
                      textcoords="offset points", fontsize=size, weight=weight, parse_math=False)
    return figure


def _label_axes(axes: Axes, classes: list[str], totals: np.ndarray, cell: float, size: float) -> None:
    families, names = _drawable(classes)
    small = min(11.0, cell * 72 * 0.62)
    style: dict[str, Any] = {"fontsize": small, "family": families, "parse_math": False}
    rows = [f"{name}  ({total:,})" for name, total in zip(names, totals, strict=True)]
    axes.set_yticks(range(len(names)), rows, **style)
    if max(map(len, names)) * small * 0.62 > cell * 72:  # wider than its column
        style |= {"rotation": 45 if cell > 0.3 else 90, "rotation_mode": "anchor", "ha": "right",
                  "va": "center"}
    axes.set_xticks(range(len(names)), names, **style)
    axes.set_xlabel("predicted", fontsize=size, color=GREY, labelpad=8)
    axes.set_ylabel("true  (examples)", fontsize=size, color=GREY, labelpad=8)
    edges = np.arange(len(names) + 1) - 0.5
    axes.set_xticks(edges, minor=True)
    axes.set_yticks(edges, minor=True)
    axes.grid(which="minor", color="white", linewidth=min(2.0, 3 * cell))
    axes.tick_params(which="both", length=0)
    axes.spines[:].set_visible(False)


def _write_cells(axes: Axes, counts: np.ndarray, shares: np.ndarray, cell: float) -> None:
    two_lines, longest = cell >= 0.55, max(len(f"{counts.max():,}"), 4)
    size = cell * 72 * min(0.27 if two_lines else 0.4, 1.35 / longest)
    for (row, column), count in np.ndenumerate(counts):
        share, line = shares[row, column], size / (cell * 72) * (two_lines and count > 0)
        style: dict[str, Any] = {"ha": "center", "va": "center"}
        style["color"] = "#b5bcc6" if count == 0 else "white" if share > 0.4 else "#1c2b3a"
        if count or len(counts) <= 10:  # zeros would bury the rest
            axes.text(column, row - 0.5 * line, f"{count:,}", fontsize=size,
                      weight="bold" if row == column else "normal", **style)
        if line:
            axes.text(column, row + 0.65 * line, f"{share:.1%}", fontsize=0.75 * size, **style)


def _drawable(names: list[str]) -> tuple[list[str], list[str]]:
    """Fonts, and the names as labels: shortened, and "class 3" where no font has the letters."""
    files = {font.name: font.fname for font in fontManager.ttflist}
    families, glyphs = ["DejaVu Sans"], set(get_font(files["DejaVu Sans"]).get_charmap())
    for family in FALLBACK_FONTS:
        if family in files and not set(map(ord, "".join(names))) <= glyphs:
            families.append(family)
            glyphs |= set(get_font(files[family]).get_charmap())
    short = [n if len(n) <= 28 else f"{n[:15]}…{n[-12:]}" for n in map(_printable, names)]
    return families, [name if set(map(ord, name)) <= glyphs else f"class {index}"
                      for index, name in enumerate(short)]


def _verdict(model: str, /, **accuracies: float) -> str:
    accuracy = accuracies.pop(model)
    if not accuracies:
        return f"No baseline was run: nothing shows what the {model} adds."
    unbeaten = {name: value for name, value in accuracies.items() if value >= accuracy}
    best = max(accuracies, key=lambda name: accuracies[name])
    others = unbeaten or {best: accuracies[best]}
    close = any(0 < abs(value - accuracy) < 1e-3 for value in others.values())
    digits = 5 if close else 3
    numbers = " and ".join(f"{value:.{digits}f}" for value in others.values())
    against = f"accuracy {accuracy:.{digits}f} against {numbers}."
    if unbeaten:
        return f"The {model} does NOT beat {' and '.join(unbeaten)}: {against}"
    return f"The {model} beats every baseline; the best of them is {best}: {against}"


def _classification_text(report: dict) -> str:
    """scikit-learn's text, from the counts alone: a report read back from disk prints as well."""
    counts = np.array(report["confusion_matrix"])
    labels, predicted = (np.repeat(axis.ravel(), counts.ravel()) for axis in np.indices(counts.shape))
    return metrics.classification_report(
        labels, predicted, labels=range(len(counts)), digits=4, zero_division=0,
        target_names=[_printable(name) for name in report["classes"]])


def _predictions_csv(predictions: Predictions) -> str:
    """Rows by id, numbers exact, all strings quoted: csv leaves a bare carriage return unquoted.

    NUL, at which many readers stop, is written as the four characters \\x00.
    """
    table = io.StringIO(newline="")
    writer = csv.writer(table, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
    names, sources = ([str(text).replace("\0", "\\x00") for text in texts]
                      for texts in (predictions.classes, predictions.sources))
    writer.writerow(["id", predictions.source_column, "label", "predicted",
                     *(f"probability_{name}" for name in names)])
    ids, labels, predicted = predictions.ids, predictions.labels, predictions.predicted
    for row in np.argsort(ids):
        writer.writerow([int(ids[row]), sources[row], names[labels[row]], names[predicted[row]],
                         *predictions.probabilities[row].tolist()])
    return table.getvalue()


def _write_text(path: Path, text: str) -> None:
    """UTF-8; a lone surrogate becomes \\udcff, in JSON its own escape, so that it comes back there."""
    with open_replacing(path) as file:
        file.write(text.encode("utf-8", errors="backslashreplace"))


@contextmanager
def open_replacing(path: Path) -> Iterator[BinaryIO]:
    """A file to write, which takes the place of `path` only when the block ends without an error."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            yield file
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _plain(value: Any) -> Any:
    """What JSON can hold: arrays as lists, numpy's numbers as Python's, NaN and infinity as None."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, int | str) else str(value)


def _printable(text: str) -> str:
    """One line, harmless to a terminal: control characters and lone surrogates as escapes."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in str(text))


def _require(condition: object, message: str) -> None:
    if not condition:
        raise ValueError(message)
