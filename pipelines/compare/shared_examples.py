"""Alignment of several runs: classes in one order, and the examples that all of them answered.

K classes
"""

import logging
import os
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from data.files.errors import InputError
from data.splits.label_names import listed, matched, places, written
from data.video.scan import contents_of
from pipelines.compare.finished_runs import FinishedRun
from pipelines.runtime.escaping import printable

log = logging.getLogger(__name__)

Key = tuple[str, int, int]
"""Source of an example, its class, and its index among the examples that share both."""

_MOST_SHOWN = 60
# Suffix that `data.clips.clip.clip_name` adds for a clip that is only a section of its file.
_SECTION = re.compile(r" \[\S+ s to (the end|\S+ s)\]$")


def with_classes_of(first: FinishedRun, run: FinishedRun) -> FinishedRun:
    """Give a run the first run's class names and class order.

    Raises:
        InputError: one run has a class that the other lacks.
    """
    at = places(run.classes, first.classes)
    if at is None:
        told = (
            f"RUNS: {run.name} has the classes {listed(run.classes)} and {first.name}"
            f" {listed(first.classes)}"
        )
        for one, other in ((run, first), (first, run)):
            known = matched(map(written, one.classes), other.classes)
            if only := [name for name in one.classes if written(name) not in known]:
                told += f"; only {one.name} has {listed(only)}"
        raise InputError(f"{told}; compare runs of the same classes")
    place = np.array(at)
    return run._replace(
        classes=first.classes,
        labels=place[run.labels],
        probabilities=run.probabilities[:, np.argsort(place)],
    )


def shared_examples(runs: Sequence[FinishedRun]) -> tuple[list[list[int]], int]:
    """Find the rows of each run for the examples that all have, and count the other examples.

    A text is identified by itself. A clip is identified by its full path. Where no path is in all
    runs, the data were moved, and a clip is identified by its path within the data; the files that
    still exist must then have the same content.

    Args:
        runs: runs with the same classes in one order.

    Returns:
        rows: rows of each run; the same position in each list is the same example.
        num_others: number of examples that not all runs have.

    Raises:
        InputError: no example is in all runs, two runs give one example different labels, or clips
            with the same path within the data have different content.
    """
    rows = [_rows_of(run, run.sources) for run in runs]
    shared = _in_all(rows)
    if not shared and not _with_other_labels(runs, rows):
        rows = [_rows_of(run, run.inner_sources) for run in runs]
        shared = _in_all(rows)
        _check_files(runs, rows, shared)
    if told := _with_other_labels(runs, rows):
        raise InputError(told)
    if not shared:
        raise InputError(
            "RUNS: no example was tested by all of them; compare runs of the same data"
        )
    num_others = len(set().union(*rows)) - len(shared)
    return [[row[key] for key in shared] for row in rows], num_others


def _rows_of(run: FinishedRun, sources: Sequence[str]) -> dict[Key, int]:
    """Map each example to its row."""
    counts: Counter[tuple[str, int]] = Counter()
    found: dict[Key, int] = {}
    for row, one in enumerate(zip(sources, run.labels.tolist(), strict=True)):
        found[*one, counts[one]] = row
        counts[one] += 1
    return found


def _with_other_labels(runs: Sequence[FinishedRun], rows: Sequence[dict[Key, int]]) -> str:
    """Report an example to which two runs give different labels; empty if there is none."""
    classes = runs[0].classes
    first, *others = map(_labels_of, rows)
    for run, labels in zip(runs[1:], others, strict=True):
        for source in first:
            if source in labels and first[source].isdisjoint(labels[source]):
                one, other = (classes[min(some[source])] for some in (labels, first))
                return (
                    f"RUNS: {run.name} and {runs[0].name} give the same examples other labels, e.g."
                    f" '{printable(source[:_MOST_SHOWN])}': {one} and {other}; compare runs of the"
                    " same data"
                )
    return ""


def _labels_of(rows: Iterable[Key]) -> dict[str, set[int]]:
    found: dict[str, set[int]] = defaultdict(set)
    for source, label, _ in rows:
        found[source].add(label)
    return found


def _in_all(rows: Sequence[dict[Key, int]]) -> list[Key]:
    return [key for key in rows[0] if all(key in others for others in rows)]


def _check_files(
    runs: Sequence[FinishedRun], rows: Sequence[dict[Key, int]], shared: Sequence[Key]
) -> None:
    """Refuse clips of the same name but different content; warn of clips that no longer exist."""
    sets = [
        {_file_of(run.sources[row[key]]) for run, row in zip(runs, rows, strict=True)}
        for key in shared
    ]
    present = [[path for path in sorted(paths) if path.is_file()] for paths in sets]
    files = list(dict.fromkeys(path for paths in present for path in paths))
    content = dict(zip(files, contents_of(files), strict=True))
    for paths in present:
        if len({content[path] for path in paths}) > 1:
            told = " and ".join(map(str, paths[:2]))
            raise InputError(
                f"RUNS: {told} are different clips of one name; compare runs of the same data"
            )
    if gone := sum(len(some) < len(paths) for some, paths in zip(present, sets, strict=True)):
        log.warning(
            "RUNS: the data of these runs lie in different places, and %s of %s clips are gone from"
            " one: they are taken for the same by their paths within the data",
            *(f"{gone:,}", f"{len(shared):,}"),
        )


def _file_of(source: str) -> Path:
    return Path(source if os.path.exists(source) else _SECTION.sub("", source))
