"""Reading of finished runs: report, predictions and options."""

import csv
import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from data.files.errors import InputError
from pipelines.report.classification import FEW_PROBABILITIES
from pipelines.runs.run_folders import RUNS
from pipelines.runs.run_history import read_options
from pipelines.runtime.escaping import excerpt, in_table, undefused


class Compared(NamedTuple):
    """A comparison of runs."""

    figures: dict[str, Any]
    """Plain values, for compare.json."""
    text: str
    """The figures as text, for the terminal."""
    page: Callable[[], str]
    """Makes the page; raises as `render_page` does."""


class FinishedRun(NamedTuple):
    """Run with a report; n tested examples, K classes."""

    name: str
    report: dict[str, Any]
    classes: list[str]
    labels: np.ndarray
    """(n,) int64"""
    probabilities: np.ndarray
    """(n, K)"""
    sources: list[str]
    """(n) text, or full path of the clip"""
    inner_sources: list[str]
    """(n) the same, but a clip inside the run's data has its path relative to the data"""
    options: dict[str, Any]
    """Options by their full names; empty where the run kept none."""


def read_run(name: str) -> FinishedRun:
    """Read a run by its folder (``runs/video/a``), its task and name (``video/a``), or its name alone.

    Raises:
        InputError: see `read_report`.
    """
    folder, report = read_report(name)
    with undamaged(folder):
        # The table escapes some class names.
        place = {in_table(name): k for k, name in enumerate(report["classes"])}
        labels, predicted, sources, probabilities = [], [], [], []
        csv.field_size_limit(2**31 - 1)
        with (folder / "report" / "predictions.csv").open(encoding="utf-8", newline="") as lines:
            reader = csv.reader(lines)
            header = next(reader)
            is_short = tuple(header[4:]) == FEW_PROBABILITIES
            columns = (
                [4, 5] if is_short else [header.index(f"probability_{name}") for name in place]
            )
            for row in reader:
                sources.append(undefused(row[1]))
                labels.append(place[undefused(row[2])])
                predicted.append(place[undefused(row[3])])
                probabilities.append([float(row[column]) for column in columns])
        refuse_cut(report, len(labels))
        shares = np.array(probabilities)
        if is_short:
            shares = _spread(shares, np.array(predicted), np.array(labels), len(place))
        inner = sources
        if header[1] == "path":
            # Paths in the table are relative to the folder that holds the runs.
            above = Path(os.path.abspath(folder)).parents
            home = above[2] if len(above) > 2 and above[1].name == RUNS.name else Path.cwd()
            sources = [os.path.abspath(home / path) for path in sources]
            inner = _within(os.path.abspath(home / report["data"]), sources)
        return FinishedRun(
            name,
            report,
            report["classes"],
            np.array(labels),
            shares,
            sources,
            inner,
            options_of(folder),
        )


def _spread(
    shares: np.ndarray, predicted: np.ndarray, labels: np.ndarray, num_classes: int
) -> np.ndarray:
    """Probabilities (n, K) from those (n, 2) of the answer and of the label; the others share evenly."""
    rows = np.arange(len(shares))
    found = np.zeros((len(shares), num_classes))
    found[rows, predicted], found[rows, labels] = shares.T
    is_other = np.ones_like(found, dtype=bool)
    is_other[rows, predicted] = is_other[rows, labels] = False
    rest = np.maximum(1 - found.sum(1), 0) / is_other.sum(1)
    return np.where(is_other, rest[:, None], found)


def read_report(name: str) -> tuple[Path, dict[str, Any]]:
    """Find the folder of a run, and read its report.json.

    Raises:
        InputError: no run or several have that name, or the run has no report.
    """
    folder = _folder(name)
    file = folder / "report" / "report.json"
    if not file.is_file():
        raise InputError(f"RUNS: {folder} has no report; name runs that came to their end")
    with undamaged(folder):
        report = json.loads(file.read_text(encoding="utf-8"))
        if not isinstance(report, dict):
            raise ValueError("report.json holds no object")
    return folder, report


@contextmanager
def undamaged(folder: Path) -> Iterator[None]:
    """Within it, whatever is wrong with the files of a run is an `InputError`."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:  # damage surfaces as many types
        raise InputError(
            f"RUNS: {folder} holds a damaged file ({excerpt(repr(error))}); test the model anew by"
            " evaluate, and name that run"
        ) from error


def refuse_cut(report: dict[str, Any], num_rows: int) -> None:
    """Raise a ValueError if predictions.csv has another number of rows than its report says."""
    due = report.get("num_examples", num_rows)
    if due != num_rows:
        raise ValueError(f"predictions.csv has {num_rows} rows for {due} examples")


def _within(data: str, paths: list[str]) -> list[str]:
    """Make paths relative to the data's folder, or to that of its table; others stay as they are."""
    inside = [path for path in paths if path.startswith(data + os.sep)]
    start = data if inside else os.path.dirname(data)
    return [path.removeprefix(start + os.sep) for path in paths]


def _folder(name: str) -> Path:
    given = Path(name)
    for folder in (given, RUNS / given):
        if (folder / "report").is_dir():
            return folder
    found = sorted(RUNS.glob(f"*/{name}")) if given.name == name else []
    if len(found) == 1:
        return found[0]
    if found:
        raise InputError(f"RUNS: there are {' and '.join(map(str, found))}; say which")
    raise InputError(f"RUNS: no run {name}; runs lie in {RUNS}/<task>/<name>")


def options_of(folder: Path) -> dict[str, Any]:
    """Read the options of a run by their full names; empty where it kept none."""
    flat: dict[str, Any] = {}

    def flatten(values: dict[str, Any], start: str) -> None:
        for key, value in values.items():
            if isinstance(value, dict):
                flatten(value, f"{start}{key}.")
            else:
                flat[start + key] = value

    flatten(read_options(folder / "config.yaml"), "")
    # Only these tell how a run was made; the others and the loggers tell where its files go.
    ours = ("model.", "data.", "trainer.", "seed_everything")
    return {name: v for name, v in flat.items() if name.startswith(ours) and ".logger" not in name}


def differing_options(runs: Sequence[Any]) -> list[dict[str, Any]]:
    """Collect each run's ``options`` that differ between runs; an evaluation has none of its own."""
    trained = [run.options for run in runs if run.options]
    names = {name for options in trained for name in options}
    differing = sorted(n for n in names if len({repr(options.get(n)) for options in trained}) > 1)
    return [{n: run.options.get(n) for n in differing} if run.options else {} for run in runs]
