"""The pictures of a report.

n examples · K classes
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from pipelines.metrics.calibration import Reliability
from pipelines.metrics.measures import Confusions, confusions_of, curves
from pipelines.pages.figures import dress, panels
from pipelines.pages.lettering import drawable
from pipelines.pages.palette import (
    BLUE,
    EMPTY,
    FAINT,
    GREY,
    INK,
    MUTED,
    PALE_BLUE,
    SERIES,
    SPINE,
)
from pipelines.pages.thinning import thinned
from pipelines.runtime.escaping import printable

# With more classes than this a curve each would be a tangle: only their mean stands out.
MOST_NAMED = 8
# With more than this, cells of a confusion matrix hold no figures, and are an image.
_MOST_SHAPES = 40
# With more than this, names of classes could not be read: those of the worst confusions are.
_MOST_LABELLED, _NUM_CONFUSIONS, _UNLABELLED_SIDE = 100, 30, 6.5
_GRID = np.linspace(0, 1, 201)
_MOST_POINTS = 500
# With more than this, the curves and the mean are those of so many, evenly chosen.
_MOST_CURVES = 200
# With more than this, a square of the confusion matrix stands for several classes.
_MOST_SQUARES = 500
# Further digits, where few do not tell two numbers apart.
_MOST_DIGITS = 6
_TRAITS = {"unknown_share": "share of unknown words", "height_px": "height, px"}


def draw_curves(labels: np.ndarray, probabilities: np.ndarray, classes: list[str]) -> Figure:
    """ROC and precision–recall, each class against all others."""
    figure, (roc, recall) = panels(2, height=3.6)
    families, names = drawable(classes)
    # With two classes the curves of one mirror those of the other.
    present = np.unique(labels)
    shown = [1] if len(classes) == 2 else present[thinned(len(present), _MOST_CURVES)].tolist()
    many = len(classes) > MOST_NAMED
    mean_true, mean_precision = [], []
    for k in shown:
        found = curves(labels, probabilities, k)
        if found is None:
            continue
        style: dict[str, Any] = {"color": FAINT, "linewidth": 0.8}
        if not many:
            style = {
                "color": SERIES[k % len(SERIES)],
                "linewidth": 1.8,
                "label": _in_legend(names[k]),
            }
        at = thinned(len(found.false_positive_rate), _MOST_POINTS)
        roc.plot(found.false_positive_rate[at], found.true_positive_rate[at], **style)
        at = thinned(len(found.recall), _MOST_POINTS)
        recall.step(found.recall[at], found.precision[at], where="post", **style)
        mean_true.append(np.interp(_GRID, found.false_positive_rate, found.true_positive_rate))
        mean_precision.append(np.interp(_GRID, found.recall[::-1], found.precision[::-1]))
    if many and mean_true:
        roc.plot(
            *(_GRID, np.mean(mean_true, 0)), color=BLUE, linewidth=2.2,
            label=f"mean of {'the' if len(shown) == len(present) else len(shown)} classes",
        )  # fmt: skip
        recall.plot(_GRID, np.mean(mean_precision, 0), color=BLUE, linewidth=2.2)
    roc.plot([0, 1], [0, 1], color=GREY, linestyle=":", linewidth=1)
    roc.set(xlabel="false positive rate", ylabel="true positive rate", title="ROC")
    recall.set(xlabel="recall", ylabel="precision", title="precision–recall", ylim=(0, 1.03))
    if mean_true:
        legend = roc.legend(frameon=False, loc="lower right", prop={"family": families, "size": 8})
        for text in legend.get_texts():
            text.set_parse_math(False)  # a class may be called "$"
    return figure


def _in_legend(name: str) -> str:
    """A name that a legend shows: empty ones, and those that begin with _, are hidden."""
    return f" {name}" if not name or name.startswith("_") else name


def draw_reliability(before: Reliability, after: Reliability) -> Figure:
    """Draw the accuracy of answers by their probability, before and after calibration."""
    figure, made = panels(2, height=3.6)
    for axes, found, title in zip(
        made, (before, after), ("as trained", "after calibration"), strict=True
    ):
        middles = (found.edges[1:] + found.edges[:-1]) / 2
        width = np.diff(found.edges)
        filled = found.counts > 0
        shares = found.counts / found.counts.sum()
        axes.bar(middles[filled], found.accuracy[filled], width[filled] * 0.92, color=PALE_BLUE)
        axes.plot(found.confidence[filled], found.accuracy[filled], "o-", color=BLUE, markersize=4)
        axes.bar(middles, shares, width * 0.92, color=MUTED, alpha=0.55)
        axes.plot([0, 1], [0, 1], color=GREY, linestyle=":", linewidth=1)
        axes.set(xlim=(0, 1), ylim=(0, 1.02), xlabel="probability of the answer given")
        axes.set_title(f"{title}: error {found.expected_error:.3f}", fontsize=10, color=INK)
    made[0].set_ylabel("share that is right")
    return figure


def draw_slices(name: str, bins: list[dict[str, Any]]) -> Figure:
    """Accuracy with its interval in each bin of a trait."""
    figure, (axes,) = panels(1, height=2.9)
    figure.set_figwidth(max(1.5 * len(bins), 4.2))
    x = np.arange(len(bins))
    accuracy = np.array([one["accuracy"] for one in bins])
    low, high = np.array([one["interval"] for one in bins]).T
    axes.errorbar(x, accuracy, [accuracy - low, high - accuracy], fmt="o", color=BLUE, capsize=3)
    counts = (one["num_examples"] for one in bins)
    ticks = [f"{span}\n({n:,})" for span, n in zip(spans(name, bins), counts, strict=True)]
    axes.set_xticks(x, ticks, fontsize=8)
    axes.set(ylabel="accuracy", xlim=(-0.5, len(bins) - 0.5), ylim=(max(low.min() - 0.05, 0), 1.01))
    axes.set_xlabel(f"{trait_name(name)}  (examples)", color=GREY, fontsize=9)
    return figure


def slice_views(report: dict[str, Any], lengths: np.ndarray) -> dict[str, Any]:
    """Accuracy by length and by what else is known of the examples."""
    cut = report["truncated_steps"]
    return {
        "truncated_steps": cut,
        "truncated_share": cut / (cut + lengths.sum()),
        "figures": {
            trait_name(name): draw_slices(name, bins)
            for name, bins in report.get("slices", {}).items()
        },
        "tables": {
            trait_name(name): _categories(found)
            for name, found in report.get("categories", {}).items()
        },
    }


def _categories(found: list[dict[str, Any]]) -> dict[str, Any]:
    """Head and rows of a table of figures by name."""
    baselines = list(found[0]["baselines"])
    rows = []
    for one in found:
        low, high = one["interval"]
        rows.append(
            [
                one["value"],
                f"{one['num_examples']:,}",
                f"{one['accuracy']:.1%} ({low:.1%} – {high:.1%})",
                *(f"{one['baselines'][name]:.1%}" for name in baselines),
                f"{one['expected_calibration_error']:.3f}",
            ]
        )
    rivals = [name.replace("_", " ") for name in baselines]
    head = ["examples", "accuracy (95 %)", *rivals, "calibration error"]
    return {"head": head, "rows": rows}


def trait_name(name: str) -> str:
    """Name of a trait on the page."""
    return _TRAITS.get(name, name.replace("_", " "))


def spans(name: str, bins: list[dict[str, Any]]) -> list[str]:
    """Write the range of each bin of a trait, in as many digits as tell the bins apart."""

    def written(value: float, further: int) -> str:
        if name.endswith("_share"):
            return f"{value:.{1 + further}%}"
        return f"{value:,.0f}" if value.is_integer() else f"{value:,.{4 + further}g}"

    found: list[str] = []
    for further in range(_MOST_DIGITS):
        ends = [(written(one["low"], further), written(one["high"], further)) for one in bins]
        found = [low if low == high else f"{low} – {high}" for low, high in ends]
        # Where one bin ends as the next begins, a reader cannot tell where a value belongs.
        if all(ended != begins for (_, ended), (begins, _) in pairwise(ends)):
            break
    return found


def draw_history(
    history: Mapping[str, list[tuple[float, float]]], metrics: Sequence[str] = ("loss", "accuracy")
) -> Figure:
    """Some metrics of the training and the validation part by epoch."""
    figure, made = panels(len(metrics))
    for axes, metric in zip(made, metrics, strict=True):
        for part, color in (("train", MUTED), ("val", BLUE)):
            points = history.get(f"{part}/{metric}", [])
            if points:
                epochs, values = zip(*points, strict=True)
                axes.plot(epochs, values, "o-", color=color, markersize=4, label=part)
        axes.set(xlabel="epoch", ylabel=metric)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        if axes.lines:
            low, high = axes.get_xlim()
            if high - low < 1:  # one epoch
                axes.set_xlim(low - 0.4, high + 0.4)
            axes.legend(frameon=False, fontsize=9)
    return figure


def draw_lengths(lengths: np.ndarray) -> Figure:
    """Draw the distribution of the examples' lengths in steps."""
    figure, (axes,) = panels(1, height=2.6)
    low, high = max(lengths.min(), 1), lengths.max() + 1
    wide = high / low > 20
    edges = np.geomspace(low, high, 31) if wide else np.linspace(low, high, 31)
    axes.hist(lengths, bins=edges.tolist(), color=PALE_BLUE, edgecolor="white")
    if wide:
        axes.set_xscale("log")
    axes.set(xlabel="steps", ylabel="examples")
    return figure


def draw_confusion_matrix(report: dict) -> Figure:
    """A report's confusion matrix: the colour is the share of the row; cells say count and share.

    Laid out in inches around the cells and cropped when saved (bbox_inches="tight"), so that long
    names widen the picture and never squeeze the cells. No pyplot: no state that leaks figures. Of
    more than `_MOST_LABELLED` classes it is a small image, beside the most frequent confusions.
    """
    found, num_classes = confusions_of(report), len(report["classes"])
    squares = min(num_classes, _MOST_SQUARES)
    counts = np.zeros((squares, squares), np.int64)
    places = (found.true * squares // num_classes, found.predicted * squares // num_classes)
    np.add.at(counts, places, found.counts)
    totals = counts.sum(axis=1, keepdims=True)
    shares = np.where(totals == 0, np.nan, counts / np.maximum(totals, 1))  # an empty row is grey
    cell = float(np.interp(num_classes, (2, 4, 10, 20, 40, 101), (1.4, 1.1, 0.8, 0.6, 0.36, 0.17)))
    is_labelled = num_classes <= _MOST_LABELLED
    side = cell * num_classes if is_labelled else _UNLABELLED_SIDE  # inches, both
    cell = side / num_classes
    figure = Figure(figsize=(side, side))
    axes = figure.add_axes((0, 0, 1, 1), facecolor=EMPTY, ylim=(num_classes, 0))
    # Not linear: a confusion of 5 % must show beside hits of 90 %; the colour bar tells the scale.
    norm, gap = PowerNorm(0.6, vmin=0, vmax=1), min(2.0, 3 * cell)
    edges = np.linspace(0, num_classes, squares + 1)
    image = axes.pcolormesh(
        edges,
        edges,
        # As shapes, the cells of hundreds of classes would be tens of megabytes.
        shares, cmap="Blues", norm=norm, edgecolors="white", linewidth=gap if is_labelled else 0,
        rasterized=num_classes > _MOST_SHAPES,
    )  # fmt: skip
    size = float(np.clip(1.5 * side, 11, 20))  # a large picture is looked at from further away
    if is_labelled:
        _label(axes, report["classes"], totals[:, 0], cell, size)
    else:
        size = 11.0
        axes.set_xlabel("predicted, by number of the class", fontsize=size, color=GREY)
        axes.set_ylabel("true", fontsize=size, color=GREY)
        axes.tick_params(length=0, labelcolor=GREY)
        axes.spines[:].set_visible(False)
        beside = figure.add_axes((1 + 4.0 / side, 0, 3.0 / side, 1))
        _draw_worst_confusions(beside, found, report["classes"])
    if num_classes <= _MOST_SHAPES:
        _write_cells(axes, counts, shares, cell)
    place = figure.add_axes((1 + 0.2 / side, 0, 0.16 / side, 1))
    ticks = (0, 0.05, 0.2, 0.4, 0.6, 0.8, 1)
    bar = figure.colorbar(image, cax=place, ticks=ticks, format="{x:.0%}")
    bar.outline.set_visible(False)
    bar.ax.tick_params(length=0, labelsize=0.8 * size, labelcolor=GREY)
    bar.set_label("share of the row", fontsize=0.9 * size, color=GREY)
    title = printable("{task} on {data}, {split}".format_map(report))
    line = "accuracy {accuracy:.1%}   macro-F1 {macro_f1:.3f}   {num_examples:,} examples"
    above = -size / (72 * cell)  # one line of text, in cells
    axes.text(0, 2.6 * above, title, fontsize=size, weight="bold", parse_math=False)
    axes.text(0, above, line.format_map(report), fontsize=size, color=GREY)
    return figure


def _draw_worst_confusions(axes: Axes, found: Confusions, classes: list[str]) -> None:
    """The pairs of classes that are confused most often."""
    wrong = np.flatnonzero(found.true != found.predicted)
    order = wrong[np.argsort(-found.counts[wrong], kind="stable")[:_NUM_CONFUSIONS]]
    true, predicted = found.true[order], found.predicted[order]
    dress(axes, spines=("bottom",))
    axes.set_title("most frequent confusions", fontsize=11, color=INK, loc="left")
    families, names = drawable(classes)
    rows = [f"{names[a]}  as  {names[b]}" for a, b in zip(true, predicted, strict=True)]
    places = np.arange(len(rows))
    axes.barh(places, found.counts[order], color=PALE_BLUE)
    style: dict[str, Any] = {"fontsize": 9, "family": families, "parse_math": False}
    axes.set_yticks(places, rows, **style)
    axes.tick_params(axis="y", length=0)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set(ylim=(_NUM_CONFUSIONS - 0.5, -0.5), xlabel="examples")


def _label(axes: Axes, classes: list[str], totals: np.ndarray, cell: float, size: float) -> None:
    families, names = drawable(classes)
    small = min(11.0, cell * 72 * 0.62)
    style: dict[str, Any] = {"fontsize": small, "family": families, "parse_math": False}
    ticks = np.arange(len(names)) + 0.5
    rows = [f"{name}  ({total:,})" for name, total in zip(names, totals, strict=True)]
    axes.set_yticks(ticks, rows, **style)
    axes.set_xticks(ticks, names, **style)
    if max(map(len, names)) * small * 0.62 > cell * 72:  # wider than its column
        angle = 45 if cell > 0.3 else 90
        for text in axes.get_xticklabels():
            text.set(rotation=angle, rotation_mode="anchor", ha="right", va="center")
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
        color = SPINE if count == 0 else "white" if share > 0.4 else INK
        style: dict[str, Any] = {"ha": "center", "va": "center", "color": color}
        x, y, weight = column + 0.5, row + 0.5, "bold" if row == column else "normal"
        if count or len(counts) <= 10:  # zeros would bury the rest
            axes.text(x, y - 0.55 * line, f"{count:,}", fontsize=size, weight=weight, **style)
        if line:
            axes.text(x, y + 0.7 * line, f"{share:.1%}", fontsize=0.75 * size, **style)
