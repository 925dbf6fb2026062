"""Atomic writes: a file or a folder appears complete or not at all."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4


@contextmanager
def written_whole(file: Path) -> Iterator[Path]:
    """Give a temporary path beside the file, which replaces the file at the end.

    Where writing fails, nothing changes. Where several processes write at once, the last one wins.
    A missing folder is created.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    # The suffix stays: some libraries append theirs where it is missing.
    unfinished = file.with_name(f".{uuid4().hex}-{file.name}")
    try:
        yield unfinished
        unfinished.replace(file)
    finally:
        unfinished.unlink(missing_ok=True)


@contextmanager
def written_once(file: Path) -> Iterator[Path]:
    """Give a temporary path as `written_whole` does; a file that is there already stays.

    Of several processes that write at once, the first one's file counts.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_name(f".{uuid4().hex}-{file.name}")
    try:
        yield unfinished
        try:
            os.link(unfinished, file)
        except FileExistsError:
            pass
        except OSError:
            # A file system without links: whoever writes at once writes the same.
            if not file.exists():
                unfinished.replace(file)
    finally:
        unfinished.unlink(missing_ok=True)


def write_whole(path: Path, content: str | bytes) -> None:
    """Write bytes or UTF-8 text atomically; a lone surrogate becomes \\udcff, as JSON reads it."""
    if isinstance(content, str):
        content = content.encode("utf-8", errors="backslashreplace")
    with written_whole(path) as place:
        place.write_bytes(content)


def folder_made_once(folder: Path, make: Callable[[Path], None], *, complete: str) -> None:
    """Make a folder unless it is there: an interruption leaves none.

    Where several processes make it at once, one wins and the others use its content.

    Args:
        folder: the folder.
        make: fills the folder that it is given, and creates it.
        complete: file in the folder whose presence says that it was made.
    """
    if (folder / complete).exists():
        return
    # A sibling, so that the rename stays within one file system and is a single step.
    unfinished = folder.with_name(f".{folder.name}-{uuid4().hex}")
    try:
        make(unfinished)
        try:
            unfinished.rename(folder)
        except OSError:
            if not (folder / complete).exists():
                raise
            # Another process was faster; its content is the same.
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
