"""What a finished run left, read back."""

import csv
import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from data.errors import InputError
from pipelines.report import in_table
from pipelines.run_history import read_options
from pipelines.runs import RUNS


class FinishedRun(NamedTuple):
    """A run with a report; n tested examples, K classes."""

    name: str
    report: dict[str, Any]
    classes: list[str]
    labels: np.ndarray
    """(n,) int64"""
    probabilities: np.ndarray
    """(n, K)"""
    position: dict[tuple[str, str], int]
    """Of each example its row, by what tells it: its id, and its file's name or its text."""
    options: dict[str, Any]
    """Its options by their full names; empty where none are kept."""


def read_run(name: str) -> FinishedRun:
    """A run by its folder (``runs/video/a``), its task and name (``video/a``), or its name alone.

    Raises:
        InputError: no such run, two of that name, or one without a report.
    """
    folder = _folder(name)
    report_path = folder / "report" / "report.json"
    if not report_path.is_file():
        raise InputError(f"RUNS: {folder} has no report; name runs that came to their end")
    report = json.loads(report_path.read_text(encoding="utf-8"))
    if "classes" not in report:
        raise InputError(
            f"RUNS: {folder} is a run of a language model; compare classifiers, by name or folder"
        )
    classes = report["classes"]
    # The same clips may be named from here or from there.
    is_path = report["task"] == "video"
    labels, probabilities, keys = [], [], []
    csv.field_size_limit(2**31 - 1)
    with (folder / "report" / "predictions.csv").open(encoding="utf-8", newline="") as lines:
        reader = csv.reader(lines)
        next(reader)
        for row in reader:
            keys.append((str(int(float(row[0]))), Path(row[1]).name if is_path else row[1]))
            labels.append(row[2])
            probabilities.append([float(cell) for cell in row[4:]])
    index = {in_table(name): k for k, name in enumerate(classes)}
    return FinishedRun(
        name,
        report,
        classes,
        np.array([index[label] for label in labels]),
        np.array(probabilities),
        {key: k for k, key in enumerate(keys)},
        _options(folder / "config.yaml"),
    )


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


def _options(path: Path) -> dict[str, Any]:
    flat: dict[str, Any] = {}

    def flatten(values: dict[str, Any], start: str) -> None:
        for key, value in values.items():
            if isinstance(value, dict):
                flatten(value, f"{start}{key}.")
            else:
                flat[start + key] = value

    flatten(read_options(path), "")
    # Where files lie says nothing of how a run was made.
    ours = ("model.", "data.", "trainer.", "seed_everything")
    return {name: v for name, v in flat.items() if name.startswith(ours) and ".logger" not in name}
