"""From the labels that people write to class indices."""

import re
from collections.abc import Callable, Sequence

from data.errors import InputError

Skip = Callable[[int, str], None]
"""Told of a row that cannot be used, and why."""

_WHOLE = re.compile(r"\d+(\.0)?")


def encode_labels(
    raw: Sequence[str | int | None],
    *,
    classes: list[str] | None,
    where: str,
    skip: Skip | None = None,
) -> tuple[list[int], list[str]]:
    """Class indices, and the names of the classes.

    Args:
        raw: a label each: a class name, or a class index (a number, or a number as text).
        classes: the classes that are known already (of a checkpoint, or named by the source); None
            takes the labels that occur, numbers in their order and else by alphabet.
        where: what to call the source in an error, e.g. ``reviews.csv, column 'label'``.
        skip: is told of rows whose label is missing or unknown, which get the index -1; without it
            they are errors.

    Raises:
        InputError: a label that is missing or unknown, no row left, or fewer than two classes.
    """
    names = ["" if is_missing(label) else _name(label) for label in raw]
    distinct = set(names) - {""}
    if all(map(_WHOLE.fullmatch, distinct)):
        # Tables with gaps write whole numbers so: 1.0 is the class 1.
        names = [name.removesuffix(".0") for name in names]
        distinct = set(names) - {""}
    if "" in names and skip is None:
        row = names.index("")
        raise InputError(
            f"{where}: row {row} has no label: every example needs one; fill it in or drop the row"
        )
    if classes is None:
        classes = sorted(distinct, key=int) if all(map(_is_index, distinct)) else sorted(distinct)
        if len(classes) < 2:
            raise InputError(
                f"{where}: only the class '{classes[0] if classes else ''}' occurs: at least 2"
                " classes are needed; add examples of another, or name the right column"
            )
    index = {name: k for k, name in enumerate(classes)}
    by_number = {str(k): k for k in range(len(classes))}
    if not distinct <= index.keys() and distinct <= by_number.keys():
        # Indices into the known classes are as good as their names.
        index = by_number
    allowed = f"allowed are {', '.join(classes)} (or 0 to {len(classes) - 1})"
    if distinct.isdisjoint(index):
        raise InputError(f"{where}: no row has a known label: {allowed}; name the right column")
    indices = []
    for row, name in enumerate(names):
        if name not in index:
            reason = "has no label" if name == "" else f"has the unknown label '{name}'"
            line = f"row {row} {reason}: {allowed}"
            if skip is None:
                raise InputError(f"{where}: {line}; correct it or drop the row")
            skip(row, line)
        indices.append(index.get(name, -1))
    return indices, classes


def is_missing(label: object) -> bool:
    """Whether a cell holds no label."""
    # A gap in a column of numbers is a NaN, which is not equal to itself.
    return label is None or label != label or (isinstance(label, str) and not label.strip())


def _name(label: str | int | None) -> str:
    # Tables with gaps turn whole numbers into floats.
    if isinstance(label, float) and label.is_integer():
        label = int(label)
    return str(label).strip()


def _is_index(name: str) -> bool:
    return name.isdecimal()
