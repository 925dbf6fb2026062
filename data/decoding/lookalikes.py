"""Kinds of files that are named like videos and are none, told by their first bytes."""

import codecs
import os
import struct
from pathlib import Path

_FIRST_BYTES = 4096
_MOST_BOXES = 10_000
# Boxes that an MP4 or QuickTime file begins with.
_BOXES = (b"ftyp", b"mdat", b"moov", b"free", b"skip", b"wide", b"pnot", b"styp", b"uuid")

_ARCHIVES = {
    b"PK\x03\x04": "zip",
    b"PK\x05\x06": "zip",
    b"\x1f\x8b": "gzip",
    b"7z\xbc\xaf\x27\x1c": "7z",
    b"Rar!\x1a\x07": "rar",
    b"BZh": "bzip2",
    b"\xfd7zXZ\x00": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
}
_PICTURES = {
    b"\xff\xd8\xff": "JPEG",
    b"\x89PNG\r\n": "PNG",
    b"BM": "BMP",
    b"II*\x00": "TIFF",
    b"MM\x00*": "TIFF",
}
_POINTERS = {
    b"version https://git-lfs": "is a Git LFS pointer in place of the file; fetch it with: git lfs pull",
    b"/annex/objects/": "is a git-annex pointer in place of the file; fetch it with: git annex get",
}


def what_it_is(path: Path | str) -> str | None:
    """Name the kind of a file that is no video, and a remedy, in one line; None if it is unknown."""
    try:
        with open(path, "rb") as file:
            start = file.read(_FIRST_BYTES)
            if not start:
                return "is empty (0 bytes); copy or download it anew"
            if start[4:8] in _BOXES and not _has_index(path):
                return (
                    "has no index (no moov atom): its recording, or a copy of it, was not finished;"
                    " copy it anew, or mend it with a tool for unfinished recordings"
                )
    except PermissionError:
        return "may not be read (permission denied); make the file readable"
    except OSError:
        return None
    return what_begins_so(start)


def what_begins_so(start: bytes) -> str | None:
    """Name the kind of what begins with these bytes and is no video, as `what_it_is` does."""
    return _by_signature(start) or _by_text(start)


def picture_kind(path: Path | str) -> str | None:
    """Name the kind of a picture by its first bytes, such as JPEG or HEIF; None: it is none."""
    try:
        with open(path, "rb") as file:
            return _picture(file.read(_FIRST_BYTES))
    except OSError:
        return None


def _picture(start: bytes) -> str | None:
    if start[:4] == b"RIFF" and start[8:12] == b"WEBP":
        return "WebP"
    if start[4:8] == b"ftyp" and start[8:12] in (b"heic", b"heix", b"mif1", b"avif"):
        return "HEIF"
    return next((name for begin, name in _PICTURES.items() if start.startswith(begin)), None)


def _by_signature(start: bytes) -> str | None:
    for signature, said in _POINTERS.items():
        if start.startswith(signature):
            return said
    archive = next((name for begin, name in _ARCHIVES.items() if start.startswith(begin)), None)
    if start[257:262] == b"ustar":
        archive = "tar"
    if archive:
        return f"is an archive ({archive}) and no video; unpack it"
    if picture := _picture(start):
        return f"is a picture ({picture}) and no video; leave it out"
    if start.startswith(b"%PDF-"):
        return "is a PDF document and no video; leave it out"
    return None


def _by_text(start: bytes) -> str | None:
    """Name the kind of a text file; None if the file is no text."""
    try:
        # The sample may end within a character.
        text = codecs.getincrementaldecoder("utf-8-sig")().decode(start)
    except UnicodeDecodeError:
        return None
    if any(sign < " " and not sign.isspace() for sign in text):
        return None
    lowered = text.lstrip().lower()
    if lowered.startswith("<!doctype html") or "<html" in lowered:
        return (
            "is an HTML page, as a download leaves that failed or asks to log in; download the file"
            " itself"
        )
    if lowered.startswith(("#extm3u", "ffconcat", "[playlist]", "v=0")) or "<mpd" in lowered:
        return "is a playlist, which names other files; give those"
    return "is a text file and no video; leave it out, or put the video in its place"


def _has_index(path: Path | str) -> bool:
    """Whether an MP4 or QuickTime file holds the index (a moov or moof box)."""
    with open(path, "rb") as file:
        end = os.fstat(file.fileno()).st_size
        at = 0
        for _ in range(_MOST_BOXES):
            file.seek(at)
            header = file.read(16)
            if len(header) < 8:
                return False
            size, kind = struct.unpack(">I4s", header[:8])
            if kind in (b"moov", b"moof"):
                return True
            if size == 1 and len(header) == 16:
                size = struct.unpack(">Q", header[8:])[0]
            if size < 8 or at + size >= end:
                return False
            at += size
    return True
