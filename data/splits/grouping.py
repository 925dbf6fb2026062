"""Chooses whole groups so that what is taken of each class comes near to what is wanted."""

from typing import NamedTuple

import numpy as np

# Many orders are tried when that is quick: this many (group, class) pairs are visited at most.
TRIES, VISITS = 32, 200_000
# Of so many groups the larger are placed first.
FEW = 50


class _Groups(NamedTuple):
    """Groups, and what is wanted of them."""

    contents: list[list[tuple[int, int]]]
    """Of each group, its classes and how many rows it has of them."""
    most: list[int]
    """How many groups of each class may be taken; -1 for a class that none has."""
    wanted: list[float]


class _Choice(NamedTuple):
    """Chosen groups; the least is the best."""

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
    """Which rows to take, (n,) bool: whole groups, and so that some of each class stay.

    How far off a choice is, is Pearson's chi-square: (taken − wanted)² / wanted, summed over the
    classes. Groups are visited in an order drawn by chance, or, where they are few, the larger first:
    of many, a part would else be made of the largest alone. They are taken as long as they fit; then,
    in the opposite order, as long as they bring the counts nearer; last, what has a class that was
    not taken at all. A few large ones may not come near that way, so other orders are tried too, and
    the best is kept.

    Args:
        groups: (n,) the group of each row.
        labels: (n,) its class, an index into ``wanted``.
        wanted: (K,) how many rows of each class to take: at least 1, and 0 of one that has none.
        stay: how many groups of each class to leave; of one that has no more than these, all but
            one can be taken.
        random: decides between groups that are as good as each other.
    """
    _, group_of = np.unique(groups, return_inverse=True)
    sizes = np.bincount(group_of)
    cells, counts = np.unique(group_of * len(wanted) + labels, return_counts=True)
    contents: list[list[tuple[int, int]]] = [[] for _ in sizes]
    for cell, count in zip(cells.tolist(), counts.tolist(), strict=True):
        contents[cell // len(wanted)].append((cell % len(wanted), count))
    # Of a class in one group none may be taken.
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
    """Choose by visiting groups in an order; with ``fill`` first forth, then back."""
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
    # A group brings the counts nearer only while a class is short.
    short = any(t < w for t, w in zip(taken, wanted, strict=True))
    for group in order if short else ():
        # What taking it adds to the distance.
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
