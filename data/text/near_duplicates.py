"""Near duplicates of texts: their keys, the groups that they join, and leaks between parts."""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from datasets import Dataset

from data.splits.leaks import conflicts, duplicates, find_leaks

# The most to list in a report, so that it stays readable.
MOST_LISTED = 1_000
# A shorter text, or one in more groups, is a common phrase and no copy. If every "good" joined groups,
# two fifths of 190,000 film reviews would be one set.
COPY_CHARACTERS, COPY_GROUPS = 20, 10
_TEXTS_AT_ONCE = 1_000


def keys_of_twins(contents: np.ndarray) -> list[int | None]:
    """Key each row of (n,) contents that has a near duplicate; None for the others."""
    distinct, places, counts = np.unique(contents, return_inverse=True, return_counts=True)
    shared = (counts > 1) & (distinct != 0)
    return [int(k) if shared[k] else None for k in places]


def joining_twins(
    twins: Sequence[int | None], *, groups: Sequence[Hashable | None] | None, texts: Dataset
) -> list[int | None]:
    """Drop the keys of common phrases, which are no reason to keep two groups together.

    Args:
        twins: keys of near duplicates (see `keys_of_twins`).
        groups: group of each row; None if there are none, and all keys stay.
        texts: table with the column ``text``.
    """
    if groups is None:
        return list(twins)
    groups_of: dict[int, set[Hashable]] = {}
    first: dict[int, int] = {}
    for row, (twin, group) in enumerate(zip(twins, groups, strict=True)):
        if twin is not None:
            first.setdefault(twin, row)
            if group is not None:
                groups_of.setdefault(twin, set()).add(group)
    phrases = {twin for twin, found in groups_of.items() if len(found) > COPY_GROUPS}
    straddling = [t for t, found in groups_of.items() if 1 < len(found) <= COPY_GROUPS]
    for start in range(0, len(straddling), _TEXTS_AT_ONCE):
        some = straddling[start : start + _TEXTS_AT_ONCE]
        for twin, text in zip(some, texts[[first[t] for t in some]]["text"], strict=True):
            if len(text.strip()) < COPY_CHARACTERS:
                phrases.add(twin)
    return [None if twin in phrases else twin for twin in twins]


def describe_twins(
    rows: Mapping[str, np.ndarray],
    *,
    named: Mapping[str, np.ndarray],
    twins: Sequence[int | None],
    groups: Sequence[Hashable | None] | None,
    labels: np.ndarray,
    where: str,
) -> tuple[dict[str, Any], str]:
    """Describe near duplicates and leaks for the report, with a line on leaks, empty without.

    Args:
        rows: rows of each part.
        named: rows of each part that the source names; near duplicates between them are leaks.
        twins: keys of near duplicates (see `keys_of_twins`).
        groups: group of each row; None if there are none.
        labels: (n,) class indices; -1 for none.
        where: name of the source.
    """
    found = duplicates(twins)
    torn = conflicts(twins, labels)
    shared_twins = _in_two_parts(twins, named)
    shared_groups = None if groups is None else _in_two_parts(groups, named)
    # Only rows with a shared key are searched, which is fast.
    is_shared = _is_key(shared_twins) | _is_key(shared_groups or [None] * len(twins))
    leaks = find_leaks(
        {part: members[is_shared[members]] for part, members in named.items()},
        groups=shared_groups,
        contents=shared_twins,
    )
    notes = {
        "duplicates": {
            "texts": len(found),
            "rows": sum(map(len, found)),
            "with_unlike_labels": len(torn),
            "in_two_parts": len(set(_in_two_parts(twins, rows)) - {None}),
            "listed": found[:MOST_LISTED],
        },
        "leaks": [
            {"kind": leak.kind, "name": str(leak.name), "rows": leak.rows}
            for leak in leaks[:MOST_LISTED]
        ],
        "num_leaks": len(leaks),
    }
    if not leaks:
        return notes, ""
    first = leaks[0]
    places = " and ".join(f"row {of[0]} ({part})" for part, of in first.rows.items())
    what = "the same text" if first.kind == "duplicate" else f"group {first.name}"
    line = (
        f"{where}: {len(leaks)} leak(s) between its parts, e.g. {places}: {what}; what belongs"
        " together should stand in one part"
    )
    return notes, line


def _in_two_parts(
    keys: Sequence[Hashable | None], parts: Mapping[str, np.ndarray]
) -> list[Hashable | None]:
    """Keep the keys whose rows are in more than one part; the others become None."""
    number: dict[Hashable, int] = {}
    codes = np.fromiter(
        (-1 if key is None else number.setdefault(key, len(number)) for key in keys),
        np.int64,
        len(keys),
    )
    times = np.zeros(len(number), np.int64)
    for members in parts.values():
        present = np.unique(codes[members])
        times[present[present >= 0]] += 1
    return [
        key if code >= 0 and times[code] > 1 else None
        for key, code in zip(keys, codes, strict=True)
    ]


def _is_key(keys: Iterable[Hashable | None]) -> np.ndarray:
    return np.array([key is not None for key in keys])
