"""Scan of the files of a data set before decoding: probes and digests, in parallel and cached.

Results are kept in the cache folder by path, size and modification time, so that the next run reads
no file again.
"""

import hashlib
import json
import logging
import os
import sqlite3
import zlib
from collections.abc import Callable, Sequence
from contextlib import closing
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from tqdm import tqdm

from data.decoding.isolation import one_a_thread
from data.decoding.probe import Probe, UnreadableError
from data.files.cache import cache_folder
from data.files.workers import in_parallel

log = logging.getLogger(__name__)

Result = TypeVar("Result")

# Raise it when `Probe` gives other results for the same file than before.
_VERSION = 2
_BLOCK_BYTES = 2**20
_KEEP_EVERY = 1000
_NO_BYTES = hashlib.sha256().hexdigest()


def probe_files(
    paths: Sequence[Path],
    *,
    limit_seconds: float = 60.0,
    show_progress: bool = True,
    pictures: bool = False,
) -> list[Probe | str]:
    """Probe files (see `data.decoding.probe.probe`). An unreadable file gives its reason.

    Args:
        paths: paths of the files; a repeated one is read once.
        limit_seconds: time limit of a file.
        show_progress: draw a progress bar where there is a terminal.
        pictures: whether pictures are read too (see `data.decoding.opening.open_video`).
    """
    decoder = one_a_thread(limit_seconds=limit_seconds, pictures=pictures)

    def examine(path: Path) -> Probe | str:
        try:
            return decoder().probe(path)
        except UnreadableError as error:
            return str(error)

    # Kept apart: what is read as a picture here is an error elsewhere.
    what = "probe_pictures" if pictures else "probe"
    return _examine(paths, examine, what, "Scanning files", show_progress)


def digest_files(paths: Sequence[Path], *, show_progress: bool = True) -> list[str]:
    """Compute the SHA-256 of each file, hexadecimal; empty for an unreadable file."""

    def digest(path: Path) -> str:
        # Hashing releases the GIL, so threads are enough.
        sha = hashlib.sha256()
        try:
            with path.open("rb", buffering=0) as file:
                while block := file.read(_BLOCK_BYTES):
                    sha.update(block)
        except OSError:
            return ""
        return sha.hexdigest()

    return _examine(paths, digest, "digest", "Reading clips' bytes", show_progress)


def contents_of(paths: Sequence[Path], *, show_progress: bool = True) -> list[str]:
    """Make a key of each file's content, equal for files of the same bytes only.

    The key is the digest of the bytes; for an empty or unreadable file it is the path.
    """
    digests = digest_files(paths, show_progress=show_progress)
    return [
        str(path) if digest in ("", _NO_BYTES) else digest
        for path, digest in zip(paths, digests, strict=True)
    ]


def _examine(
    paths: Sequence[Path],
    examine: Callable[[Path], Result],
    what: str,
    title: str,
    show_progress: bool,
) -> list[Result]:
    with closing(_Kept(what)) as kept:
        results: dict[Path, Any] = {}
        for path in dict.fromkeys(paths):
            found = kept.get(path)
            if found is not None:
                results[path] = found
        missing = [path for path in dict.fromkeys(paths) if path not in results]
        with closing(in_parallel(examine, missing)) as found_out:
            progress = tqdm(
                found_out,
                total=len(missing),
                desc=title,
                unit="clip",
                disable=None if show_progress and missing else True,
            )
            for path, result in zip(missing, progress, strict=True):
                results[path] = result
                kept.put(path, result)
    return [results[path] for path in paths]


class _Kept:
    """Cache of results in an SQLite file, which several processes may use at once.

    If the file cannot be written or read, everything is examined again.
    """

    def __init__(self, what: str) -> None:
        self._what = what
        self._stamps: dict[Path, tuple[int, int]] = {}
        self._num_new = 0
        self._database: sqlite3.Connection | None = None
        try:
            folder = cache_folder()
            folder.mkdir(parents=True, exist_ok=True)
            self._database = sqlite3.connect(folder / f"files-{_VERSION}.sqlite", timeout=30)
            self._database.execute(
                f"CREATE TABLE IF NOT EXISTS {what} (path TEXT PRIMARY KEY, size INTEGER,"
                " changed INTEGER, result BLOB) WITHOUT ROWID"
            )
        except (sqlite3.Error, OSError) as error:
            self._give_up(error)

    def get(self, path: Path) -> Any:
        """Look up the result for a file in its present state; None if there is none."""
        try:
            status = path.stat()
            self._stamps[path] = status.st_size, status.st_mtime_ns
            if self._database is None:
                return None
            row = self._database.execute(
                f"SELECT result FROM {self._what} WHERE path = ? AND size = ? AND changed = ?",
                (_key(path), *self._stamps[path]),
            ).fetchone()
            return None if row is None else _decode(row[0])
        except sqlite3.Error as error:
            self._give_up(error)
        except (OSError, ValueError, KeyError, TypeError, ArithmeticError, zlib.error):
            pass  # a missing file, or an entry of another version
        return None

    def put(self, path: Path, result: Any) -> None:
        """Keep a result. Reasons of failure are not kept: a busy machine may succeed later."""
        if self._database is None or path not in self._stamps or not _is_kept(self._what, result):
            return
        try:
            self._database.execute(
                f"INSERT OR REPLACE INTO {self._what} VALUES (?, ?, ?, ?)",
                (_key(path), *self._stamps[path], _encode(result)),
            )
            self._num_new += 1
            if self._num_new % _KEEP_EVERY == 0:
                self._database.commit()
        except sqlite3.Error as error:
            self._give_up(error)

    def close(self) -> None:
        if self._database is not None:
            try:
                self._database.commit()
            except sqlite3.Error as error:
                self._give_up(error)
            else:
                self._database.close()

    def _give_up(self, error: Exception) -> None:
        log.info("what was found out about files is not kept: %s", error)
        if self._database is not None:
            self._database.close()
        self._database = None


def _key(path: Path) -> str:
    # File names that are not UTF-8 hold lone surrogates, which SQLite does not take.
    return os.path.abspath(path).encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _is_kept(what: str, result: Any) -> bool:
    return bool(result) if what == "digest" else isinstance(result, Probe)


def _encode(result: Probe | str) -> bytes:
    """Encode a result as JSON. A pickle could run code when the cache is read."""
    if isinstance(result, str):
        return json.dumps(result).encode()
    plain = result._asdict()
    plain["time_base"], plain["pixel_aspect"] = str(result.time_base), str(result.pixel_aspect)
    # Differences repeat, and so compress well.
    plain["pts"] = np.diff(result.pts, prepend=0).tolist()
    plain["keyframes"] = result.keyframes.tolist()
    return zlib.compress(json.dumps(plain).encode(), 1)


def _decode(content: bytes) -> Probe | str:
    if content[:1] == b'"':
        return json.loads(content)
    plain = json.loads(zlib.decompress(content))
    plain["time_base"] = Fraction(plain["time_base"])
    plain["pixel_aspect"] = Fraction(plain["pixel_aspect"])
    plain["pts"] = np.cumsum(np.array(plain["pts"], np.int64))
    plain["keyframes"] = np.array(plain["keyframes"], np.int64)
    for name in ("starts", "other_streams"):
        plain[name] = tuple(plain[name])
    return Probe(**plain)
