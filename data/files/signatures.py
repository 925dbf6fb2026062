"""Kinds of files that hold no plain text, told by their first bytes."""

import codecs
import re
from pathlib import Path

from data.files.compressed import open_binary
from data.files.encodings import SAMPLE_BYTES, encoding_of
from data.files.errors import InputError

# First bytes → what such a file is.
_SIGNATURES = {
    b"PK\x03\x04": "a zip archive or a spreadsheet (.xlsx, .ods)",
    b"PAR1": "a Parquet table",
    b"\x1f\x8b": "compressed with gzip",
    b"BZh9": "compressed with bzip2",
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
_MARKUP = {b"<!doctype html": "an HTML page", b"<html": "an HTML page", b"<?xml": "XML"}
_JSON = re.compile(rb"\[?\s*[\[{]\s*\"")


def require_rows_of_text(
    path: Path, *, encoding: str | None = None, may_be_markup: bool = False
) -> None:
    """Raise an error if a file is certainly something else than text with a row a line.

    Args:
        path: the file, compressed or not; what a compressed one holds is looked at.
        encoding: the encoding that a person named. Bytes are then not counted as signs of a binary
            file.
        may_be_markup: whether a text may begin as an HTML page, XML or JSON does.

    Raises:
        InputError: another kind of file. The error names the kind.
        OSError: the file cannot be opened.
    """
    with open_binary(path, buffer_bytes=SAMPLE_BYTES) as file:
        start = file.peek(SAMPLE_BYTES)
    kind = next((kind for mark, kind in _SIGNATURES.items() if start.startswith(mark)), None)
    if kind is None and not may_be_markup:
        kind = _markup(start)
    if kind is None and encoding is None and _is_binary(start):
        kind = "a binary file"
    if kind is not None:
        raise InputError(
            f"{path}: is {kind}, where a text file with a row a line is needed; save it as CSV"
            " (UTF-8), and name that file"
        )


def _markup(start: bytes) -> str | None:
    text = start.removeprefix(codecs.BOM_UTF8).lstrip()[:64].lower()
    if _JSON.match(text):
        return "JSON"
    return next((kind for mark, kind in _MARKUP.items() if text.startswith(mark)), None)


def _is_binary(start: bytes) -> bool:
    if encoding_of(start).startswith(("utf-16", "utf-32")):
        return False
    controls = sum(byte < 0x20 and byte not in b"\t\n\v\f\r\x1a" for byte in start)
    return controls > len(start) // 10
