"""A list's file → its text, strictly: what is no text, or of another encoding, is said to be so."""

import codecs
import os
from pathlib import Path

from data.clips.clip import is_video
from data.files.encodings import encoding_of
from data.files.errors import InputError

# Longer than any signature, and enough to tell a text from what is none.
_HEAD_BYTES = 2**16
# First bytes → what such a file is.
_SIGNATURES = {
    b"PK\x03\x04": "a zip archive or a spreadsheet (.xlsx, .ods)",
    b"PAR1": "a Parquet table",
    b"\x1f\x8b": "compressed with gzip",
    b"BZh": "compressed with bzip2",
    b"\xfd7zXZ\x00": "compressed with xz",
    b"\x28\xb5\x2f\xfd": "compressed with zstd",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"Rar!\x1a\x07": "a RAR archive",
    b"\xd0\xcf\x11\xe0": "an old spreadsheet (.xls) or document",
    b"SQLite format 3\x00": "an SQLite database",
    b"%PDF-": "a PDF document",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"version https://git-lfs": "a Git LFS pointer (fetch the file itself with `git lfs pull`)",
}
_TEXTUAL = {b"<!doctype html": "an HTML page", b"<html": "an HTML page", b"<?xml": "XML"}
_ENDINGS = {
    **dict.fromkeys((".json", ".jsonl", ".ndjson"), "JSON"),
    **dict.fromkeys((".yaml", ".yml"), "YAML"),
    ".xml": "XML",
}
_ALLOWED = "a list of clips is a text file (.csv, .tsv, .txt) with a row for each clip"


def text_of_list(path: Path) -> str:
    """The text of a file in UTF-8, or in UTF-16 or UTF-32 with its mark (UTF-16 also without).

    Raises:
        InputError: a file that cannot be read, is no list by its ending or its first bytes, or is
            not of these encodings.
    """
    if is_video(path.name):
        raise InputError(
            f"{path}: is a single clip; give a folder with one sub-folder per class, or a list"
            " (a clip to be answered goes to predict-video, as INPUT)"
        )
    if kind := _ENDINGS.get(path.suffix.lower()):
        raise InputError(f"{path}: is {kind}; {_ALLOWED}: write it as CSV")
    try:
        with path.open("rb") as file:
            content = file.read(_HEAD_BYTES)
            if kind := _no_text(content):
                raise InputError(f"{path}: is {kind}, not a list; {_ALLOWED}")
            content += file.read()
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read ({error.strerror or error}); make it readable"
        ) from error
    try:
        return content.decode(encoding_of(content[:_HEAD_BYTES]))
    except UnicodeDecodeError as error:
        raise InputError(_undecoded(path, content, error)) from error


def _no_text(head: bytes) -> str | None:
    """The kind of a file by its first bytes; None for a text."""
    found = [kind for mark, kind in _SIGNATURES.items() if head.startswith(mark)]
    start = head.removeprefix(codecs.BOM_UTF8).lstrip()[:64].lower()
    found += [kind for mark, kind in _TEXTUAL.items() if start.startswith(mark)]
    if start.startswith((b"{", b'[{"', b'[["')):
        found.append("JSON")
    if found:
        return found[0]
    if encoding_of(head).startswith(("utf-16", "utf-32")):
        return None
    controls = sum(byte < 0x20 and byte not in b"\t\n\v\f\r\x1a" for byte in head)
    return "a binary file" if controls > len(head) // 10 else None


def _undecoded(path: Path, content: bytes, error: UnicodeDecodeError) -> str:
    line = len(content[: error.start].splitlines(keepends=True))
    line += content[: error.start].endswith((b"\n", b"\r")) or not error.start
    # Which the bytes are is no certain thing: only a person can see whether the names come out.
    name = os.path.basename(path)
    return (
        f"{path}, line {max(line, 1)}: byte 0x{content[error.start]:02x} is not {error.encoding};"
        f" save the list as UTF-8 (e.g. iconv -f cp1252 -t utf-8 '{name}' > new.csv, where it is"
        " cp1252, as Windows writes it)"
    )
