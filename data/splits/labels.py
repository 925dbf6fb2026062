"""Labels to class indices: by name or equal number, and by position only with a warning."""

import logging
import re
from collections.abc import Callable, Collection, Sequence
from decimal import Decimal

from data.files.errors import InputError
from data.splits.label_names import (
    Key,
    in_order,
    key_of,
    listed,
    look_alikes,
    matched,
    merged_numbers,
    number_of,
    shortened,
    shown_name,
    twins_of,
    written,
)
from data.splits.parts import PART_NAMES

log = logging.getLogger(__name__)

Skip = Callable[[int, str], None]
"""Callback for a row that cannot be used, with the reason."""

# Benchmarks write this in place of labels that they withhold.
_KEPT_BACK = Decimal(-1)
#: usual names for examples without a label, e.g. the folder train/unsup of aclImdb
UNLABELLED = frozenset({"unsup", "unsupervised", "unlabelled", "unlabeled"})


def encode_labels(
    raw: Sequence[object],
    *,
    classes: Sequence[str] | None,
    where: str,
    parts: Sequence[str | None] | None = None,
    skip: Skip | None = None,
) -> tuple[list[int], list[str]]:
    """Encode labels as class indices, and return the names of the classes.

    A label is a name, and equal numbers are one name (see `key_of`). A number is an index into known
    classes only if all of these are words and all labels are whole numbers below their count; a
    warning then says which number is which class.

    Args:
        raw: labels: text, numbers, true or false; None or NaN where there is none. If the source
            names its classes, these are the names and not its numbers.
        classes: classes that are known already, from a checkpoint or the source. None takes the
            labels that occur, numbers by size and then names by alphabet.
        where: name of the source in errors, e.g. ``reviews.csv, column 'label'``.
        parts: part of each row in the source. Outside the training part, -1 counts as no label, as
            benchmarks write it, if no other label is below 0, and if it is the only label of its
            part or the training part has numbers alone.
        skip: callback for rows whose label is missing or unknown, which get the index -1; without
            it they are errors. Rows that lack a label on purpose (such a part; ``unsup`` beside
            classes) get -1, with one warning.

    Raises:
        InputError: a missing or unknown label, no row left, or fewer than two classes.
    """
    names = [written(label) for label in raw]
    gap = next((row for row, name in enumerate(names) if not name), None)
    on_purpose = _without_label(names, parts, known=classes or (), where=where)
    names = ["" if row in on_purpose else name for row, name in enumerate(names)]
    if gap is not None and skip is None:
        raise InputError(
            f"{where}: row {gap} has no label: every example needs one; fill it in or drop the row"
        )
    distinct = set(names) - {""}
    if classes is None:
        index, classes = _classes_of(distinct, where)
    else:
        index = matched(distinct, classes) or _by_place(distinct, classes, where)
        if not index:
            raise InputError(_none_is_known(distinct, classes, where))
    for hint in hints([classes[k] for k in set(index.values())]):
        log.warning("%s: %s", where, hint)
    faults = _faults(set(names) - index.keys(), classes)
    indices = []
    for row, name in enumerate(names):
        if name in faults and row not in on_purpose:
            line = f"row {row} {faults[name]}"
            if skip is None:
                raise InputError(f"{where}: {line}; correct it or drop the row")
            skip(row, line)
        indices.append(index.get(name, -1))
    return indices, list(classes)


def unlabelled_among(names: Collection[str]) -> set[str]:
    """Select the names for texts without a label, if at least two other classes remain."""
    found = {name for name in names if written(name).casefold() in UNLABELLED}
    return found if len(set(map(written, names)) - set(map(written, found))) > 1 else set()


def named_labels(
    raw: Sequence[object], *, parts: Sequence[str | None] | None, where: str
) -> list[str | None]:
    """Name the class of each label, None where there is none, if no classes are known beforehand.

    Args:
        raw, parts, where: see `encode_labels`.
    """
    names = [written(label) for label in raw]
    on_purpose = _without_label(names, parts, known=(), where=where)
    names = ["" if row in on_purpose else name for row, name in enumerate(names)]
    shown = _shown_by_key(set(names) - {""})
    return [shown[key_of(name)] if name else None for name in names]


def hints(classes: Collection[str]) -> list[str]:
    """Make a line for each set of classes whose names differ in case or blanks alone."""
    return [
        f"the classes {' and '.join(repr(name) for name in names)} differ in case or blanks alone,"
        " and are counted as different; where they are one, write them alike"
        for names in look_alikes(classes)
    ]


def _shown_by_key(names: Collection[str]) -> dict[Key, str]:
    spellings: dict[Key, set[str]] = {}
    for name in names:
        spellings.setdefault(key_of(name), set()).add(name)
    return {key: shown_name(some) for key, some in spellings.items()}


def _classes_of(names: Collection[str], where: str) -> tuple[dict[str, int], list[str]]:
    shown = _shown_by_key(names)
    classes = in_order(shown.values())
    if len(classes) < 2:
        raise InputError(
            f"{where}: only the class '{classes[0] if classes else ''}' occurs: at least 2"
            " classes are needed; add examples of another, or name the right column"
        )
    if merged := merged_numbers(names):
        log.warning("%s: equal numbers are one class: %s", where, listed(merged))
    place = {name: k for k, name in enumerate(classes)}
    return {name: place[shown[key_of(name)]] for name in names}, classes


def _by_place(names: Collection[str], classes: Sequence[str], where: str) -> dict[str, int]:
    """Take names for class indices; empty unless all are, and no class is itself a number."""
    if any(number_of(written(name)) is not None for name in classes):
        return {}
    within = [re.findall(r"\d+", name) for name in classes]
    if all(map(len, within)) and [int(found[0]) for found in within] != list(range(len(classes))):
        return {}  # "1 star", "2 stars": the numbers in the names are not the indices
    numbers = {name: number_of(name) for name in names}
    index = {
        name: int(number)
        for name, number in numbers.items()
        if number is not None and 0 <= number < len(classes) and number == int(number)
    }
    if not index or len(index) < len(names):
        return {}
    pairs = [f"{k} = {name}" for k, name in enumerate(classes)]
    log.warning("%s: its numbers are taken as classes by their places: %s", where, listed(pairs))
    return index


def _without_label(
    names: Sequence[str],
    parts: Sequence[str | None] | None,
    *,
    known: Collection[str],
    where: str,
) -> frozenset[int]:
    """Find the rows that lack a label on purpose, with a warning."""
    own = set(map(written, known))
    words = {name for name in unlabelled_among(set(names) - {""}) if name not in own}
    rows = {row for row, name in enumerate(names) if name in words}
    if words:
        told = listed(sorted(words))
        log.warning(
            "%s: '%s' is no class, its %s rows have no label", where, told, f"{len(rows):,}"
        )
    if parts is not None and _KEPT_BACK not in map(number_of, own):
        rows |= _kept_back(names, parts, where)
    return frozenset(rows)


def _kept_back(names: Sequence[str], parts: Sequence[str | None], where: str) -> set[int]:
    """Find rows whose -1 counts as no label, and rows of parts without labels.

    A part is without labels if each is -1 or missing. Among other labels, -1 counts as none if the
    training part has numbers alone, and no part has another number below 0.
    """
    rows: dict[str, list[int]] = {}
    for row, part in enumerate(parts):
        if named := PART_NAMES.get(str(part).strip().lower()):
            rows.setdefault(named, []).append(row)
    labels = {part: {names[row] for row in some} - {""} for part, some in rows.items()}
    numbers = {part: set(map(number_of, some)) for part, some in labels.items()}
    hidden = {part for part, some in numbers.items() if some <= {_KEPT_BACK}}
    learnt = numbers.get("train", set())
    mixed = {
        part
        for part in numbers.keys() - hidden - {"train"}
        if _KEPT_BACK in numbers[part] and learnt and None not in learnt
    }
    others = [
        number
        for part in numbers.keys() - hidden
        for number in numbers[part] - ({_KEPT_BACK} if part in mixed else set())
    ]
    if not others or any(number is not None and number < 0 for number in others):
        return set()
    dropped = {part: rows[part] for part in hidden}
    dropped |= {
        part: [row for row in rows[part] if number_of(names[row]) == _KEPT_BACK] for part in mixed
    }
    for part, some in dropped.items():
        of_all = "all" if part in hidden else f"{len(some):,} of"
        told = f"{of_all} {len(rows[part]):,} rows of the part '{part}'"
        if numbers[part]:
            told = f"-1, the label of {told}, is taken for none"
        else:
            told += " are without a label"
        log.warning("%s: %s", where, told)
    return set().union(*dropped.values())


def _faults(names: Collection[str], classes: Sequence[str]) -> dict[str, str]:
    """Describe the fault of each name that matches no class, with the allowed classes."""
    twins = twins_of(names, classes)
    faults = {}
    for name in names:
        fault = f"has the unknown label {shortened(name)}" if name else "has no label"
        if name in twins:
            fault += f", which the class '{twins[name]}' differs from in case or blanks alone"
        faults[name] = f"{fault}: allowed are {listed(classes)}"
    return faults


def _none_is_known(names: Collection[str], classes: Sequence[str], where: str) -> str:
    came = listed([shortened(name) for name in in_order(names)], most=3) or "none"
    advice = "name the right column"
    if set(map(number_of, names)) == {_KEPT_BACK}:
        advice = "-1 is written where a benchmark keeps the label back, and nothing can be measured"
    elif twins_of(names, classes):
        advice = "some differ from a class in case or blanks alone; write them alike"
    elif names and None not in map(number_of, names):
        advice = (
            "numbers are places of classes only where no class has a number of its own and all are"
            f" from 0 to {len(classes) - 1}; write names, or name the right column"
        )
    return (
        f"{where}: no row has a known label: labels are {came}, allowed are {listed(classes)};"
        f" {advice}"
    )
