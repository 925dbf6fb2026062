"""How people keep clips: a folder per class, official lists, or a table of their own."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from data.clip import Clip, Listing, film_of, video_files
from data.errors import InputError
from data.manifest import COLUMNS, manifest
from data.official import official_lists
from data.splits import PART_NAMES


def clips(source: Path, *, columns: Mapping[str, str], fold: int = 1) -> Listing:
    """The clips of a folder or a CSV manifest, recognised by what lies there.

    A folder is read by the official lists in it (see `official_lists`) or else by its sub-folders,
    one per class, with or without train, val and test above; a file is a table (see `manifest`).

    Args:
        source: the folder or file.
        columns: what the columns of a manifest are called (see `manifest`).
        fold: which of the official lists to take, where there are several.

    Raises:
        InputError: nothing there, nothing in it, a list or column that is missing, a bad row.
    """
    if source.is_dir():
        return official_lists(source, fold=fold) or Listing(folder_per_class(source), str(source))
    if source.is_file():
        columns = COLUMNS | dict(columns)
        return Listing(manifest(source, columns), f"{source}, column '{columns['label']}'")
    raise InputError(
        f"{source}: no such file or folder; give a folder with one sub-folder per class, or a CSV"
        " file that lists clips (path,label[,split][,group][,start_seconds,end_seconds])"
    )


def folder_per_class(folder: Path) -> list[Clip]:
    """``folder/<class>/**/clip.mp4``, or ``folder/<train|val|test>/<class>/**/clip.mp4``."""
    found = []
    for part, classes in class_folders(folder):
        for class_folder in classes:
            files = sorted(
                Path(here, name) for here, names in video_files(class_folder) for name in names
            )
            if not files:
                raise InputError(
                    f"{class_folder}: no video file in the folder of this class; add clips"
                    " (.mp4, .avi, .mkv, .webm, …) or remove the folder"
                )
            found += [Clip(path, class_folder.name, part, film_of(path.name)) for path in files]
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


def _folders(folder: Path) -> list[Path]:
    return sorted(
        path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")
    )
