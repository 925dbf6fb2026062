"""Files that appear whole or not at all."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4


@contextmanager
def written_whole(file: Path) -> Iterator[Path]:
    """Give a path to write to, beside the file; what lies there in the end is the file.

    Where writing fails nothing changes, and of several processes at once the last one wins. The
    folder is made where there is none.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    # The ending stays: some libraries add theirs where they do not find it.
    unfinished = file.with_name(f".{uuid4().hex}-{file.name}")
    try:
        yield unfinished
        unfinished.replace(file)
    finally:
        unfinished.unlink(missing_ok=True)


def write_whole(path: Path, content: str | bytes) -> None:
    """Write bytes or UTF-8 (a lone surrogate as \\udcff, as JSON reads it), whole or not at all."""
    if isinstance(content, str):
        content = content.encode("utf-8", errors="backslashreplace")
    with written_whole(path) as place:
        place.write_bytes(content)
