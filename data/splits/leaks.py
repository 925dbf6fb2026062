"""Leakage: rows of one group or of equal content that stand in more than one part."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np

Keys = Sequence[Hashable | None] | np.ndarray
"""Key of each row; rows with the key None have nothing in common with others."""


class Leak(NamedTuple):
    """Rows of one group, or of equal content, in more than one part."""

    kind: Literal["duplicate", "group"]
    name: Hashable
    """Shared content or group."""
    rows: dict[str, list[int]]
    """Rows by part, ascending."""


def merge_groups(groups: Keys | None, contents: Keys | None) -> np.ndarray:
    """Number the sets of rows that must stay in one part.

    Rows belong together if they share a group or a content, directly or through other rows (union of
    disjoint sets: Tarjan 1975).

    Args:
        groups, contents: key of each row; None if no row has one.

    Returns:
        (n,) int64: set of each row, numbered in the order of first occurrence.
    """
    columns = [list(keys) for keys in (groups, contents) if keys is not None]
    if len({len(column) for column in columns}) != 1:
        raise ValueError("groups and contents must be of the same length, and one of them given")
    parent = list(range(len(columns[0])))

    def root(row: int) -> int:
        while parent[row] != row:
            parent[row] = parent[parent[row]]
            row = parent[row]
        return row

    for column in columns:
        first: dict[Hashable, int] = {}
        for row, key in enumerate(column):
            if key is not None:
                one, other = root(first.setdefault(key, row)), root(row)
                # The earlier row is the root, so that numbers follow first occurrence.
                parent[max(one, other)] = min(one, other)
    numbers: dict[int, int] = {}
    return np.fromiter(
        (numbers.setdefault(root(row), len(numbers)) for row in range(len(parent))),
        np.int64,
        len(parent),
    )


def duplicates(contents: Keys) -> list[list[int]]:
    """List the rows of each content that occurs more than once."""
    return [rows for rows in _rows_of(contents).values() if len(rows) > 1]


def conflicts(contents: Keys, labels: Sequence[Hashable] | np.ndarray) -> list[list[int]]:
    """List the rows of each content that has more than one label."""
    return [rows for rows in duplicates(contents) if len({labels[row] for row in rows}) > 1]


def find_leaks(
    parts: Mapping[str, np.ndarray], *, groups: Keys | None, contents: Keys | None
) -> list[Leak]:
    """Find leaks between parts: duplicates first, each kind in the order of first rows.

    A group is not reported again if all its rows are in duplicate leaks.

    Args:
        parts: rows of each part.
        groups, contents: key of each row of the data set; None if no row has one.
    """
    part_of = {int(row): part for part, rows in parts.items() for row in rows}
    copies = _straddling("duplicate", contents, part_of)
    reported = {row for leak in copies for rows in leak.rows.values() for row in rows}
    return copies + [
        leak
        for leak in _straddling("group", groups, part_of)
        if any(row not in reported for rows in leak.rows.values() for row in rows)
    ]


def _straddling(
    kind: Literal["duplicate", "group"], keys: Keys | None, part_of: dict[int, str]
) -> list[Leak]:
    leaks = []
    for name, rows in _rows_of(keys if keys is not None else []).items():
        by_part: dict[str, list[int]] = {}
        for row in rows:
            if row in part_of:
                by_part.setdefault(part_of[row], []).append(row)
        if len(by_part) > 1:
            leaks.append(Leak(kind, name, by_part))
    return leaks


def _rows_of(keys: Keys) -> dict[Hashable, list[int]]:
    rows: dict[Hashable, list[int]] = {}
    for row, key in enumerate(keys):
        if key is not None:
            rows.setdefault(key, []).append(row)
    return rows
