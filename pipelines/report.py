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
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from matplotlib.font_manager import fontManager, get_font
from matplotlib.ticker import PercentFormatter
from sklearn import metrics

GREY = "#5b6673"
SOURCE_COLUMNS = ("path", "text")
# Tried in this order, where installed, for class names that matplotlib's own font cannot write.
FALLBACK_FONTS = (
    "Noto Sans CJK KR",
    "Noto Sans CJK JP",
    "NanumGothic",
    "Malgun Gothic",
    "Apple SD Gothic Neo",
    "Microsoft YaHei",
    "Arial Unicode MS",
)


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
        _require(
            n > 0,
            "no predictions came; a report needs 1 or more: check that the split has examples",
        )
        _require(
            num_classes > 1 and len(set(self.classes)) == num_classes,
            f"classes are {self.classes}; allowed are 2 or more different names: rename or add some",
        )
        _require(
            ids.shape == labels.shape == (n,) and probabilities.shape == (n, num_classes),
            f"ids {ids.shape}, labels {labels.shape} and probabilities {probabilities.shape} came with "
            f"{n} sources and {num_classes} classes; allowed are ({n},), ({n},) and "
            f"({n}, {num_classes}): pass one row an example",
        )
        for name, values in (("ids", ids), ("labels", labels)):
            _require(
                np.issubdtype(values.dtype, np.integer),
                f"{name} came as {values.dtype}; allowed are integers: convert them first",
            )
        _require(
            self.source_column in SOURCE_COLUMNS,
            f"source_column is {self.source_column!r}; allowed are {SOURCE_COLUMNS}: choose one",
        )
        unique, counts = np.unique(ids, return_counts=True)
        twice = unique[counts > 1].tolist()
        _require(
            not twice,
            f"{len(twice)} ids came more than once ({', '.join(map(str, twice[:10]))}"
            f"{', ...' if len(twice) > 10 else ''}); an example is counted once: drop what a sampler "
            "repeated before reporting",
        )
        _require(
            labels.min() >= 0 and labels.max() < num_classes,
            f"labels run from {labels.min()} to {labels.max()}; allowed are 0 to {num_classes - 1}: "
            "pass the classes that the labels were made with",
        )
        sums = probabilities.sum(axis=1)
        wrong = ~(
            (abs(sums - 1) < 1e-3) & (probabilities >= 0).all(axis=1)
        )  # NaN and inf fail both
        _require(
            not wrong.any(),
            f"{wrong.sum()} rows of probabilities (the first has id "
            f"{ids[wrong][:1]}) do not sum to 1; allowed are finite numbers of 0 or more that do: "
            "apply a softmax, and look for NaN in the weights",
        )
        for name, value in (
            ("ids", ids.astype(np.int64)),
            ("labels", labels.astype(np.int64)),
            ("probabilities", probabilities / sums[:, None]),
        ):
            object.__setattr__(
                self, name, value
            )  # how a frozen dataclass normalises its own fields

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
        "macro_f1": float(
            metrics.f1_score(
                labels, predicted, labels=every_class, average="macro", zero_division=0
            )
        ),
        "log_loss": float(metrics.log_loss(labels, probabilities, labels=every_class)),
    }


def write_report(
    folder: Path,
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
        "task": task,
        "data": data,
        "split": split,
        "num_examples": len(labels),
        "classes": classes,
        **scores(labels, predictions.probabilities),
        "classification_report": metrics.classification_report(
            labels,
            predicted,
            labels=every_class,
            target_names=classes,
            output_dict=True,
            zero_division=0,
        ),
        "confusion_matrix": metrics.confusion_matrix(labels, predicted, labels=every_class),
        "truncated_steps": truncated_steps,
        "skipped": skipped,
        "train_seconds": train_seconds,
        "baselines": baselines,
    }
    taken = sorted(report.keys() & (extra or {}).keys())
    _require(
        not taken, f"extra has the keys {taken}; allowed are keys the report has not: rename them"
    )
    report = _plain(report | (extra or {}))
    _write_text(folder / "report.txt", _classification_text(report))
    _write_text(folder / "predictions.csv", _predictions_csv(predictions))
    with open_replacing(folder / "confusion_matrix.png") as file:
        draw_confusion_matrix(report).savefig(
            file, format="png", dpi=150, bbox_inches="tight", pad_inches=0.2
        )
    _write_text(
        folder / "report.json",
        json.dumps(report, indent=2, ensure_ascii=False, allow_nan=False) + "\n",
    )
    return report


def summary(report: dict, *, model_name: str | None = None) -> str:
    """What a person reads on a terminal at the end of a run; no final newline.

    To beat a baseline is to have the higher accuracy on the same examples: a tie is not enough.
    """
    model = "model" if model_name is None else f"model ({_printable(model_name)})"
    where = _printable(f"{report['task']} on {report['data']}, {report['split']}")
    rows = {model: report} | {_printable(name): row for name, row in report["baselines"].items()}
    width = max(map(len, rows)) + 2
    lines = [
        f"{where}: accuracy {report['accuracy']:.4f}",
        f"{report['num_examples']:,} examples, {len(report['classes'])} classes, "
        f"trained in {_duration(report['train_seconds'])}",
        "",
        _classification_text(report).rstrip(),
        "",
        f"{'':{width}}{'accuracy':>10}{'macro-F1':>10}{'log loss':>10}",
    ]
    for name, row in rows.items():
        values = (row.get(key) for key in ("accuracy", "macro_f1", "log_loss"))
        cells = ("-" if value is None else f"{value:.4f}" for value in values)
        lines.append(f"{name:{width}}" + "".join(f"{cell:>10}" for cell in cells))
    accuracies = {name: row["accuracy"] for name, row in list(rows.items())[1:]}
    lines += ["", _verdict(model, report["accuracy"], accuracies)]
    if report["truncated_steps"] > 0:
        lines.append(
            f"Truncated: {report['truncated_steps']:,} steps of long sequences were not read."
        )
    if skipped := report["skipped"]:
        lines.append(f"Skipped: {len(skipped):,} file{'s' if len(skipped) > 1 else ''}")
        lines += [_printable(f"  {item['path']}: {item['reason']}") for item in skipped[:3]]
    if len(skipped) > 3:
        lines.append(f'  and {len(skipped) - 3:,} more, listed in report.json under "skipped"')
    return "\n".join(lines)


def draw_confusion_matrix(report: dict) -> Figure:
    """A report's confusion matrix: the colour is the share of the row; cells say count and share.

    Laid out in inches around the cells and cropped when it is saved (bbox_inches="tight"), so that long
    names widen the picture and never squeeze the cells. Owns its canvas; pyplot is not involved.
    """
    counts = np.array(report["confusion_matrix"])
    num_classes, totals = len(counts), counts.sum(axis=1)
    shares = counts / np.maximum(totals, 1)[:, None]
    cell = float(np.interp(num_classes, (2, 4, 10, 20, 40, 101), (1.4, 1.1, 0.8, 0.6, 0.36, 0.17)))
    side = cell * num_classes
    figure = Figure(figsize=(side, side))
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1))
    # Not linear: a confusion of 5 % must show beside hits of 90 %; the colour bar tells the scale.
    image = axes.imshow(
        np.ma.masked_array(shares, np.broadcast_to(totals[:, None] == 0, shares.shape)),
        cmap="Blues",
        norm=PowerNorm(0.6, vmin=0, vmax=1),
    )
    image.cmap.set_bad("#eeeeee")
    _label_axes(axes, report["classes"], totals, cell)
    if num_classes <= 40:
        _write_cells(axes, counts, shares, cell)
    bar = figure.colorbar(
        image,
        cax=figure.add_axes((1 + 0.2 / side, 0, 0.16 / side, 1)),
        ticks=[0, 0.05, 0.2, 0.4, 0.6, 0.8, 1],
        format=PercentFormatter(1),
    )
    bar.outline.set_visible(False)
    bar.ax.tick_params(length=0, labelsize=9, labelcolor=GREY)
    bar.ax.set_title("of row", fontsize=9, color=GREY, loc="left")
    for text, height, style in (
        (
            _printable(f"{report['task']} on {report['data']}, {report['split']}"),
            30,
            {"weight": "bold"},
        ),
        (
            f"accuracy {report['accuracy']:.1%}   macro-F1 {report['macro_f1']:.3f}   "
            f"{report['num_examples']:,} examples",
            12,
            {"color": GREY},
        ),
    ):
        axes.annotate(
            text,
            (0, 1),
            (0, height),
            xycoords="axes fraction",
            textcoords="offset points",
            fontsize=12,
            parse_math=False,
            **style,
        )
    return figure


def _label_axes(axes: Axes, classes: list[str], totals: np.ndarray, cell: float) -> None:
    families, names = _drawable(classes)
    size = min(11.0, cell * 72 * 0.62)
    style: dict[str, Any] = {"fontsize": size, "family": families, "parse_math": False}
    ticks = range(len(classes))
    axes.set_yticks(
        ticks, [f"{name}  ({total:,})" for name, total in zip(names, totals, strict=True)], **style
    )
    fits = max(map(len, names)) * size * 0.6 < cell * 72
    turned = (
        {}
        if fits
        else {
            "rotation": 45 if cell > 0.3 else 90,
            "rotation_mode": "anchor",
            "ha": "right",
            "va": "center",
        }
    )
    axes.set_xticks(ticks, names, **style, **turned)
    axes.set_xlabel("predicted", fontsize=11, color=GREY, labelpad=8)
    axes.set_ylabel("true (examples)", fontsize=11, color=GREY, labelpad=8)
    edges = np.arange(len(classes) + 1) - 0.5
    axes.set_xticks(edges, minor=True)
    axes.set_yticks(edges, minor=True)
    axes.grid(which="minor", color="white", linewidth=min(2.0, 3 * cell))
    axes.tick_params(which="both", length=0)
    axes.spines[:].set_visible(False)


def _write_cells(axes: Axes, counts: np.ndarray, shares: np.ndarray, cell: float) -> None:
    """Count and share; a zero is left blank where there are more than ten classes."""
    with_share = cell >= 0.55
    widest = max(len(f"{counts.max():,}"), 4)
    size = min(15.0, cell * 72 * (0.27 if with_share else 0.4), cell * 72 * 0.86 / (0.62 * widest))
    for (row, column), count in np.ndenumerate(counts):
        if count == 0 and len(counts) > 10:
            continue
        share = shares[row, column]
        color = "#b5bcc6" if count == 0 else "white" if share > 0.4 else "#1c2b3a"
        place: dict[str, Any] = {"ha": "center", "color": color}
        axes.text(
            column,
            row - (0.08 if with_share else 0),
            f"{count:,}",
            va="center",
            fontsize=size,
            weight="bold" if row == column else "normal",
            **place,
        )
        if with_share and count:
            axes.text(
                column, row + 0.22, f"{share:.1%}", va="center", fontsize=size * 0.72, **place
            )


def _drawable(names: list[str]) -> tuple[list[str], list[str]]:
    """Font families, and the names as labels: shortened, or the class index where no font has a glyph."""
    files = {font.name: font.fname for font in fontManager.ttflist}
    families, covered = ["DejaVu Sans"], set(get_font(files["DejaVu Sans"]).get_charmap())
    for family in FALLBACK_FONTS:
        if family in files and not {ord(letter) for name in names for letter in name} <= covered:
            families.append(family)
            covered |= set(get_font(files[family]).get_charmap())
    labels = []
    for index, name in enumerate(map(_printable, names)):
        label = name if len(name) <= 28 else f"{name[:15]}…{name[-12:]}"
        labels.append(label if {ord(letter) for letter in label} <= covered else f"class {index}")
    return families, labels


def _verdict(model: str, accuracy: float, baselines: dict[str, float]) -> str:
    if not baselines:
        return f"No baseline was run, so nothing says what the {model} is worth."
    unbeaten = {name: value for name, value in baselines.items() if value >= accuracy}
    others = unbeaten or dict([max(baselines.items(), key=lambda item: item[1])])
    # As many digits as it takes to tell different numbers apart.
    digits = next(
        (
            d
            for d in (3, 4, 5)
            if all(f"{v:.{d}f}" != f"{accuracy:.{d}f}" for v in others.values() if v != accuracy)
        ),
        6,
    )
    numbers = " and ".join(f"{value:.{digits}f}" for value in others.values())
    against = f"accuracy {accuracy:.{digits}f} against {numbers}"
    if unbeaten:
        return f"The {model} does NOT beat {' and '.join(unbeaten)}: {against}."
    return f"The {model} beats every baseline; the best of them is {next(iter(others))}: {against}."


def _classification_text(report: dict) -> str:
    """scikit-learn's text, from the counts alone, so that a report read back from disk prints too."""
    counts = np.array(report["confusion_matrix"])
    labels, predicted = (
        np.repeat(axis.ravel(), counts.ravel()) for axis in np.indices(counts.shape)
    )
    return metrics.classification_report(
        labels,
        predicted,
        labels=range(len(counts)),
        digits=4,
        zero_division=0,
        target_names=[_printable(name) for name in report["classes"]],
    )


def _predictions_csv(predictions: Predictions) -> str:
    """Rows by id; every string is quoted (a bare carriage return is not, otherwise), numbers are exact.

    A NUL, which many readers stop at, is written as the four characters \\x00.
    """
    table = io.StringIO(newline="")
    writer = csv.writer(table, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
    names = [name.replace("\0", "\\x00") for name in predictions.classes]
    writer.writerow(
        [
            "id",
            predictions.source_column,
            "label",
            "predicted",
            *(f"probability_{name}" for name in names),
        ]
    )
    labels, predicted = predictions.labels, predictions.predicted
    for row in np.argsort(predictions.ids):
        writer.writerow(
            [
                int(predictions.ids[row]),
                str(predictions.sources[row]).replace("\0", "\\x00"),
                names[labels[row]],
                names[predicted[row]],
                *predictions.probabilities[row].tolist(),
            ]
        )
    return table.getvalue()


def _write_text(path: Path, text: str) -> None:
    """As UTF-8; a lone surrogate becomes \\udcff, which in JSON is its own escape and so comes back."""
    with open_replacing(path) as file:
        file.write(text.encode("utf-8", errors="backslashreplace"))


@contextmanager
def open_replacing(path: Path) -> Iterator[BinaryIO]:
    """A file to write that takes the place of `path` only when the block ends without an error."""
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
        return _plain(value.tolist())
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, bool | int | str) else str(value)


def _printable(text: str) -> str:
    """One line, and harmless to a terminal: control characters and lone surrogates as escapes."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in str(text))


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return "an unknown time"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return (
        f"{hours} h {minutes} min"
        if hours
        else f"{minutes} min {rest} s"
        if minutes
        else f"{rest} s"
    )


def _require(condition: object, message: str) -> None:
    if not condition:
        raise ValueError(message)
