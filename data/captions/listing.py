"""Lists of captions: a table, the JSON of COCO, or the text files of Flickr8k."""

import json
import logging
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from data.clips.clip import Clip, clip_name, local_path
from data.clips.manifest import manifest
from data.files.encodings import read_text
from data.files.errors import InputError, options_called
from data.files.folders import why_no_file
from data.plain_text.content import clean

log = logging.getLogger(__name__)

# Rows of Flickr8k.token.txt: name.jpg#0<tab>caption.
_TOKEN_ROW = re.compile(r"(\S.*?)#\d+\t(.*)")
# The lists of its parts lie beside it, in Flickr_8k.trainImages.txt and the like.
_PART_LISTS = {"train": "*trainImages.txt", "val": "*devImages.txt", "test": "*testImages.txt"}


class Captioned(NamedTuple):
    """Pictures and clips of a source, each once, with all their captions."""

    clips: list[Clip]
    references: list[list[str]]
    """Captions of each; none for a clip that cannot be learnt from."""
    where: str
    """Name of the source in errors."""

    @property
    def problems(self) -> dict[int, str]:
        """Rows without a caption, with the reason."""
        return {row: "has no caption" for row, some in enumerate(self.references) if not some}

    @property
    def parts(self) -> list[str | None] | None:
        """Part of each in the source; None if it names none."""
        return None if self.clips[0].part is None else [clip.part for clip in self.clips]


def read_captions(
    source: str,
    *,
    columns: Mapping[str, str | None],
    header: Sequence[str] | None,
    folder: str | None,
) -> Captioned:
    """Read the captions of a file; several rows of one picture are its references.

    Args:
        source: a CSV file with a path and a caption a row (see `data.clips.manifest`); the JSON of
            COCO (``images`` and ``annotations``), also with the sentences and parts of Karpathy's
            splits; or ``Flickr8k.token.txt``, the lists of whose parts are read where they lie
            beside it.
        columns: columns of a table by field, as `manifest` takes them; ``label`` is the caption's.
        header: names of all columns, for a table without a header.
        folder: folder that paths are relative to; None: that of the file, or its only sub-folder
            that holds them.

    Raises:
        InputError: a missing or unreadable file, or one without a caption.
    """
    path = local_path(source)
    if not path.is_file():
        raise InputError(
            f"{source}: {why_no_file(path)}; give a list of pictures or clips with their captions"
            " (path,caption[,split]), the JSON of COCO, or Flickr8k.token.txt"
        )
    rows = _rows_of_json(path) if path.suffix.lower() == ".json" else _rows_of_flickr(path)
    if rows is None:
        if folder is not None:
            raise InputError(
                f"--data.folder={folder}: is for lists in JSON and Flickr8k's; the paths of a table are"
                " relative to it"
            )
        with options_called({"--data.label_column": "--data.caption_column"}):
            listing = manifest(path, columns, header=header)
        found = [(clip._replace(label=None), clip.label) for clip in listing.clips]
    elif not rows:
        raise _without_caption(path)
    else:
        place = _folder_of(path, [name for name, _, _ in rows], folder)
        found = [
            (Clip(place / local_path(name), None, part), caption) for name, caption, part in rows
        ]
    return _grouped(path, found)


def _grouped(path: Path, rows: Iterable[tuple[Clip, str | None]]) -> Captioned:
    """Put the captions of each picture together, in the order of the list."""
    captions: dict[Clip, list[str]] = {}
    part_of: dict[str, str | None] = {}
    for clip, caption in rows:
        some = captions.setdefault(clip, [])
        text = clean(caption or "").strip()
        if text:
            some.append(text)
        name = clip_name(clip.path, clip.section)
        if part_of.setdefault(name, clip.part) != clip.part:
            raise InputError(
                f"{path}: {name} is in two parts, {part_of[name]} and {clip.part}; its captions belong"
                " in one"
            )
    if not any(captions.values()):
        raise _without_caption(path)
    return Captioned(list(captions), list(captions.values()), str(path))


def _without_caption(path: Path) -> InputError:
    return InputError(f"{path}: holds no caption; there must be one a row")


def _rows_of_json(path: Path) -> list[tuple[str, str, str | None]]:
    """Name, caption and part in each row of COCO's JSON, or of Karpathy's."""
    try:
        content = json.loads(read_text(path))
        images = content["images"]
        if any("sentences" in image for image in images):
            return [
                (_name(image), str(one["raw"]), _part(image.get("split")))
                for image in images
                for one in image["sentences"]
            ]
        names = {image["id"]: str(image["file_name"]) for image in images}
        return [
            (names[one["image_id"]], str(one["caption"]), None) for one in content["annotations"]
        ]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(
            f"{path}: is no list of captions in JSON ({type(error).__name__}: {error}); it must hold"
            " images with id and file_name, and annotations with image_id and caption, as COCO's does"
        ) from error


def _name(image: Mapping[str, Any]) -> str:
    return str(Path(image.get("filepath", ""), image["filename"]))


def _part(split: Any) -> str | None:
    # "restval" is what Karpathy leaves of COCO's validation part to be learnt from too.
    return "train" if split == "restval" else None if split is None else str(split)


def _rows_of_flickr(path: Path) -> list[tuple[str, str, str | None]] | None:
    """Name, caption and part in each row of ``Flickr8k.token.txt``; None: it is no such file."""
    if path.suffix.lower() != ".txt":
        return None
    rows: list[tuple[str, str]] = []
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        if not line.strip():
            continue
        match = _TOKEN_ROW.fullmatch(line)
        if match is None:
            if not rows:
                return None  # a table, whatever its suffix
            raise InputError(
                f"{path}, line {number}: is no row of Flickr8k: name.jpg#0, a tabulator, a caption"
            )
        rows.append((match[1], match[2]))
    lists = {part: sorted(path.parent.glob(pattern)) for part, pattern in _PART_LISTS.items()}
    part_of = {
        name: part
        for part, files in lists.items()
        for file in files
        for name in read_text(file).split()
    }
    if not part_of:
        return [(name, caption, None) for name, caption in rows]
    listed: list[tuple[str, str, str | None]] = [
        (name, caption, part_of[name]) for name, caption in rows if name in part_of
    ]
    if len(listed) < len(rows):
        log.warning(
            "%s: %d captions are of pictures in none of the lists of parts beside it, and left out",
            *(path, len(rows) - len(listed)),
        )
    return listed


def _folder_of(path: Path, names: Sequence[str], folder: str | None) -> Path:
    """The folder that a list's names are relative to."""
    if folder is not None:
        if not Path(folder).is_dir():
            raise InputError(f"--data.folder={folder}: is no folder; name that of the pictures")
        return Path(folder)
    here = path.parent
    if any(os.path.isfile(here / local_path(name)) for name in names):
        return here
    below = [
        one
        for one in sorted(here.iterdir())
        if one.is_dir() and any(os.path.isfile(one / local_path(name)) for name in names[:100])
    ]
    if len(below) != 1:
        raise InputError(
            f"{path}: {names[0]} is not beside it, nor in "
            + ("a folder there" if not below else f"one folder alone: {', '.join(map(str, below))}")
            + "; name the folder of the pictures by --data.folder"
        )
    log.warning("%s: paths are read as relative to %s", path, below[0])
    return below[0]
