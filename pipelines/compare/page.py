"""Page of a comparison of runs."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from pipelines.pages.figures import panels
from pipelines.pages.lettering import drawable
from pipelines.pages.page import render_page
from pipelines.pages.palette import BLUE


def compare_page(found: dict[str, Any], sentences: Iterable[str]) -> str:
    """Render the page of `compare`'s findings; ``sentences`` describe the pairs."""
    runs = found["runs"]
    best = max(runs, key=lambda name: runs[name]["accuracy"][0])
    differing = list(next(iter(runs.values()))["options"])
    return render_page(
        "compare.html",
        title=f"{len(runs)} runs on {found['data']}",
        found=found,
        best={
            "names": [
                name for name in runs if runs[name]["accuracy"][0] == runs[best]["accuracy"][0]
            ],
            **dict(zip(("value", "low", "high"), runs[best]["accuracy"], strict=True)),
        },
        rows=[_row(name, run) for name, run in runs.items()],
        figure=_figure(runs),
        sentences=sentences,
        options=[[name, *(run["options"][name] for run in runs.values())] for name in differing],
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
    figure, (axes,) = panels(1, width=7, height=0.8 + 0.4 * len(runs))
    families, names = drawable(list(runs))
    value, low, high = np.array([run["accuracy"] for run in runs.values()]).T
    rows = np.arange(len(runs))
    axes.errorbar(value, rows, xerr=[value - low, high - value], fmt="o", color=BLUE, capsize=3)
    axes.set_yticks(rows, names, family=families, parse_math=False)
    axes.set(xlabel="accuracy", ylim=(len(runs) - 0.5, -0.5))
    return figure
