"""Warnings of files in a folder of clips that are left out: unknown suffixes, or in no class."""

import logging
import os
from collections.abc import Iterable
from pathlib import Path

from data.clips.clip import VIDEO_SUFFIXES, video_files
from data.files.folders import files_below, is_junk

log = logging.getLogger(__name__)

_SHOWN = 3
# Suffixes of files that usually lie beside clips: notes, lists, subtitles, pictures, sound, code.
_COMPANY = """
    .txt .md .rst .nfo .log .html .htm .pdf .doc .docx .csv .tsv .xls .xlsx .json .jsonl .ndjson
    .xml .yaml .yml .toml .ini .cfg .db .sqlite .parquet .arrow .mat .srt .vtt .ass .ssa .sub .idx
    .sbv .jpg .jpeg .png .bmp .webp .tif .tiff .heic .svg .ico .thm .lrf .xmp .wav .mp3 .m4a .aac
    .flac .opus .npy .npz .pkl .pickle .pt .pth .ckpt .h5 .hdf5 .bin .onnx .py .ipynb .sh .bat .m .r
    .md5 .sha1 .sha256 .sfv .url .lnk .bak
"""
_COMPANIONS = frozenset(_COMPANY.split())
_PAPERS = frozenset(
    ["readme", "license", "licence", "copying", "changelog", "makefile", "manifest"]
)


def is_left_out(name: str) -> bool:
    """Whether a name has an unknown suffix, so that the file may be a clip that is not read."""
    stem, suffix = os.path.splitext(name.lower())
    return not (
        is_junk(name)
        or suffix in VIDEO_SUFFIXES
        or suffix in _COMPANIONS
        or (not suffix and stem in _PAPERS)
    )


def left_out_below(folder: Path) -> list[Path]:
    """List such files at any depth of a folder, sorted."""
    return sorted(
        Path(here, name) for here, names in files_below(folder, is_left_out) for name in names
    )


def tell_left_out(where: str, files: Iterable[Path]) -> None:
    """Log a line that names files left out."""
    files = list(files)
    if not files:
        return
    names = ", ".join(path.name for path in files[:_SHOWN])
    more = ", …" if len(files) > _SHOWN else ""
    log.warning(
        "%s: %s by %s and %s left out: %s%s; a clip of another ending is read where a list or INPUT"
        " names it",
        where,
        "1 file is no video" if len(files) == 1 else f"{len(files):,} files are no videos",
        "its ending" if len(files) == 1 else "their endings",
        "was" if len(files) == 1 else "were",
        names,
        more,
    )


def tell_unlisted(folder: Path, listed: Iterable[Path]) -> None:
    """Log a line on video files below a folder that are in no class and no list."""
    known = {os.path.abspath(path) for path in listed}
    below = (Path(here, name) for here, names in video_files(folder) for name in names)
    others = [path for path in below if os.path.abspath(path) not in known]
    if others:
        log.warning(
            "%s: left out %s file(s) of video, in no class and no list, e.g. %s",
            *(folder, f"{len(others):,}", others[0]),
        )
