"""Folders of classes, and the folders of parts above them."""

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

from data.files.errors import InputError
from data.files.folders import composed, holds_below, holds_directly, sub_folders
from data.splits.parts import PART_NAMES

log = logging.getLogger(__name__)


def class_name(folder: Path) -> str:
    """Name the class of a folder: its own name with accents composed (see `composed`)."""
    return composed(folder.name)


def class_folders(
    folder: Path, is_data: Callable[[str], bool]
) -> Iterator[tuple[str | None, list[Path]]]:
    """Yield the class folders of each part; the part is None where the folder has no parts.

    Sub-folders are classes, unless some are parts. A sub-folder has the name of a part if its name,
    in any case, is in `PART_NAMES`. It *holds classes* if data lie at any depth of a sub-folder of
    its own. The sub-folders with names of parts are the parts

    - if there is no other sub-folder, and one of them is for training or all hold classes;
    - beside other sub-folders, if the training part and another one hold classes, or if the training
      part holds classes and no data directly. The others (``runs``, ``annotations``) are left out
      with a warning.

    A class named ``train`` or ``test`` among others thus stays a class, since its data lie directly
    in its folder; a warning says so.

    Args:
        folder: folder to read.
        is_data: predicate on names of files.

    Raises:
        InputError: no sub-folder, or a single one that holds the parts.
    """
    inner = sub_folders(folder)
    if not inner:
        raise InputError(
            f"{folder}: holds no sub-folder; there must be one per class, e.g."
            f" {folder.name}/positive and {folder.name}/negative"
        )
    parts = _parts_among(inner, is_data)
    if not parts:
        _look_into_the_only_one(inner, is_data)
        if odd := [path.name for path in inner if path.name.lower() in PART_NAMES]:
            log.warning(
                "%s: %s named like a part but read as a class, beside %s; parts are read where a"
                " folder 'train' holds one folder per class",
                *(folder, f"{_names(odd)} {'is' if len(odd) == 1 else 'are'}"),
                _names([path.name for path in inner if path.name not in odd]),
            )
        yield None, inner
        return
    if others := [path.name for path in inner if path not in parts]:
        log.warning(
            "%s: read as the parts %s; left out: %s (if these are classes too, move them into the"
            " parts, or name every clip in a list)",
            *(folder, _names([part.name for part in parts]), _names(others)),
        )
    for part in parts:
        classes = sub_folders(part)
        if not classes:
            raise InputError(
                f"{part}: holds no sub-folder; there must be one per class, as in other parts; add"
                " them, or take this folder out"
            )
        yield part.name, classes


def _parts_among(folders: list[Path], is_data: Callable[[str], bool]) -> list[Path]:
    """Select the folders that are parts (see `class_folders`); none if all are classes."""
    parts = [path for path in folders if path.name.lower() in PART_NAMES]
    training = [part for part in parts if PART_NAMES[part.name.lower()] == "train"]
    if not parts or (training and len(parts) == len(folders)):
        return parts
    above = [part for part in parts if _holds_classes(part, is_data)]
    if len(parts) == len(folders):
        return parts if len(above) == len(parts) else []
    by_train = [part for part in training if part in above]
    if by_train and (
        len(above) > len(by_train) or not any(holds_directly(p, is_data) for p in by_train)
    ):
        return parts
    return []


def _look_into_the_only_one(inner: list[Path], is_data: Callable[[str], bool]) -> None:
    """Refuse a folder around a folder of parts, and warn of one around possible classes."""
    only = inner[0]
    if len(inner) > 1 or holds_directly(only, is_data):
        return
    below = [path for path in sub_folders(only) if holds_below(path, is_data)]
    if _parts_among(below, is_data):
        raise InputError(
            f"{only.parent}: holds a single folder, '{only.name}', and the parts"
            f" {_names([path.name for path in below])} lie in there; name that folder: {only}"
        )
    if len(below) > 1:
        log.warning(
            "%s: its single folder '%s' is read as one class; if the classes are %s, name that"
            " folder: %s",
            *(only.parent, only.name, _names([path.name for path in below]), only),
        )


def _holds_classes(folder: Path, is_data: Callable[[str], bool]) -> bool:
    return any(holds_below(path, is_data) for path in sub_folders(folder))


def _names(names: list[str]) -> str:
    """List names; after five, only their number."""
    shown = ", ".join(names[:5])
    return shown if len(names) <= 5 else f"{shown} and {len(names) - 5} more"
