"""Page of a comparison of runs."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from pipelines.pages.figures import panels
from pipelines.pages.lettering import drawable
from pipelines.pages.page import render_page
from pipelines.pages.palette import BLUE

_AXES = {"bleu": "BLEU"}


def compare_page(
    found: dict[str, Any],
    *,
    lead: str,
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    metric: str,
    sentences: Sequence[str],
) -> str:
    """Render the page of a comparison.

    Args:
        found: its figures: ``data``, and ``runs`` with ``options`` by name.
        lead: the main finding.
        header, rows: the table of the runs.
        metric: the figure that is drawn, [value, low, high] of each run.
        sentences: descriptions of the pairs, and of their test.
    """
    runs = found["runs"]
    differing = list(next(iter(runs.values()))["options"])
    return render_page(
        "compare.html",
        title=f"{len(runs)} runs on {found['data']}",
        lead=lead,
        header=header,
        rows=rows,
        figure=_figure(runs, metric),
        metric=metric,
        sentences=sentences,
        names=list(runs),
        options=[[name, *(run["options"][name] for run in runs.values())] for name in differing],
    )


def best_of(found: dict[str, Any], metric: str, called: str, number: str) -> str:
    """Name the runs with the highest value of a figure in a sentence.

    Args:
        found: figures of the comparison.
        metric: key of the figure, [value, low, high] of each run.
        called: ``the highest accuracy``.
        number: format of its values.
    """
    runs = found["runs"]
    value, low, high = max((run[metric] for run in runs.values()), key=lambda three: three[0])
    names = [name for name, run in runs.items() if run[metric][0] == value]
    value, low, high = map(number.format, (value, low, high))
    left_out = ""
    if found["left_out"]:
        left_out = f" {found['left_out']:,} more were not tested by all and are left out."
    return (
        f"Of {len(runs)} runs, {' and '.join(names)} {'has' if len(names) == 1 else 'have'} {called},"
        f" {value} (95 % interval {low} to {high}), on the same {found['num_examples']:,} examples."
        f"{left_out}"
    )


def better_of(pair: dict[str, Any]) -> str:
    """Name the better run of a pair, as far as its test tells.

    Args:
        pair: ``first``, ``second``, ``difference`` [value, low, high] and ``p_value``.
    """
    better, other = (pair["first"], pair["second"])[:: 1 if pair["difference"][0] >= 0 else -1]
    is_sure = pair["p_value"] < 0.05
    return f"{better} is better than {other}" if is_sure else f"{better} and {other} may be as good"


def seconds_text(seconds: float | None) -> str:
    """Format a training time; a dash where it is not known."""
    return "–" if seconds is None else f"{seconds:,.0f}"


def _figure(runs: dict[str, Any], metric: str) -> Figure:
    figure, (axes,) = panels(1, width=7, height=0.8 + 0.4 * len(runs))
    families, names = drawable(list(runs))
    value, low, high = np.array([run[metric] for run in runs.values()]).T
    rows = np.arange(len(runs))
    axes.errorbar(value, rows, xerr=[value - low, high - value], fmt="o", color=BLUE, capsize=3)
    axes.set_yticks(rows, names, family=families, parse_math=False)
    axes.set(xlabel=_AXES.get(metric, metric), ylim=(len(runs) - 0.5, -0.5))
    return figure
