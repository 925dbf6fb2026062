"""Files and folders of a data set, without those that operating systems and programs leave."""

import os
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path

from data.files.errors import InputError

# macOS, Synology, Windows and Linux create these on any disk that they write to. Others of the kind
# (.DS_Store, ._clip.mp4, .ipynb_checkpoints, .git) begin with a dot.
_JUNK = frozenset(
    [
        "__macosx",
        "@eadir",
        "#recycle",
        "#snapshot",
        "$recycle.bin",
        "system volume information",
        "lost+found",
        "thumbs.db",
        "desktop.ini",
        "__pycache__",
    ]
)


def is_junk(name: str) -> bool:
    """Whether a name is that of no data: a hidden file or folder, or one of an operating system."""
    return name.startswith(".") or name.casefold() in _JUNK


def sub_folders(folder: Path) -> list[Path]:
    """List the folders directly below one, sorted; junk is left out (see `is_junk`).

    Raises:
        InputError: the folder cannot be read.
    """
    try:
        return sorted(path for path in folder.iterdir() if not is_junk(path.name) and path.is_dir())
    except OSError as error:
        raise _unreadable(error) from error


def files_below(folder: Path, is_wanted: Callable[[str], bool]) -> Iterator[tuple[str, list[str]]]:
    """Yield each folder at or below this one that holds wanted files, and their sorted names.

    Links to folders are followed and no folder is entered twice; junk is left out (see `is_junk`).

    Args:
        folder: folder to search. Its own name does not matter.
        is_wanted: predicate on the names of files.

    Raises:
        InputError: a folder that cannot be read.
    """
    entered = set()
    for here, folders, names in os.walk(folder, followlinks=True, onerror=_stop):
        status = os.stat(here)
        if (status.st_dev, status.st_ino) in entered:
            folders.clear()
            continue
        entered.add((status.st_dev, status.st_ino))
        folders[:] = sorted(name for name in folders if not is_junk(name))
        wanted = sorted(name for name in names if is_wanted(name) and not is_junk(name))
        if wanted:
            yield here, wanted


def holds_below(folder: Path, is_wanted: Callable[[str], bool]) -> bool:
    """Whether a wanted file lies at any depth of a folder."""
    return next(files_below(folder, is_wanted), None) is not None


def holds_directly(folder: Path, is_wanted: Callable[[str], bool]) -> bool:
    """Whether a wanted file lies directly in a folder."""
    home = os.fspath(folder)
    return next((here for here, _ in files_below(folder, is_wanted)), None) == home


def text_files(folder: Path) -> list[Path]:
    """List the .txt files at any depth, sorted."""
    return sorted(
        Path(here, name) for here, names in files_below(folder, is_text) for name in names
    )


def is_text(name: str) -> bool:
    """Whether a name is that of a text file."""
    return os.path.splitext(name)[1].lower() == ".txt"


def composed(name: str) -> str:
    """Compose the accents of a name (NFC). macOS decomposes them (NFD), and both mean the same."""
    return unicodedata.normalize("NFC", name)


def is_same_path(one: str, other: str | None) -> bool:
    """Whether two paths lead to the same place."""
    return other is not None and os.path.realpath(one) == os.path.realpath(other)


def why_absent(path: Path) -> str:
    """Reason, in one phrase, that an input path is neither a file nor a folder."""
    if os.path.islink(path) and not os.path.exists(path):
        return "a link to what is not there"
    if os.path.exists(path):
        return "neither a file nor a folder (a device, a pipe or a socket)"
    return "no such file or folder"


def why_no_file(path: Path) -> str:
    """Reason, in one phrase, that an input path is no file."""
    return "a folder, not a file" if os.path.isdir(path) else why_absent(path)


def _stop(error: OSError) -> None:
    raise _unreadable(error) from error


def _unreadable(error: OSError) -> InputError:
    return InputError(
        f"{error.filename}: {error.strerror}; make the folder readable, or take it out"
    )
