"""Layouts of clips on disk: a folder per class, official lists, or a list of one's own."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from data.clips.clip import Clip, Listing, film_of, is_video, video_files
from data.clips.manifest import manifest
from data.clips.official_lists import official_lists
from data.files.errors import InputError
from data.files.folders import why_absent
from data.splits.class_folders import class_folders, class_name


def clips(
    source: Path,
    *,
    columns: Mapping[str, str | None],
    header: Sequence[str] | None = None,
    fold: int = 1,
) -> Listing:
    """Find the clips of a folder or a list.

    A folder is read by the official lists in it (see `official_lists`), or else by its sub-folders,
    one per class, with or without train, val and test above. A file is a list (see `manifest`).

    Args:
        source: path of the folder or file.
        columns: names of the columns of a list (see `manifest`).
        header: names of all columns, for a list without a header.
        fold: number of the official split, where there are several.

    Raises:
        InputError: a missing or empty source, a missing list or column, or a bad row.
    """
    if os.path.isdir(source):
        return official_lists(source, fold=fold) or Listing(folder_per_class(source), str(source))
    if os.path.isfile(source):
        return manifest(source, columns, header=header)
    raise InputError(
        f"{source}: {why_absent(source)}; give a folder with one sub-folder per class, or a list"
        " of clips (path,label[,split][,group][,start_seconds,end_seconds])"
    )


def folder_per_class(folder: Path) -> list[Clip]:
    """Find ``folder/<class>/**/clip.mp4``, or ``folder/<train|val|test>/<class>/**/clip.mp4``."""
    found = []
    for part, classes in class_folders(folder, is_video):
        for class_folder in classes:
            files = sorted(
                Path(here, name) for here, names in video_files(class_folder) for name in names
            )
            if not files:
                raise InputError(
                    f"{class_folder}: no video file in the folder of this class; add clips"
                    " (.mp4, .avi, .mkv, .webm, …) or remove the folder"
                )
            label = class_name(class_folder)
            found += [Clip(path, label, part, film_of(path.name)) for path in files]
    return found
