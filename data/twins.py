"""Texts that read alike: which they are, and where they stand on two sides."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np

from data.leaks import conflicts, duplicates, find_leaks

# A report that lists thousands of them is read by nobody.
MOST_LISTED = 1_000


def keys_of_twins(contents: np.ndarray) -> list[int | None]:
    """(n,) contents → a key of each row that reads as another does; None for the others."""
    distinct, places, counts = np.unique(contents, return_inverse=True, return_counts=True)
    shared = (counts > 1) & (distinct != 0)
    return [int(k) if shared[k] else None for k in places]


def describe_twins(
    rows: Mapping[str, np.ndarray],
    *,
    twins: Sequence[int | None],
    groups: Sequence[Hashable | None] | None,
    labels: np.ndarray,
    where: str,
) -> tuple[dict[str, Any], str]:
    """What the report says of them, and a line of what is wrong; empty where nothing is.

    Args:
        rows: rows of each part.
        twins: see `keys_of_twins`.
        groups: the group of each row; None where there are none.
        labels: (n,) class indices; -1 for none.
        where: what to call the source.
    """
    found = duplicates(twins)
    torn = conflicts(twins, labels)
    leaks = find_leaks(rows, groups=groups, contents=twins)
    notes = {
        "duplicates": {
            "texts": len(found),
            "rows": sum(map(len, found)),
            "with_unlike_labels": len(torn),
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
