"""Which examples are for training, for choosing (validation) and for the report (test)."""

from collections.abc import Sequence

import numpy as np

from data.errors import InputError

PARTS = ("train", "val", "test")
# What people call the parts.
PART_NAMES = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev"), "val"),
    **dict.fromkeys(("test", "testing"), "test"),
}


def split(
    labels: Sequence[int],
    named: Sequence[str | None] | None,
    *,
    classes: Sequence[str],
    val_share: float,
    test_share: float,
    seed: int,
    where: str,
) -> tuple[dict[str, np.ndarray], str]:
    """Rows of the parts ``train``, ``val`` and ``test``, and what the source calls the test part.

    Without names, all rows are divided, stratified by class. Where the source names a training part
    and just one other, that one is for the report, whatever its name, and the validation part is
    cut from the training part: what the report is on may not be what choices were made on.

    Args:
        labels: class index of each row.
        named: the part each row is said to belong to, or None when the source names none.
        classes: names of the classes, for errors.
        val_share, test_share: what share of a class's rows to take for a part that is not named.
        seed: decides which.
        where: what to call the source in an error.

    Raises:
        InputError: a name that is no part, no training part, or a class too small to divide.
    """
    rows = np.arange(len(labels))
    class_of = np.asarray(labels)
    if named is None:
        shares, parts, reported = {"test": test_share, "val": val_share}, {"train": rows}, "test"
    else:
        parts = parts_named(named, where)
        if "train" not in parts:
            raise InputError(
                f"{where}: no row is named 'train' (found: {', '.join(sorted(parts))}); name a"
                " training part, or drop the column that names parts"
            )
        shares, reported = {}, "test"
        if "test" not in parts:
            if "val" in parts:
                parts["test"], reported = parts.pop("val"), "val"
            else:
                shares["test"] = test_share
        if "val" not in parts:
            shares["val"] = val_share
    random = np.random.default_rng([seed, 1])
    # Shares are of what was there before anything was taken.
    total = len(parts["train"])
    for part, share in shares.items():
        wanted = share * total / len(parts["train"])
        parts["train"], parts[part] = _take(
            parts["train"], class_of, wanted, classes=classes, part=part, random=random, where=where
        )
    return {part: np.sort(parts[part]) for part in PARTS}, reported


def parts_named(named: Sequence[str | None], where: str) -> dict[str, np.ndarray]:
    """Rows of each part that is named; an unknown name is an `InputError`."""
    known = [PART_NAMES.get(str(name).strip().lower()) for name in named]
    for row, (name, part) in enumerate(zip(named, known, strict=True)):
        if part is None:
            raise InputError(
                f"{where}: row {row} is in the unknown part '{name}': allowed are train, val, test;"
                " correct it, or name another column"
            )
    array = np.array(known)
    return {part: np.flatnonzero(array == part) for part in PARTS if (array == part).any()}


def _take(
    rows: np.ndarray,
    labels: np.ndarray,
    share: float,
    *,
    classes: Sequence[str],
    part: str,
    random: np.random.Generator,
    where: str,
) -> tuple[np.ndarray, np.ndarray]:
    """Take a share of each class out of the rows: (what stays, what was taken).

    At least one row of each class is taken and one stays, which a draw over all classes at once
    does not promise for small ones.
    """
    taken = []
    for k in np.unique(labels[rows]):
        members = random.permutation(rows[labels[rows] == k])
        if len(members) < 2:
            raise InputError(
                f"{where}: class '{classes[k]}' has too few examples to set some aside for"
                f" '{part}': 3 are the least; add examples, or name the parts in a column"
            )
        taken.append(members[: min(max(round(share * len(members)), 1), len(members) - 1)])
    chosen = np.concatenate(taken)
    return np.setdiff1d(rows, chosen), chosen
