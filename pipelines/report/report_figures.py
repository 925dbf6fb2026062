"""The pictures of a report but for the confusion matrix.

n examples · K classes
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from pipelines.metrics.calibration import Reliability
from pipelines.metrics.measures import curves
from pipelines.pages.lettering import drawable
from pipelines.pages.thinning import thinned

GREY, INK, BLUE, RED = "#5b6673", "#1c2b3a", "#2f6ea3", "#c2553f"
# With more classes than this a curve each would be a tangle: only their mean stands out.
MOST_NAMED = 8
_COLORS = ("#2f6ea3", "#c2553f", "#3f8f5b", "#c99a2e", "#7a5aa6", "#2a9aa0", "#b0567f", "#7d7d3c")
_GRID = np.linspace(0, 1, 201)
_MOST_POINTS = 500
_TRAITS = {"unknown_share": "share of unknown words", "height_px": "height, px"}


def panels(count: int, *, height: float = 3.2) -> tuple[Figure, list[Axes]]:
    """A figure of some panels side by side."""
    figure = Figure(figsize=(4.2 * count, height), layout="constrained")
    made = list(figure.subplots(1, count, squeeze=False)[0])
    for axes in made:
        axes.spines[["top", "right"]].set_visible(False)
        axes.spines[["left", "bottom"]].set_color("#b5bcc6")
        axes.tick_params(colors=GREY, labelsize=9)
        axes.grid(color="#eceff2", linewidth=0.8)
        axes.set_axisbelow(True)
    return figure, made


def draw_curves(labels: np.ndarray, probabilities: np.ndarray, classes: list[str]) -> Figure:
    """ROC and precision–recall, each class against all others."""
    figure, (roc, recall) = panels(2, height=3.6)
    families, names = drawable(classes)
    # Of two classes the curves of one say what those of the other do.
    shown = [1] if len(classes) == 2 else range(len(classes))
    many = len(classes) > MOST_NAMED
    mean_true, mean_precision = [], []
    for k in shown:
        found = curves(labels, probabilities, k)
        if found is None:
            continue
        style: dict[str, Any] = {"color": "#c9d2db", "linewidth": 0.8}
        if not many:
            style = {
                "color": _COLORS[k % len(_COLORS)],
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
            _GRID, np.mean(mean_true, 0), color=BLUE, linewidth=2.2, label="mean of the classes"
        )
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
    """How often answers are right by how sure they are, before and after the temperature."""
    figure, made = panels(2, height=3.6)
    for axes, found, title in zip(
        made, (before, after), ("as trained", "after temperature scaling"), strict=True
    ):
        middles = (found.edges[1:] + found.edges[:-1]) / 2
        width = np.diff(found.edges)
        filled = found.counts > 0
        shares = found.counts / found.counts.sum()
        axes.bar(middles[filled], found.accuracy[filled], width[filled] * 0.92, color="#b9d0e4")
        axes.plot(found.confidence[filled], found.accuracy[filled], "o-", color=BLUE, markersize=4)
        axes.bar(middles, shares, width * 0.92, color="#8d99a6", alpha=0.55)
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
    ticks = [f"{_span(name, one)}\n({one['num_examples']:,})" for one in bins]
    axes.set_xticks(x, ticks, fontsize=8)
    axes.set(ylabel="accuracy", xlim=(-0.5, len(bins) - 0.5), ylim=(max(low.min() - 0.05, 0), 1.01))
    axes.set_xlabel(f"{trait_name(name)}  (examples)", color=GREY, fontsize=9)
    return figure


def trait_name(name: str) -> str:
    """What a trait is called on the page."""
    return _TRAITS.get(name, name.replace("_", " "))


def _span(name: str, one: dict[str, Any]) -> str:
    def written(value: float) -> str:
        return f"{value:.1%}" if name.endswith("_share") else f"{value:,.4g}"

    low, high = written(one["low"]), written(one["high"])
    return low if low == high else f"{low} – {high}"


def draw_history(
    history: dict[str, list[tuple[float, float]]], metrics: Sequence[str] = ("loss", "accuracy")
) -> Figure:
    """Some metrics of the training and the validation part by epoch."""
    figure, made = panels(len(metrics))
    for axes, metric in zip(made, metrics, strict=True):
        for part, color in (("train", "#8d99a6"), ("val", BLUE)):
            points = history.get(f"{part}/{metric}", [])
            if points:
                epochs, values = zip(*points, strict=True)
                axes.plot(epochs, values, "o-", color=color, markersize=4, label=part)
        axes.set(xlabel="epoch", ylabel=metric)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        if axes.lines:
            axes.legend(frameon=False, fontsize=9)
    return figure


def draw_lengths(lengths: np.ndarray) -> Figure:
    """How many steps the examples have."""
    figure, (axes,) = panels(1, height=2.6)
    low, high = max(lengths.min(), 1), lengths.max() + 1
    wide = high / low > 20
    edges = np.geomspace(low, high, 31) if wide else np.linspace(low, high, 31)
    axes.hist(lengths, bins=edges.tolist(), color="#b9d0e4", edgecolor="white")
    if wide:
        axes.set_xscale("log")
    axes.set(xlabel="steps", ylabel="examples")
    return figure
