"""Predictions -> report files: numbers, texts and one figure. Pure: arrays in, files out.

Every metric is scikit-learn's (https://scikit-learn.org/stable/modules/model_evaluation.html),
over all K classes: one without an example in this split counts too. n examples, K classes.
"""

import csv
import io
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from matplotlib.font_manager import fontManager, get_font
from sklearn import metrics

GREY = "#5b6673"
# Where installed, these write the class names that matplotlib's own font cannot.
FALLBACK_FONTS = ("Noto Sans CJK KR", "Noto Sans CJK JP", "NanumGothic", "Malgun Gothic",
                  "Apple SD Gothic Neo", "Microsoft YaHei", "Arial Unicode MS")


@dataclass(frozen=True, kw_only=True)
class Predictions:
    """Every example of one split, once.

    A row of `probabilities` may miss the sum 1 by 1e-3, as a float32 softmax does: it is divided by
    its sum. Raises ValueError for an example counted twice, shapes that disagree, a label outside
    0 .. K-1, K < 2, and numbers that are no probabilities.
    """

    ids: np.ndarray  # (n,) int64, row of the example in its data set; unique
    sources: list[str]  # (n) the path of the clip or the text itself
    source_column: Literal["path", "text"]  # the name of that column in predictions.csv
    labels: np.ndarray  # (n,) int64
    probabilities: np.ndarray  # (n, K) float64, rows sum to 1
    classes: list[str]  # (K) names, all different

    def __post_init__(self) -> None:
        n, num_classes = len(self.sources), len(self.classes)
        ids, labels = np.asarray(self.ids), np.asarray(self.labels)
        shares = np.asarray(self.probabilities, dtype=np.float64)
        _require(n > 0, "0 predictions came; 1 or more are needed: look into the split")
        _require(num_classes > 1 and len(set(self.classes)) == num_classes,
                 f"classes are {self.classes}; 2 or more different names are needed: rename or add")
        _require(ids.shape == labels.shape == (n,) and shares.shape == (n, num_classes)
                 and ids.dtype.kind in "iu" and labels.dtype.kind in "iu",
                 f"{ids.dtype} ids {ids.shape}, {labels.dtype} labels {labels.shape}, "
                 f"probabilities {shares.shape} came for {n} sources, {num_classes} classes; "
                 "needed are integers (n,), integers (n,) and (n, K): pass one row an example")
        unique, counts = np.unique(ids, return_counts=True)
        twice = unique[counts > 1].tolist()
        _require(not twice, f"{len(twice)} ids came more than once: {str(twice[:10])[1:-1]}"
                 f"{', ...' * (len(twice) > 10)}; each counts once: drop what a sampler repeated")
        low, high = labels.min(), labels.max()
        _require(low >= 0 and high < num_classes, f"labels run from {low} to {high}; 0 to "
                 f"{num_classes - 1} are allowed: pass the classes that the labels were made with")
        sums = shares.sum(axis=1, keepdims=True)
        wrong = ids[~((abs(sums - 1) < 1e-3) & (shares >= 0)).all(axis=1)].tolist()  # also NaN
        _require(not wrong, f"{len(wrong)} rows of probabilities, first that of id {wrong[:1]}, do "
                 "not sum to 1; finite numbers that do are allowed: apply softmax, look for NaN")
        object.__setattr__(self, "ids", ids.astype(np.int64))  # as a frozen dataclass must
        object.__setattr__(self, "labels", labels.astype(np.int64))
        object.__setattr__(self, "probabilities", shares / sums)

    @property
    def predicted(self) -> np.ndarray:
        """(n,) int64: the most probable class, the first one among equals."""
        return self.probabilities.argmax(axis=1)


def scores(labels: np.ndarray, probabilities: np.ndarray) -> dict[str, float]:
    """labels (n,), probabilities (n, K), rows summing to 1 -> accuracy, macro_f1, log_loss (nats).

    The one definition for the model and its baselines. macro_f1 averages over all K classes (0 for
    one neither present nor predicted); log_loss clips at 2.2e-16, so it stays finite.
    """
    predicted, every = probabilities.argmax(axis=1), np.arange(probabilities.shape[1])
    f1_scores = metrics.f1_score(labels, predicted, labels=every, average=None, zero_division=0)
    return {"accuracy": float(metrics.accuracy_score(labels, predicted)),
            "macro_f1": float(f1_scores.mean()),
            "log_loss": float(metrics.log_loss(labels, probabilities, labels=every))}


def write_report(folder: Path, predictions: Predictions, *, task: str, data: str, split: str,
                 truncated_steps: int, skipped: list[dict[str, str]], train_seconds: float,
                 baselines: dict[str, dict], extra: dict | None = None) -> dict:
    """Write report.json, report.txt, predictions.csv and confusion_matrix.png; return the report.

    `skipped` holds {"path": ..., "reason": ...} for every file left out, `baselines` the scores by
    name, `extra` further keys: ValueError for one that the report has already. Each file appears
    whole or not at all, report.json last: where it stands, the others are complete. It is strict
    JSON: a number that is not finite becomes null.
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
    text = json.dumps(report | (extra or {}), ensure_ascii=False,
                      default=lambda item: item.tolist() if hasattr(item, "tolist") else str(item))
    report = json.loads(text, parse_constant=lambda constant: None)  # NaN and infinity
    folder.mkdir(parents=True, exist_ok=True)
    _write_text(folder / "report.txt", _classification_text(report))
    _write_text(folder / "predictions.csv", _predictions_csv(predictions))
    with open_replacing(folder / "confusion_matrix.png") as file:
        draw_confusion_matrix(report).savefig(file, dpi=150, bbox_inches="tight", pad_inches=0.2)
    _write_text(folder / "report.json", json.dumps(report, indent=2, ensure_ascii=False) + "\n")
    return report


def summary(report: dict, *, model_name: str | None = None) -> str:
    """What a person reads on a terminal at the end of a run; no final newline.

    To beat a baseline is to have the higher accuracy on the same examples: a tie is not enough.
    """
    model = f"model ({_printable(model_name)})" if model_name else "model"
    rows = {model: report} | {_printable(name): row for name, row in report["baselines"].items()}
    width = max(map(len, rows)) + 2
    lines = [_printable("{task} on {data}, {split}: accuracy {accuracy:.4f}".format_map(report)),
             f"{report['num_examples']:,} examples, {len(report['classes'])} classes, "
             f"trained in {report['train_seconds'] or 0:,.0f} s",
             "", _classification_text(report).rstrip(),
             "", f"{'':{width}}{'accuracy':>10}{'macro-F1':>10}{'log loss':>10}"]
    for name, row in rows.items():
        values = (row.get(key) for key in ("accuracy", "macro_f1", "log_loss"))
        cells = ("-" if value is None else f"{value:.4f}" for value in values)
        lines.append(f"{name:{width}}" + "".join(f"{cell:>10}" for cell in cells))
    lines += ["", _verdict(report["accuracy"], report["baselines"], model)]
    if report["truncated_steps"] > 0:
        lines.append(f"Truncated: {report['truncated_steps']:,} steps of long sequences not read.")
    if skipped := report["skipped"]:
        lines.append(f"Skipped: {len(skipped):,} file{'s' * (len(skipped) > 1)}")
        lines += [_printable(f"  {item['path']}: {item['reason']}") for item in skipped[:3]]
    if len(skipped) > 3:
        lines.append(f'  and {len(skipped) - 3:,} more, listed in report.json under "skipped"')
    return "\n".join(lines)


def draw_confusion_matrix(report: dict) -> Figure:
    """A report's confusion matrix: the colour is the share of the row; cells say count and share.

    Laid out in inches around the cells and cropped when saved (bbox_inches="tight"), so that long
    names widen the picture and never squeeze the cells. No pyplot: no state that leaks figures.
    """
    counts = np.array(report["confusion_matrix"])
    num_classes, totals = len(counts), counts.sum(axis=1, keepdims=True)
    shares = np.where(totals == 0, np.nan, counts / np.maximum(totals, 1))  # an empty row is grey
    cell = np.interp(num_classes, (2, 4, 10, 20, 40, 101), (1.4, 1.1, 0.8, 0.6, 0.36, 0.17))
    side = float(cell * num_classes)  # inches, both
    figure = Figure(figsize=(side, side))
    axes = figure.add_axes((0, 0, 1, 1), facecolor="#e4e4e4", ylim=(num_classes, 0))
    # Not linear: a confusion of 5 % must show beside hits of 90 %; the colour bar tells the scale.
    image = axes.pcolormesh(shares, cmap="Blues", norm=PowerNorm(0.6, vmin=0, vmax=1),
                            edgecolors="white", linewidth=min(2.0, 3 * cell))
    size = float(np.clip(1.5 * side, 11, 20))  # a large picture is looked at from further away
    _label(axes, report["classes"], totals[:, 0], cell, size)
    if num_classes <= 40:
        _write_cells(axes, counts, shares, cell)
    bar = figure.colorbar(image, cax=figure.add_axes((1 + 0.2 / side, 0, 0.16 / side, 1)),
                          ticks=[0, 0.05, 0.2, 0.4, 0.6, 0.8, 1], format="{x:.0%}")
    bar.outline.set_visible(False)
    bar.ax.tick_params(length=0, labelsize=0.8 * size, labelcolor=GREY)
    bar.set_label("share of the row", fontsize=0.9 * size, color=GREY)
    title = _printable("{task} on {data}, {split}".format_map(report))
    numbers = ("accuracy {accuracy:.1%}   macro-F1 {macro_f1:.3f}   {num_examples:,} examples"
               ).format_map(report)
    for text, height, color, weight in ((title, 2.6, "k", "bold"), (numbers, 1, GREY, "normal")):
        axes.annotate(text, (0, 1), (0, height * size), "axes fraction", "offset points",
                      color=color, fontsize=size, weight=weight, parse_math=False)
    return figure


def _label(axes: Axes, classes: list[str], totals: np.ndarray, cell: float, size: float) -> None:
    families, names = _drawable(classes)
    small = min(11.0, cell * 72 * 0.62)
    style: dict[str, Any] = {"fontsize": small, "family": families, "parse_math": False}
    ticks = np.arange(len(names)) + 0.5
    rows = [f"{name}  ({total:,})" for name, total in zip(names, totals, strict=True)]
    axes.set_yticks(ticks, rows, **style)
    if max(map(len, names)) * small * 0.62 > cell * 72:  # wider than its column
        style |= {"rotation": 45 if cell > 0.3 else 90, "rotation_mode": "anchor", "ha": "right",
                  "va": "center"}
    axes.set_xticks(ticks, names, **style)
    axes.set_xlabel("predicted", fontsize=size, color=GREY, labelpad=8)
    axes.set_ylabel("true  (examples)", fontsize=size, color=GREY, labelpad=8)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)


def _write_cells(axes: Axes, counts: np.ndarray, shares: np.ndarray, cell: float) -> None:
    two_lines = cell >= 0.55
    longest = max(len(f"{counts.max():,}"), 4 if two_lines else 2)
    size = min(17.0, cell * 72 * min(0.25 if two_lines else 0.36, 1.3 / longest))
    for (row, column), count in np.ndenumerate(counts):
        share, line = shares[row, column], size / (cell * 72) * (two_lines and count > 0)
        color = "#b5bcc6" if count == 0 else "white" if share > 0.4 else "#1c2b3a"
        style: dict[str, Any] = {"ha": "center", "va": "center", "color": color}
        x, y, weight = column + 0.5, row + 0.5, "bold" if row == column else "normal"
        if count or len(counts) <= 10:  # zeros would bury the rest
            axes.text(x, y - 0.55 * line, f"{count:,}", fontsize=size, weight=weight, **style)
        if line:
            axes.text(x, y + 0.7 * line, f"{share:.1%}", fontsize=0.75 * size, **style)


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


def _verdict(accuracy: float, baselines: dict[str, dict], model: str) -> str:
    if not baselines:
        return f"No baseline was run: nothing shows what the {model} adds."
    rivals = sorted((row["accuracy"], _printable(name)) for name, row in baselines.items())[::-1]
    unbeaten = [rival for rival in rivals if rival[0] >= accuracy]
    shown = unbeaten or rivals[:1]
    digits = 5 if any(0 < abs(value - accuracy) < 1e-3 for value, _ in shown) else 3
    names = " and ".join(name for _, name in shown)
    numbers = " and ".join(f"{value:.{digits}f}" for value, _ in shown)
    start = "does NOT beat" if unbeaten else "beats every baseline, the best of them"
    return f"The {model} {start} {names}: accuracy {accuracy:.{digits}f} against {numbers}."


def _classification_text(report: dict) -> str:
    """scikit-learn's text, from the counts alone: a report read back from disk prints as well."""
    counts = np.array(report["confusion_matrix"])
    labels, predicted = np.repeat(np.indices(counts.shape).reshape(2, -1), counts.ravel(), axis=1)
    return metrics.classification_report(
        labels, predicted, labels=range(len(counts)), digits=4, zero_division=0,
        target_names=[_printable(name) for name in report["classes"]])


def _predictions_csv(predictions: Predictions) -> str:
    """Rows by id, numbers exact, all strings quoted (else csv leaves a bare \\r unquoted).

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
    """UTF-8; a lone surrogate is written as \\udcff, which JSON reads back as the surrogate."""
    with open_replacing(path) as file:
        file.write(text.encode("utf-8", errors="backslashreplace"))


@contextmanager
def open_replacing(path: Path) -> Iterator[BinaryIO]:
    """A file to write that takes the place of `path` only if the block ends without an error."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            yield file
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _printable(text: str) -> str:
    """One line, harmless to a terminal: control characters and lone surrogates as escapes."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in str(text))


def _require(condition: object, message: str) -> None:
    if not condition:
        raise ValueError(message)
