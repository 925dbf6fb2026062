"""Split of examples into training, validation and test part."""

import logging
from collections.abc import Collection, Hashable, Mapping, Sequence
from functools import partial
from types import MappingProxyType

import numpy as np

from data.files.errors import InputError
from data.splits.grouping import choose_groups
from data.splits.label_names import listed
from data.splits.leaks import merge_groups

log = logging.getLogger(__name__)

PARTS = ("train", "val", "test")
# Usual names of the parts.
PART_NAMES = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validate", "validation", "dev"), "val"),
    **dict.fromkeys(("test", "testing"), "test"),
}


def split(
    labels: Sequence[int] | np.ndarray,
    named: Sequence[str | None] | None,
    *,
    groups: Sequence[Hashable | None] | np.ndarray | None = None,
    classes: Sequence[str],
    val_share: float,
    test_share: float,
    seed: int,
    where: str,
) -> tuple[dict[str, np.ndarray], str]:
    """Split rows into the parts ``train``, ``val`` and ``test``.

    If the source names no parts, all rows are split, stratified by class. If it names a training
    part and just one other, that one is reported, whatever its name, and the validation part is cut
    from the training part: the reported part may not be one that choices were made on.

    A part that is cut takes whole groups. Each class is then on both sides if its groups allow it,
    and the shares are met as closely as they allow (see `choose_groups`). Parts that the source
    names stay as they are.

    Args:
        labels: class index of each row.
        named: part of each row in the source; None if it names no parts.
        groups: group of each row; None is a group of its own.
        classes: names of the classes, for errors.
        val_share, test_share: share of each class to take for a part that is not named.
        seed: seed of the draw.
        where: name of the source in errors.

    Returns:
        Rows of each part, and the source's own name for the test part.

    Raises:
        InputError: an unknown name of a part, no training part, a class too small to divide, or
            groups that cannot be divided.
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
    sets = rows if groups is None else merge_groups(groups, None)
    grouped = len(np.unique(sets[parts["train"]])) < len(parts["train"])
    random = np.random.default_rng([seed, 1])
    # Shares refer to the rows before any were taken.
    total = len(parts["train"])
    for k, (part, share) in enumerate(shares.items()):
        wanted = share * total / len(parts["train"])
        kept = parts["train"]
        take = partial(_take_groups, groups=sets[kept], stay=len(shares) - k) if grouped else _take
        taken = take(
            class_of[kept], share=wanted, classes=classes, part=part, random=random, where=where
        )
        parts["train"], parts[part] = kept[~taken], kept[taken]
    tell_absent(
        parts,
        class_of,
        classes=classes,
        where=where,
        called={"test": reported},
        whole=set(shares) if grouped else set(),
    )
    return {part: np.sort(parts[part]) for part in PARTS}, reported


def tell_absent(
    parts: Mapping[str, np.ndarray],
    labels: np.ndarray,
    *,
    classes: Sequence[str],
    where: str,
    called: Mapping[str, str] = MappingProxyType({}),
    whole: Collection[str] = (),
) -> None:
    """Warn of classes that one part has and another lacks, in a line for each such part.

    Args:
        parts: rows of each part; without a training part, each should have all classes.
        labels: (n,) class indices.
        classes: names of the classes.
        where: name of the source.
        called: the source's own names of parts, where they differ.
        whole: parts that were drawn by whole groups, which explains missing classes.
    """
    counts = {part: np.bincount(labels[of], minlength=len(classes)) for part, of in parts.items()}
    learnt = counts.get("train", np.ones(len(classes), np.int64)) > 0
    measured = [counts[part] > 0 for part in counts if part != "train"]
    for part, count in counts.items():
        needed, reason = learnt, "nothing is measured of it"
        if part == "train":
            needed = np.any([learnt, *measured], axis=0)
            reason = "what the other parts have of it can only be answered wrongly"
        elif part in whole:
            reason = "groups stay whole, and to take one of theirs would leave none for training"
        if lacking := [classes[k] for k in np.flatnonzero(needed & (count == 0)).tolist()]:
            what = "" if part == "all" else f"the part '{called.get(part, part)}' has "
            log.warning("%s: %sno example of %s: %s", where, what, listed(lacking), reason)


def tell_lost(
    named: Sequence[str | None], is_usable: np.ndarray, *, needed: str, where: str
) -> None:
    """Warn of named parts without a usable row, and of what takes their place.

    Args:
        named: part of each row in the source.
        is_usable: (n,) bool: whether a row has a known label and content.
        needed: the part that must have usable rows.
        where: name of the source.

    Raises:
        InputError: the part ``needed`` has no usable row.
    """
    part_of = np.array([PART_NAMES.get(str(name).strip().lower(), "") for name in named])
    rows = {part: part_of == part for part in PARTS}
    lost = [part for part in PARTS if rows[part].any() and not is_usable[rows[part]].any()]
    reported = "the part 'val' is reported instead, and another set aside from the training part"
    if not is_usable[rows["val"]].any():
        reported = "a part for the report is set aside from the training part"
    instead = {"test": reported, "val": "another is set aside from the training part"}
    for part in lost:
        line = (
            f"{where}: no row of the part '{part}' ({rows[part].sum():,}) has a label that is known"
            " and something to read, so nothing can be measured on it"
        )
        if part == needed:
            raise InputError(f"{line}; fill in its labels, or name another part")
        log.warning("%s: %s; fill in its labels to use it", line, instead.get(part, ""))


def parts_named(named: Sequence[str | None], where: str) -> dict[str, np.ndarray]:
    """Collect the rows of each named part. An unknown name is an `InputError`."""
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
    labels: np.ndarray,
    *,
    share: float,
    classes: Sequence[str],
    part: str,
    random: np.random.Generator,
    where: str,
) -> np.ndarray:
    """Choose rows to take for a part, (n,) bool: a share of each class.

    At least one row of each class is taken and one stays. A draw over all classes at once would not
    ensure that for small classes.
    """
    taken = np.zeros(len(labels), bool)
    for k in np.unique(labels):
        members = random.permutation(np.flatnonzero(labels == k))
        if len(members) < 2:
            # Pairs and captions are of one class, whose name says nothing.
            who = f"class '{classes[k]}' has" if len(classes) > 1 else "there are"
            raise InputError(
                f"{where}: {who} too few examples to set some aside for"
                f" '{part}': 3 are the least; add examples, or name the parts in a column"
            )
        taken[members[: min(max(round(share * len(members)), 1), len(members) - 1)]] = True
    return taken


def _take_groups(
    labels: np.ndarray,
    *,
    groups: np.ndarray,
    stay: int,
    share: float,
    classes: Sequence[str],
    part: str,
    random: np.random.Generator,
    where: str,
) -> np.ndarray:
    """Choose rows to take for a part, (n,) bool: whole groups, near to a share of each class.

    A class that cannot be on both sides stays. A warning tells if the part misses its share by far.
    """
    present = np.bincount(labels, minlength=len(classes))
    wanted = np.clip(np.rint(share * present), 1, np.maximum(present - 1, 1)) * (present > 0)
    taken = choose_groups(groups, labels, wanted, stay=stay, random=random)
    if not taken.any():
        raise InputError(
            f"{where}: nothing can be set aside for '{part}': each of its"
            f" {len(np.unique(groups))} group(s) holds all examples of some class; add examples of"
            " other groups, make groups smaller, or name the parts in a column"
        )
    if not 2 / 3 <= taken.sum() / wanted.sum() <= 1.5:
        log.warning(
            "%s: the part '%s' takes %d of %d examples, where %d were asked for: groups stay whole",
            *(where, part, taken.sum(), len(taken), wanted.sum()),
        )
    return taken
