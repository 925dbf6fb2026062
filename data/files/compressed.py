"""Compressed files as streams of bytes, with a limit against decompression bombs."""

import bz2
import gzip
import io
import lzma
import zipfile
import zlib
from pathlib import Path
from typing import IO, Any

import pyarrow as pa

from data.files.errors import InputError
from data.files.folders import is_junk

SUFFIXES = (".gz", ".bz2", ".xz", ".zst", ".zip")
# Tables of texts decompress to 3 to 20 times their size. A file that is not small and decompresses to
# more than `MOST_TIMES` the bytes read was made to fill a memory or a disk.
MOST_TIMES, ALWAYS_BYTES, MOST_BYTES = 200, 2**26, 2**35

_DAMAGE = (
    *(OSError, EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile),
    # a password; a way to compress that is not known
    *(RuntimeError, NotImplementedError, pa.ArrowException),
)


def is_compressed(path: Path) -> bool:
    """Whether a file's suffix is that of a compressed file."""
    return path.suffix.lower() in SUFFIXES


def plain_name(path: Path) -> str:
    """Name of a file after decompression: without the suffix, or the name of its only member.

    Raises:
        InputError: a damaged .zip file, or one with several members.
    """
    if path.suffix.lower() == ".zip":
        with path.open("rb") as file:
            return Path(_only_member(_directory(file, path), path).filename).name
    return path.stem if is_compressed(path) else path.name


def open_binary(path: Path, *, buffer_bytes: int = io.DEFAULT_BUFFER_SIZE) -> io.BufferedReader:
    """Open a file for its bytes, which are decompressed as they are read.

    Raises:
        InputError: a .zip file with several members; while it is read, damage, or more bytes than
            the limit.
        OSError: the file cannot be opened.
    """
    packed = path.open("rb")
    if not is_compressed(path):
        return packed
    try:
        unfolded = _unfolded(packed, path)
    except BaseException:
        packed.close()
        raise
    return io.BufferedReader(_Bounded(unfolded, packed, path), buffer_bytes)


def _unfolded(packed: IO[bytes], path: Path) -> Any:
    suffix = path.suffix.lower()
    if suffix == ".gz":
        return gzip.GzipFile(fileobj=packed)
    if suffix == ".bz2":
        return bz2.BZ2File(packed)
    if suffix == ".xz":
        return lzma.LZMAFile(packed)
    try:
        if suffix == ".zst":
            return pa.CompressedInputStream(pa.PythonFile(packed, mode="r"), "zstd")
        archive = _directory(packed, path)
        return archive.open(_only_member(archive, path))
    except _DAMAGE as error:
        raise _damaged(path, error) from error


def _directory(file: IO[bytes], path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(file)
    except _DAMAGE as error:
        raise _damaged(path, error) from error


def _only_member(archive: zipfile.ZipFile, path: Path) -> zipfile.ZipInfo:
    members = [
        one
        for one in archive.infolist()
        if not one.is_dir() and not any(map(is_junk, one.filename.split("/")))
    ]
    if len(members) == 1:
        return members[0]
    names = [one.filename for one in members]
    shown = ", ".join(names[:10]) + (", …" if len(names) > 10 else "")
    raise InputError(
        f"{path}: holds {len(members)} files ({shown or 'none'}), where one is read; unpack it, and"
        " name one of them or their folder"
    )


def most_bytes(packed_bytes: int) -> int:
    """The most bytes that so many compressed ones may unfold to."""
    return min(ALWAYS_BYTES + MOST_TIMES * packed_bytes, MOST_BYTES)


def unfolds_too_far(path: Path) -> InputError:
    """Make the error for a file that unfolds to more than `most_bytes`."""
    return InputError(
        f"{path}: unfolds to more than {MOST_TIMES} times its size or {MOST_BYTES // 2**30} GiB, the"
        f" most that is read of a compressed file beyond {ALWAYS_BYTES // 2**20} MiB; if it is meant"
        " so, unpack it (Parquet: write its rows as CSV), and name what comes out"
    )


class _Bounded(io.RawIOBase):
    """Stream of decompressed bytes, up to the limit."""

    def __init__(self, unfolded: Any, packed: IO[bytes], path: Path) -> None:
        self._unfolded, self._packed, self._path = unfolded, packed, path
        self._num_bytes = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            block = self._unfolded.read(len(buffer))
        except _DAMAGE as error:
            raise _damaged(self._path, error) from error
        buffer[: len(block)] = block
        self._num_bytes += len(block)
        if self._num_bytes > most_bytes(self._packed.tell()):
            raise unfolds_too_far(self._path)
        return len(block)

    def close(self) -> None:
        if not self.closed:
            self._packed.close()
        super().close()


def _damaged(path: Path, error: Exception) -> InputError:
    reason = " ".join(str(error).split()) or type(error).__name__
    return InputError(f"{path}: cannot be unfolded ({reason}); copy or compress it anew")
