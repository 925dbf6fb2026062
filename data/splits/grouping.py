"""Choice of whole groups so that the count of each class comes near to a target."""

from typing import NamedTuple

import numpy as np

# The most orders to try, and the most (group, class) pairs to visit in all of them.
TRIES, VISITS = 32, 200_000
# Up to so many groups, the larger ones are visited first.
FEW = 50


class _Groups(NamedTuple):
    """Groups and the targets of the choice."""

    contents: list[list[tuple[int, int]]]
    """Classes of each group, with the number of rows of each."""
    most: list[int]
    """The most groups of each class to take; -1 for a class that no group has."""
    wanted: list[float]


class _Choice(NamedTuple):
    """Chosen groups; in the order of tuples the smallest is the best."""

    num_lacking: int
    distance: float
    groups: list[int]


def choose_groups(
    groups: np.ndarray,
    labels: np.ndarray,
    wanted: np.ndarray,
    *,
    stay: int = 1,
    random: np.random.Generator,
) -> np.ndarray:
    """Choose rows to take, (n,) bool: whole groups, and such that some rows of each class stay.

    The distance of a choice is Pearson's chi-square: (taken − wanted)² / wanted, summed over the
    classes. Groups are visited in random order, or the larger first where they are few. First they
    are taken as long as they fit; then, in the opposite order, as long as they reduce the distance;
    last, those with a class that was not taken at all. Other orders are tried too, since a few large
    groups may spoil one, and the best choice is kept.

    Args:
        groups: (n,) group of each row.
        labels: (n,) class of each row, an index into ``wanted``.
        wanted: (K,) number of rows of each class to take: at least 1, or 0 if the class has no row.
        stay: number of groups of each class to leave; of a class with no more groups than that, all
            but one can be taken.
        random: generator for the orders.
    """
    _, group_of = np.unique(groups, return_inverse=True)
    sizes = np.bincount(group_of)
    cells, counts = np.unique(group_of * len(wanted) + labels, return_counts=True)
    contents: list[list[tuple[int, int]]] = [[] for _ in sizes]
    for cell, count in zip(cells.tolist(), counts.tolist(), strict=True):
        contents[cell // len(wanted)].append((cell % len(wanted), count))
    # The only group of a class may not be taken.
    number = np.bincount(cells % len(wanted), minlength=len(wanted))
    most = number - np.clip(number - 1, 1, stay)
    given = _Groups(contents, most.tolist(), wanted.tolist())
    order = random.permutation(len(sizes))
    if len(sizes) <= FEW:
        order = order[np.argsort(-sizes[order], kind="stable")]
    best = _choose(given, order.tolist(), fill=True)
    for _ in range(min(VISITS // len(cells), TRIES)):
        if best.num_lacking == 0 and best.distance == 0:
            break
        order = random.permutation(len(sizes))
        best = min(best, _choose(given, order.tolist(), fill=False))
    return np.isin(group_of, best.groups)


def _choose(given: _Groups, order: list[int], *, fill: bool) -> _Choice:
    """Choose groups in an order; ``fill`` visits them forwards first, and then backwards."""
    contents, most, wanted = given
    taken, number = [0] * len(wanted), [0] * len(wanted)
    chosen: list[int] = []

    def take(group: int) -> bool:
        may = all(number[k] < most[k] for k, _ in contents[group])
        if may:
            chosen.append(group)
            for k, n in contents[group]:
                taken[k] += n
                number[k] += 1
        return may

    if fill:
        left = sum(wanted)
        for group in order:
            if all(taken[k] + n <= wanted[k] for k, n in contents[group]) and take(group):
                left -= sum(n for _, n in contents[group])
                if left == 0:
                    break
        order = order[::-1]
    filled = set(chosen)
    # A group can reduce the distance only while a class is short.
    short = any(t < w for t, w in zip(taken, wanted, strict=True))
    for group in order if short else ():
        # Change of the distance by taking the group.
        added = sum(n * (2 * (taken[k] - wanted[k]) + n) / wanted[k] for k, n in contents[group])
        if added < 0 and group not in filled:
            take(group)
    if 0 in taken:
        for group in order:
            if any(taken[k] == 0 for k, _ in contents[group]):
                take(group)
    distance = sum((t - w) ** 2 / w for t, w, m in zip(taken, wanted, most, strict=True) if m >= 0)
    lacking = sum(t == 0 for t, m in zip(taken, most, strict=True) if m >= 0)
    return _Choice(lacking, distance, chosen)
