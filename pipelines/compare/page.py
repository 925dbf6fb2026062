"""Several runs side by side, as a page."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from pipelines.pages.lettering import drawable
from pipelines.pages.page import heading, page, paragraph, picture, table
from pipelines.report.report_figures import BLUE, panels


def compare_page(found: dict[str, Any], sentences: Iterable[str]) -> str:
    """The page of `compare`'s findings; ``sentences`` say each pair in words."""
    left_out = found["left_out"]
    only = f" {left_out:,} more were not tested by all and are left out." if left_out else ""
    best = max(found["runs"], key=lambda name: found["runs"][name]["accuracy"][0])
    value, low, high = found["runs"][best]["accuracy"]
    return page(
        f"{len(found['runs'])} runs on {found['data']}",
        paragraph(
            f"Of {len(found['runs'])} runs, {best} has the highest accuracy, {value:.1%} (95 %"
            f" interval {low:.1%} to {high:.1%}), on the same {found['num_examples']:,} examples.{only}",
            lead=True,
        ),
        table(
            ["run", "accuracy", "95 %", "macro-F1", "log loss", "trained, s"],
            [_row(name, run) for name, run in found["runs"].items()],
        ),
        picture(_figure(found["runs"]), alt="accuracy of each run with its interval"),
        heading("Which differences are more than chance?"),
        *map(paragraph, sentences),
        paragraph(
            "Differences are paired: the same resampled examples for both. p is of McNemar's exact"
            " test, adjusted for the number of pairs (Holm 1979); below 0.05 a difference counts as"
            " more than chance here."
        ),
        *_options(found["runs"]),
    )


def _row(name: str, run: dict[str, Any]) -> list[str]:
    value, low, high = run["accuracy"]
    seconds = "–" if run["train_seconds"] is None else f"{run['train_seconds']:,.0f}"
    return [
        name,
        f"{value:.4f}",
        f"{low:.4f} – {high:.4f}",
        f"{run['macro_f1'][0]:.4f}",
        f"{run['log_loss']:.4f}",
        seconds,
    ]


def _figure(runs: dict[str, Any]) -> Figure:
    figure, (axes,) = panels(1, height=0.8 + 0.4 * len(runs))
    figure.set_figwidth(7)
    families, names = drawable(list(runs))
    value, low, high = np.array([run["accuracy"] for run in runs.values()]).T
    rows = np.arange(len(runs))
    axes.errorbar(value, rows, xerr=[value - low, high - value], fmt="o", color=BLUE, capsize=3)
    axes.set_yticks(rows, names, family=families, parse_math=False)
    axes.set(xlabel="accuracy", ylim=(len(runs) - 0.5, -0.5))
    return figure


def _options(runs: dict[str, Any]) -> Iterable[str]:
    differing = list(next(iter(runs.values()))["options"])
    if not differing:
        return
    yield heading("In what they differ")
    rows = [[name, *(str(run["options"][name]) for run in runs.values())] for name in differing]
    yield table(["option", *runs], rows)
