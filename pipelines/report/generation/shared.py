"""Shared parts of the reports of translators and captioners."""

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from pipelines.report.shared_sections import run_section
from pipelines.report.writer import ReportFiles, write_files
from pipelines.runs.run_history import read_history, read_options
from pipelines.runtime.surroundings import surroundings

_SHOWN = 4


def write_report(
    report: dict[str, Any],
    *,
    folder: Path,
    text: str,
    predictions: str,
    page: Callable[[], str],
) -> None:
    """Print a report as text, and write its files below the folder of the run."""
    print(text)
    files = ReportFiles(
        figures=report, text=text + "\n", tables={"predictions.csv": predictions}, page=page
    )
    write_files(folder / "report", files)
    print(f"Report: {folder / 'report' / 'report.html'}")


def told_known(report: dict[str, Any], *, what: str) -> list[str]:
    """Sentences on what the model, or one that it builds on, knew of the test; ``what`` are sources."""
    told, split = [], report["split"]
    if met := report["repeated_sources"].get(split):
        told.append(f"{met:,} of the {what} are also learnt from, which flatters the figures.")
    if read := report.get("read_by_language_model", {}).get(split):
        told.append(
            f"The language model has learnt from {read:,} of the references, which flatters the"
            " figures."
        )
    return told


def chosen_by_score(scores: Sequence[float]) -> dict[str, list[int]]:
    """Choose the worst, middle and best of n answers by their scores, as places under a title."""
    order = np.argsort(scores, kind="stable").tolist()
    middle = len(order) // 2
    return {
        "The worst": order[:_SHOWN],
        "In the middle": order[middle : middle + _SHOWN],
        "The best": order[::-1][:_SHOWN],
    }


def by_length(lengths: Sequence[float], bounds: Sequence[int]) -> Iterator[tuple[str, list[int]]]:
    """Yield the places of n examples by their lengths, between bounds, with the name of each range."""
    values = np.asarray(lengths)
    for low, high in pairwise([0, *bounds, np.inf]):
        chosen = np.flatnonzero((values > low) & (values <= high)).tolist()
        if chosen:
            yield f"up to {high}" if np.isfinite(high) else f"more than {low}", chosen


def run_of(report: dict[str, Any], history_file: Path, *, metric: str) -> dict[str, Any]:
    """Make the section of the run, with the curves of the loss and of a metric."""
    return run_section(
        f"Trained in {report['train_seconds']:,.0f} s, validation included.",
        history=read_history(history_file),
        metrics=("loss", metric),
        about=surroundings(),
        config=read_options(history_file.with_name("config.yaml")),
    )
