"""Bytes to characters, strictly: bytes that cannot be decoded are reported, never dropped."""

import codecs
import io
import logging
import re
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

from data.files.compressed import open_binary
from data.files.errors import InputError

log = logging.getLogger(__name__)

# Longer marks first: that of UTF-32 begins with that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# Encodings that are read by their mark alone.
_BY_MARK = ("utf-16", "utf-32")
_SHOWN_AS = {"utf-8-sig": "UTF-8", "utf-16": "UTF-16", "utf-32": "UTF-32"}
#: number of bytes at the beginning of a file from which its encoding is told
SAMPLE_BYTES = 2**16

# A byte that cannot be decoded becomes a lone surrogate, which no valid text decodes to. Python's own
# "surrogateescape" does so too, but not for bytes below 128, which occur in UTF-16.
_ERRORS = "manytoone-bad-bytes"
BAD_BYTE = re.compile("[\udc00-\udcff]")


def _mark_bytes(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    bad = error.object[error.start : error.end]
    return "".join(chr(0xDC00 + byte) for byte in bad), error.end


codecs.register_error(_ERRORS, _mark_bytes)


def check_encoding(name: str, *, option: str) -> None:
    """Raise an `InputError` if a name is not that of a text encoding."""
    try:
        # Codecs from bytes to bytes, such as base64, fail here, and such as let no bad byte be marked.
        b"a".decode(name, "replace")
        codecs.getincrementaldecoder(name)(_ERRORS).decode(b"", True)
        with suppress(UnicodeEncodeError):
            # UTF-7 and escapes spell half a character, which no text holds.
            "\ud83d".encode(name)
            raise LookupError(name)
    except (LookupError, UnicodeError, ValueError) as error:
        raise InputError(
            f"{option}={name}: no encoding that is known; allowed are utf-8, utf-16-le, cp1252,"
            " latin-1, cp949, gb18030, shift_jis, and others that Python has"
        ) from error


def encoding_of(start: bytes, named: str | None = None) -> str:
    """Tell an encoding by the first bytes: by their BOM, else as named, else by zero bytes.

    Text holds no zero byte, except in UTF-16, where every second byte of Latin letters, digits,
    blanks and line ends is zero. The default is UTF-8.

    Raises:
        InputError: UTF-16 or UTF-32 is named, and nothing tells the order of its bytes.
    """
    for mark, encoding in _MARKS:
        if start.startswith(mark):
            return encoding
    if named is not None and not (start and codecs.lookup(named).name in _BY_MARK):
        return named
    if named is None and len(start) % 2 and len(start) < SAMPLE_BYTES:
        return "utf-8-sig"
    even, odd = start[0 : len(start) // 2 * 2 : 2], start[1::2]
    for zeros, others, encoding in ((odd, even, "utf-16-le"), (even, odd, "utf-16-be")):
        count = zeros.count(0)
        if count and 4 * count >= 3 * len(zeros) and 20 * others.count(0) <= count:
            return encoding
    if named is not None:
        raise InputError(
            f"there is no byte order mark, without which {named} has no order of bytes: name it"
            f" {named}-le or {named}-be"
        )
    return "utf-8-sig"


def is_too_short(start: bytes) -> bool:
    """Whether the start of a stream may be the beginning of a BOM, or ends within a character."""
    may_be_mark = any(mark.startswith(start) and mark != start for mark, _ in _MARKS)
    is_half = len(start) % 2 == 1 and len(start) < SAMPLE_BYTES and b"\0" in start
    return may_be_mark or is_half or (len(start) == 1 and start != b"\n")


def open_text(
    path: Path, *, encoding: str | None = None, newline: str | None = None
) -> io.TextIOWrapper:
    """Open a text file, compressed or not; bytes that cannot be decoded match `BAD_BYTE`.

    Args:
        path: path of the file.
        encoding: encoding of a file without a BOM; None is UTF-8, or UTF-16 where that is certain.
        newline: as in `open`; None turns each kind of line end into a line feed.
    """
    binary = open_binary(path, buffer_bytes=SAMPLE_BYTES)
    try:
        return _text_of(binary, path, encoding, newline)
    except BaseException:
        binary.close()
        raise


def _text_of(
    binary: io.BufferedReader, path: Path, encoding: str | None, newline: str | None
) -> io.TextIOWrapper:
    start = binary.peek(SAMPLE_BYTES)
    try:
        found = encoding_of(start, encoding)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    if found == encoding and not start.isascii() and _may_be_utf8(start):
        _warn_of_utf8(path.parent, encoding)
    return io.TextIOWrapper(binary, encoding=found, errors=_ERRORS, newline=newline)


def _may_be_utf8(start: bytes) -> bool:
    try:
        # The sample may end within a character.
        codecs.getincrementaldecoder("utf-8")().decode(start)
    except UnicodeDecodeError:
        return False
    return True


@lru_cache
def _warn_of_utf8(folder: Path, encoding: str) -> None:
    if codecs.lookup(encoding).name != "utf-8":
        log.warning("%s: texts that may well be UTF-8 are read as %s, as asked", folder, encoding)


def decoder_of(start: bytes, encoding: str | None = None) -> Any:
    """Make a decoder for a stream that begins with ``start``; it decodes as `open_text` does."""
    found = encoding_of(start, encoding)
    return io.IncrementalNewlineDecoder(
        codecs.getincrementaldecoder(found)(_ERRORS), translate=True
    )


def read_text(
    path: Path, *, encoding: str | None = None, option: str | None = "--data.encoding"
) -> str:
    """Read a text file; each line end becomes a line feed.

    Args:
        path: path of the file.
        encoding: see `open_text`.
        option: command-line option for the encoding; None where there is none.

    Raises:
        InputError: a file that cannot be opened, or a byte that cannot be decoded.
    """
    try:
        with open_text(path, encoding=encoding) as file:
            text = file.read()
            used = file.encoding
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read ({error.strerror or error}); allow it, or leave it out"
        ) from error
    if bad := BAD_BYTE.search(text):
        line = text.count("\n", 0, bad.start()) + 1
        raise not_decodable(path, line, bad[0], encoding=used, option=option)
    if is_mostly_zero(text):
        named = "" if option is None else f", or name its encoding, e.g. by {option}=utf-16-le"
        raise InputError(
            f"{path}: holds a zero byte in each ten or more, and so no text: save it as UTF-8{named}"
        )
    return text


def is_mostly_zero(text: str) -> bool:
    """Whether a text has so many zero characters that its encoding is another, or it is binary."""
    return 10 * text.count("\0") >= max(len(text), 1)


def typed_text(text: str, *, option: str) -> str:
    """Return a text from the command line, once it is known to be valid.

    Raises:
        InputError: lone surrogates, which stand for bytes that could not be decoded.
    """
    if BAD_BYTE.search(text):
        raise InputError(f"{option}: holds bytes that are no characters; type it in UTF-8")
    return text


def undecodable(mark: str, encoding: str, *, option: str) -> str:
    """Reason that a row or line cannot be used, to follow its place (see `not_decodable`)."""
    return (
        f"cannot be read: {_complaint(mark, encoding)}; write it as UTF-8, or name its encoding,"
        f" e.g. by {option}=cp1252"
    )


def _complaint(mark: str, encoding: str) -> str:
    shown = _SHOWN_AS.get(encoding.lower(), encoding)
    return f"byte 0x{ord(mark) - 0xDC00:02x} is not {shown}"


def not_decodable(
    path: Path, line: int, mark: str, *, encoding: str, option: str | None
) -> InputError:
    """Make the error for a byte that cannot be decoded.

    Args:
        path, line: place of the byte.
        mark: match of `BAD_BYTE` there.
        encoding: encoding that the file was read in.
        option: see `read_text`.
    """
    other = "save it as UTF-8"
    if encoding.lower() in _SHOWN_AS:
        other = (
            "the file may be Windows-1252 or Latin-1; save it as UTF-8, e.g. by iconv -f"
            f" WINDOWS-1252 -t UTF-8 {path.name}"
        )
    if option is not None:
        other += f", or name its encoding, e.g. by {option}=cp1252"
    return InputError(f"{path}, line {line}: {_complaint(mark, encoding)}: {other}")
