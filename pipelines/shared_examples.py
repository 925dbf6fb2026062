"""What several runs have in common: their classes, in one order, and examples that all answered.

K classes
"""

import logging
import os
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from data.errors import InputError
from data.label_names import listed, matched, written
from pipelines.finished_runs import FinishedRun
from pipelines.lettering import printable

log = logging.getLogger(__name__)

Key = tuple[str, int, int]
"""The source of an example, its class, and which of those that have both it is."""

_MOST_SHOWN = 60
# What `data.clip.clip_name` adds to the path of a clip that is not the whole file.
_SECTION = re.compile(r" \[\S+ s to (the end|\S+ s)\]$")


def with_classes_of(first: FinishedRun, run: FinishedRun) -> FinishedRun:
    """A run, its classes called and ordered as the first's.

    Raises:
        InputError: one has a class that the other has not.
    """
    found = matched(map(written, run.classes), first.classes)
    place = np.array([found.get(written(name), -1) for name in run.classes])
    only_here = [name for name, k in zip(run.classes, place, strict=True) if k < 0]
    only_there = [name for k, name in enumerate(first.classes) if k not in place]
    if only_here or only_there or len(set(place.tolist())) < len(place):
        told = (
            f"RUNS: {run.name} has the classes {listed(run.classes)} and {first.name}"
            f" {listed(first.classes)}"
        )
        for name, only in ((run.name, only_here), (first.name, only_there)):
            told += f"; only {name} has {listed(only)}" if only else ""
        raise InputError(f"{told}; compare runs of the same classes")
    return run._replace(
        classes=first.classes,
        labels=place[run.labels],
        probabilities=run.probabilities[:, np.argsort(place)],
    )


def shared_examples(runs: Sequence[FinishedRun]) -> tuple[list[list[int]], int]:
    """Rows of each run, the same example at the same place; and how many examples not all have.

    A text is told by itself. A clip is told by its full path, or, where no path is in two runs (the
    data were moved), by its path within the data; then no file may differ in size from the other.

    Args:
        runs: of the same classes in one order.

    Raises:
        InputError: no example is in all runs, runs call one by two labels, or clips differ that
            have one path within the data.
    """
    places = [_places(run, run.sources) for run in runs]
    shared = _in_all(places)
    if not shared and not _with_other_labels(runs, places):
        places = [_places(run, run.inner_sources) for run in runs]
        shared = _in_all(places)
        _check_files(runs, places, shared)
    if told := _with_other_labels(runs, places):
        raise InputError(told)
    if not shared:
        raise InputError(
            "RUNS: no example was tested by all of them; compare runs of the same data"
        )
    num_others = len(set().union(*places)) - len(shared)
    return [[place[key] for key in shared] for place in places], num_others


def _places(run: FinishedRun, sources: Sequence[str]) -> dict[Key, int]:
    """The row of each example."""
    counts: Counter[tuple[str, int]] = Counter()
    found: dict[Key, int] = {}
    for row, one in enumerate(zip(sources, run.labels.tolist(), strict=True)):
        found[*one, counts[one]] = row
        counts[one] += 1
    return found


def _with_other_labels(runs: Sequence[FinishedRun], places: Sequence[dict[Key, int]]) -> str:
    """A line about an example that two runs have under different labels; empty where none is."""
    classes = runs[0].classes
    first, *others = (_labels_of(place) for place in places)
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


def _labels_of(place: Iterable[Key]) -> dict[str, set[int]]:
    found: dict[str, set[int]] = defaultdict(set)
    for source, label, _ in place:
        found[source].add(label)
    return found


def _in_all(places: Sequence[dict[Key, int]]) -> list[Key]:
    return [key for key in places[0] if all(key in place for place in places)]


def _check_files(
    runs: Sequence[FinishedRun], places: Sequence[dict[Key, int]], shared: Sequence[Key]
) -> None:
    """Refuse clips that only have their names in common; warn of those that are gone."""
    unseen = 0
    for key in shared:
        paths = [run.sources[place[key]] for run, place in zip(runs, places, strict=True)]
        sizes = dict(_sizes(paths))
        if len(set(sizes.values())) > 1:
            one, other = list(sizes)[:2]
            raise InputError(
                f"RUNS: {one} and {other} are different clips of one name; compare runs of the same"
                " data"
            )
        unseen += len(sizes) < len(set(paths))
    if unseen:
        log.warning(
            "RUNS: the data of these runs lie in different places, and %s of %s clips are gone from"
            " one: they are taken for the same by their paths within the data",
            *(f"{unseen:,}", f"{len(shared):,}"),
        )


def _sizes(paths: Sequence[str]) -> Iterator[tuple[str, int]]:
    for path in dict.fromkeys(paths):
        file = path if os.path.exists(path) else _SECTION.sub("", path)
        if os.path.exists(file):
            yield path, os.path.getsize(file)
