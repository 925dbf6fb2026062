"""Paths as lists write them, resolved to files where the meaning is certain."""

import logging
import os
import re
from collections.abc import Sequence
from pathlib import Path

from data.clips.clip import local_path
from data.files.errors import InputError
from data.files.folders import composed

log = logging.getLogger(__name__)

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://.*", re.DOTALL)
_DRIVE = re.compile(r"[A-Za-z]:[\\/].*", re.DOTALL)


def listed_files(table: Path, texts: Sequence[tuple[int, str]]) -> list[Path]:
    """Resolve the paths of a list; relative ones are relative to the list's folder.

    A path is taken literally if that file exists. If not, it is tried

    - with slashes for the backslashes of Windows; a drive letter is an error;
    - from the home folder: ``~/clips/1.mp4``;
    - with accents composed in another way (NFC or NFD);
    - for ``/train/1.mp4``, below the list's folder and below the folder above it, and taken if all
      paths of this kind exist there;
    - from the folder above the list's, and taken if no path exists literally and all exist there.

    A warning says how paths were read. A path that exists in none of these ways stays as it is.

    Args:
        table: path of the list.
        texts: line and path of each row.

    Raises:
        InputError: a path with a drive letter; or all paths start with ``/`` and some are missing.
    """
    folders = _Folders()
    names = _in_this_system(table, texts)
    found = [folders.find(table.parent / local_path(name)) for name in names]
    absent = [row for row, path in enumerate(found) if path is None]
    if absent:
        for row, path in _elsewhere(table, names, absent, folders).items():
            found[row] = path
    files = [
        path or table.parent / local_path(name) for path, name in zip(found, names, strict=True)
    ]
    _tell_what_cannot_be_read(table, names, files)
    return files


def _in_this_system(table: Path, texts: Sequence[tuple[int, str]]) -> list[str]:
    """Convert paths to the separators of this system, and expand home folders."""
    names = []
    turned, expanded = 0, ""
    for line, text in texts:
        name = text
        if os.sep == "/" and not _is_there(table, name) and not _ADDRESS.fullmatch(name):
            if _DRIVE.fullmatch(name):
                raise InputError(
                    f"{table}, line {line}: '{name}' is a path on a drive of Windows, and this"
                    " system has no drives; write paths relative to the list"
                )
            name = name.replace("\\", "/")
            turned += name != text
        if name.startswith("~") and not _is_there(table, name):
            whole = os.path.expanduser(str(local_path(name)))
            if _is_there(table, whole):
                name, expanded = whole, f"{name} as {whole}"
        names.append(name)
    if turned:
        log.warning(
            "%s: %s written with backslashes, which are read as slashes", table, _paths(turned)
        )
    if expanded:
        log.warning("%s: ~ is read as a home folder, e.g. %s", table, expanded)
    return names


def _elsewhere(
    table: Path, names: Sequence[str], absent: Sequence[int], folders: "_Folders"
) -> dict[int, Path]:
    """Find absent files below another root; the result is empty unless all are found."""
    rooted = [row for row in absent if names[row].startswith("/")]
    home, above = table.parent, Path(os.path.abspath(table.parent)).parent
    tries = [(rooted, home), (rooted, above)]
    if len(absent) == len(names):
        # If some relative paths are right, the others cannot be relative to another folder.
        tries.insert(1, (list(absent), above))
    most = 0
    for rows, base in tries:
        within = {row: folders.find(base / local_path(names[row].lstrip("/"))) for row in rows}
        there = {row: path for row, path in within.items() if path is not None}
        if there and len(there) == len(rows):
            log.warning(
                "%s: %s not there, e.g. %s; read as relative to %s",
                *(table, _paths(len(rows)), names[rows[0]], base),
            )
            return there
        most = max(most, len(there))
    if rooted:
        line = (
            f"{table}: {_paths(len(rooted))} not there from the root of the file system, e.g."
            f" {names[rooted[0]]}; neither {home} nor {above} holds them all ({most:,} at most);"
            f" write paths relative to the list{_without_beginning(home, [names[k] for k in rooted])}"
        )
        if len(rooted) == len(names):
            raise InputError(line)
        log.warning("%s", line)
    return {}


def _without_beginning(home: Path, names: Sequence[str]) -> str:
    """Hint that all paths would exist without their first folders. Those files may be others."""
    common = Path(os.path.commonpath([os.path.dirname(name) for name in names]))
    for beginning in (common, *common.parents):
        if all(os.path.lexists(home / os.path.relpath(name, beginning)) for name in names):
            return f" (without {beginning} they would be there)"
    return ""


def _tell_what_cannot_be_read(table: Path, names: Sequence[str], files: Sequence[Path]) -> None:
    addresses = [name for name in names if _ADDRESS.fullmatch(name)]
    if addresses:
        log.warning(
            "%s: %s given as addresses, e.g. %s; nothing is downloaded: name local files",
            *(table, _paths(len(addresses)), addresses[0]),
        )
    if folder := next((path for path in files if os.path.isdir(path)), None):
        log.warning("%s: names folders, e.g. %s; a row must name a video file", table, folder)
    if not any(map(os.path.lexists, files)):
        here = Path.cwd()
        all_here = all(os.path.lexists(here / name) for name in names)
        log.warning(
            "%s: none of the files that it lists is there, e.g. %s; paths are relative to the"
            " list%s",
            *(table, files[0], f", and not to {here}" if all_here else ""),
        )


def _is_there(table: Path, name: str) -> bool:
    return os.path.lexists(table.parent / local_path(name))


def _paths(count: int) -> str:
    return f"{count:,} path{' is' if count == 1 else 's are'}"


class _Folders:
    """Finder of files whose names have their accents composed in another way than the path."""

    def __init__(self) -> None:
        self._names: dict[Path, dict[str, list[str]]] = {}

    def find(self, path: Path) -> Path | None:
        """Find the path on the disk; None where no file matches, or several do."""
        if os.path.lexists(path):
            return path
        if str(path).isascii():
            return None
        here = Path(path.anchor)
        for part in path.relative_to(here).parts:
            if not os.path.lexists(here / part):
                names = self._in(here).get(composed(part), [])
                if len(names) != 1:
                    return None
                part = names[0]
            here /= part
        return here

    def _in(self, folder: Path) -> dict[str, list[str]]:
        if folder not in self._names:
            names: dict[str, list[str]] = {}
            try:
                for name in os.listdir(folder):
                    names.setdefault(composed(name), []).append(name)
            except OSError:
                pass  # nothing can be found in there
            self._names[folder] = names
        return self._names[folder]
