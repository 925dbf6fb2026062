"""How people keep clips: a folder per class, or a table that lists them."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from data.errors import InputError
from data.splits import PART_NAMES

VIDEO_SUFFIXES = frozenset(
    [
        ".3gp",
        ".asf",
        ".avi",
        ".flv",
        ".gif",
        ".m2ts",
        ".m4v",
        ".mkv",
        ".mov",
        ".mp4",
        ".mpeg",
        ".mpg",
        ".mts",
        ".ogv",
        ".ts",
        ".webm",
        ".wmv",
    ]
)


class Clip(NamedTuple):
    """A row of a video data set."""

    path: Path
    label: str | None
    part: str | None


def clips(
    source: Path, *, path_column: str, label_column: str, split_column: str
) -> tuple[list[Clip], str]:
    """The clips of a folder or a CSV manifest, and what to call their source in errors.

    Raises:
        InputError: nothing there, nothing in it, or a column that is missing.
    """
    if source.is_dir():
        return folder_per_class(source), str(source)
    if source.is_file():
        columns = {"path": path_column, "label": label_column, "split": split_column}
        return manifest(source, columns), f"{source}, column '{label_column}'"
    raise InputError(
        f"{source}: no such file or folder; give a folder with one sub-folder per class, or a CSV"
        " file that lists clips (path,label[,split])"
    )


def folder_per_class(folder: Path) -> list[Clip]:
    """``folder/<class>/**/clip.mp4``, or ``folder/<train|val|test>/<class>/**/clip.mp4``."""
    found = []
    for part, classes in class_folders(folder):
        for class_folder in classes:
            files = sorted(
                path for path in class_folder.rglob("*") if path.suffix.lower() in VIDEO_SUFFIXES
            )
            if not files:
                raise InputError(
                    f"{class_folder}: no video file in the folder of this class; add clips"
                    " (.mp4, .avi, .mkv, .webm, …) or remove the folder"
                )
            found += [Clip(path, class_folder.name, part) for path in files]
    return found


def class_folders(folder: Path) -> Iterator[tuple[str | None, list[Path]]]:
    """The class folders of each part; one part named None where the folder names none.

    Raises:
        InputError: no sub-folder.
    """
    inner = _folders(folder)
    if not inner:
        raise InputError(
            f"{folder}: holds no sub-folder; there must be one per class, e.g."
            f" {folder.name}/positive and {folder.name}/negative"
        )
    parts = [path for path in inner if path.name.lower() in PART_NAMES]
    if len(parts) < len(inner) or not any(PART_NAMES[p.name.lower()] == "train" for p in parts):
        yield None, inner
        return
    for part in parts:
        classes = _folders(part)
        if not classes:
            raise InputError(f"{part}: holds no sub-folder; there must be one per class")
        yield part.name, classes


def manifest(table: Path, columns: dict[str, str]) -> list[Clip]:
    """Rows of a CSV file; paths are relative to it.

    Args:
        table: the file, UTF-8, with a line of column names.
        columns: what the columns ``path``, ``label`` and ``split`` are called there; the last may
            be missing.
    """
    with table.open(newline="", encoding="utf-8-sig", errors="replace") as lines:
        reader = csv.DictReader(lines)
        present = reader.fieldnames or []
        for option in ("path", "label"):
            if columns[option] not in present:
                raise InputError(
                    f"{table}: no column '{columns[option]}': its columns are"
                    f" {', '.join(present)}; name the right one by --data.{option}_column"
                )
        has_parts = columns["split"] in present
        found = [
            Clip(
                table.parent / (row[columns["path"]] or ""),
                row[columns["label"]],
                row[columns["split"]] if has_parts else None,
            )
            for row in reader
        ]
    if not found:
        raise InputError(f"{table}: lists no clip; there must be a row each")
    return found


def _folders(folder: Path) -> list[Path]:
    return sorted(
        path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")
    )
