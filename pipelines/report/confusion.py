"""The picture of a confusion matrix."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure

from pipelines.pages.lettering import drawable
from pipelines.runtime.escaping import printable

GREY = "#5b6673"
#: beyond this many classes cells hold no figures, and are an image
_MOST_SHAPES = 40


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
    norm, gap = PowerNorm(0.6, vmin=0, vmax=1), min(2.0, 3 * cell)
    image = axes.pcolormesh(
        # As shapes, the cells of hundreds of classes would be tens of megabytes.
        shares, cmap="Blues", norm=norm, edgecolors="white", linewidth=gap,
        rasterized=num_classes > _MOST_SHAPES,
    )  # fmt: skip
    size = float(np.clip(1.5 * side, 11, 20))  # a large picture is looked at from further away
    _label(axes, report["classes"], totals[:, 0], cell, size)
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
        color = "#b5bcc6" if count == 0 else "white" if share > 0.4 else "#1c2b3a"
        style: dict[str, Any] = {"ha": "center", "va": "center", "color": color}
        x, y, weight = column + 0.5, row + 0.5, "bold" if row == column else "normal"
        if count or len(counts) <= 10:  # zeros would bury the rest
            axes.text(x, y - 0.55 * line, f"{count:,}", fontsize=size, weight=weight, **style)
        if line:
            axes.text(x, y + 0.7 * line, f"{share:.1%}", fontsize=0.75 * size, **style)
