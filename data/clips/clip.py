"""Clips: rows of a video data set, and the video files in a folder."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from data.decoding.sampling import WHOLE, Section
from data.files.folders import files_below

# Suffixes of files that `data.decoding.opening` reads. Suffixes that mostly mean something else
# (.ogg, .dat, .bin) are not among them.
_SUFFIXES = """
    .264 .265 .3g2 .3gp .3gp2 .3gpp .amv .apng .asf .av1 .avc .avi .dav .dif .divx .dv .dvr-ms .f4v
    .flv .gif .gxf .h261 .h263 .h264 .h265 .h26l .hevc .insv .ismv .ivf .lrv .m1v .m2p .m2t .m2ts
    .m2v .m4v .mj2 .mjpeg .mjpg .mk3d .mkv .mod .mov .mp4 .mp4v .mpe .mpeg .mpegts .mpg .mpv .mts
    .mxf .nut .obu .ogm .ogv .qt .rcv .rm .rmvb .tod .tp .trp .ts .vc1 .vob .vro .webm .wm .wmv .wtv
    .xvid .y4m
"""
VIDEO_SUFFIXES = frozenset(_SUFFIXES.split())
PICTURE_SUFFIXES = frozenset([".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"])
# UCF-101 names a clip v_<Class>_g<film>_c<clip of the film>.
_FILM = re.compile(r"(.+_g\d\d+)_c\d\d+", re.IGNORECASE)


class Clip(NamedTuple):
    """A row of a video data set."""

    path: Path
    label: str | None
    part: str | None
    """Name of the part in the source: train, val, test, or another word for these."""
    group: str | None = None
    """Group (a film, a camera, a person) that may not be divided between parts."""
    start_seconds: float | None = None
    end_seconds: float | None = None
    """Section of the file that is the clip (see `Section`); None for the file's start or end."""

    @property
    def section(self) -> Section:
        """Section of the file that is the clip."""
        return Section(self.start_seconds, self.end_seconds)


class Listing(NamedTuple):
    """All clips of a source, in one order."""

    clips: list[Clip]
    where: str
    """Name of the source in errors."""
    classes: list[str] | None = None
    """Names of the classes, where the source gives them an order."""


def clip_name(path: Path, section: Section) -> str:
    """Name a clip by its path, and by its section where that is not the whole file."""
    if section == WHOLE:
        return str(path)
    start, end = section
    return f"{path} [{start or 0:g} s to {'the end' if end is None else f'{end:g} s'}]"


def film_of(name: str) -> str | None:
    """Name the film that a clip was cut from, where its file is named as in UCF-101; else None.

    ``v_Archery_g07_c02.avi`` is of the film ``v_Archery_g07``.
    """
    found = _FILM.fullmatch(os.path.splitext(name)[0])
    return found and found[1]


def local_path(text: str) -> Path:
    """Make a path of a text, taken literally: a URL is a file name like any other.

    A NUL becomes U+FFFD. No file name holds a NUL, and functions that open files fail on it in
    various ways; with U+FFFD the file is just missing.
    """
    return Path(text.replace("\0", "\ufffd"))


def is_video(name: str) -> bool:
    """Whether a name is that of a video file."""
    return os.path.splitext(name)[1].lower() in VIDEO_SUFFIXES


def is_picture_or_video(name: str) -> bool:
    """Whether a name is that of a picture or a video file."""
    return is_video(name) or os.path.splitext(name)[1].lower() in PICTURE_SUFFIXES


def video_files(folder: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield each folder at or below this one that holds video files, and their names.

    Raises:
        InputError: a folder that cannot be read.
    """
    return files_below(folder, is_video)
