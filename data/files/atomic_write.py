"""Atomic writes: a file appears complete or not at all."""

from collections.abc import Iterator
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


def write_whole(path: Path, content: str | bytes) -> None:
    """Write bytes or UTF-8 text atomically; a lone surrogate becomes \\udcff, as JSON reads it."""
    if isinstance(content, str):
        content = content.encode("utf-8", errors="backslashreplace")
    with written_whole(path) as place:
        place.write_bytes(content)
