"""Places that a command writes to: whether there is room, before hours of work and not after."""

import os
import tempfile
from pathlib import Path
from uuid import uuid4

from data.files.cache import cache_folder
from data.files.errors import InputError

# As much as a small report; a checkpoint says for itself that there was no room.
_PROBE_BYTES = 2**20


def refuse_full_places(results: Path) -> None:
    """Write and remove a file where results, caches and temporary files go.

    Raises:
        InputError: a place is full, or cannot be written to; the line says which, and what moves it.
    """
    _probe(results, "results go there; let another disk hold the folder runs")
    _probe(cache_folder(), "set MANYTOONE_CACHE to another folder")
    try:
        temporary = Path(tempfile.gettempdir())
    except FileNotFoundError as error:
        raise InputError(
            "no folder of temporary files can be written to (/tmp, /var/tmp); make room there, or set"
            " TMPDIR to another folder"
        ) from error
    _probe(temporary, "set TMPDIR to another folder")


def _probe(folder: Path, advice: str) -> None:
    # A command that is refused later leaves no folder.
    there = next(one for one in (folder, *folder.absolute().parents) if one.exists())
    file = there / f".room-{os.getpid()}-{uuid4().hex}"
    try:
        try:
            file.write_bytes(bytes(_PROBE_BYTES))
        finally:
            file.unlink(missing_ok=True)
    except OSError as error:
        raise InputError(
            f"{folder}: nothing can be written there ({error.strerror}); make room, or {advice}"
        ) from error
