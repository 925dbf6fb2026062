"""A row of a video data set, and the video files that lie in a folder."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from data.decoding.sampling import WHOLE, Section
from data.files.folders import files_below

# Endings of files that `data.decoding.opening` reads, each a file to itself. Those that mostly
# name something else (.ogg, .dat, .bin) are not among them.
_SUFFIXES = """
    .264 .265 .3g2 .3gp .3gp2 .3gpp .amv .apng .asf .av1 .avc .avi .dav .dif .divx .dv .dvr-ms .f4v
    .flv .gif .gxf .h261 .h263 .h264 .h265 .h26l .hevc .insv .ismv .ivf .lrv .m1v .m2p .m2t .m2ts
    .m2v .m4v .mj2 .mjpeg .mjpg .mk3d .mkv .mod .mov .mp4 .mp4v .mpe .mpeg .mpegts .mpg .mpv .mts
    .mxf .nut .obu .ogm .ogv .qt .rcv .rm .rmvb .tod .tp .trp .ts .vc1 .vob .vro .webm .wm .wmv .wtv
    .xvid .y4m
"""
VIDEO_SUFFIXES = frozenset(_SUFFIXES.split())
# UCF-101 names a clip v_<Class>_g<film>_c<clip of the film>.
_FILM = re.compile(r"(.+_g\d\d+)_c\d\d+", re.IGNORECASE)


class Clip(NamedTuple):
    """A row of a video data set."""

    path: Path
    label: str | None
    part: str | None
    """The part the source names: train, val, test, or what else people call these."""
    group: str | None = None
    """Clips of one group (one film, one camera, one person) may not stand on two sides."""
    start_seconds: float | None = None
    end_seconds: float | None = None
    """The stretch of the file that is the clip (see `Section`); None where it begins or ends with it."""

    @property
    def section(self) -> Section:
        """The stretch."""
        return Section(self.start_seconds, self.end_seconds)


class Listing(NamedTuple):
    """All clips of a source, in one order."""

    clips: list[Clip]
    where: str
    """What to call the source in an error."""
    classes: list[str] | None = None
    """Names of the classes where the source puts them in an order."""


def clip_name(path: Path, section: Section) -> str:
    """What to call a clip: its path, and the stretch of the file where it is not the whole."""
    if section == WHOLE:
        return str(path)
    start, end = section
    return f"{path} [{start or 0:g} s to {'the end' if end is None else f'{end:g} s'}]"


def film_of(name: str) -> str | None:
    """The film a clip was cut from, where the name says it as UCF-101 does, else None.

    ``v_Archery_g07_c02.avi`` is of the film ``v_Archery_g07``.
    """
    found = _FILM.fullmatch(os.path.splitext(name)[0])
    return found and found[1]


def local_path(text: str) -> Path:
    """The path a text names, taken literally: an address is a file name like any other.

    No file's name holds a NUL, and functions that open files fail on it in ways of their own; it
    becomes U+FFFD, so that the path is one of no such file.
    """
    return Path(text.replace("\0", "\ufffd"))


def is_video(name: str) -> bool:
    """Whether a file of this name is a clip."""
    return os.path.splitext(name)[1].lower() in VIDEO_SUFFIXES


def video_files(folder: Path) -> Iterator[tuple[str, list[str]]]:
    """Each folder at or below this one that holds video files, and their names (see `files_below`).

    Raises:
        InputError: a folder that cannot be read.
    """
    return files_below(folder, is_video)
