"""Official lists of UCF-101, HMDB-51 and Kinetics, read as clips."""

import contextlib
import logging
import os
import re
from collections.abc import Iterator
from pathlib import Path

from data.clips.clip import Clip, Listing, film_of, local_path, video_files
from data.clips.list_table import open_table
from data.files.encodings import read_text
from data.files.errors import InputError
from data.files.folders import composed, is_junk, sub_folders
from data.files.signatures import require_rows_of_text
from data.splits.parts import PART_NAMES

log = logging.getLogger(__name__)

_UCF = re.compile(r"(train|test)list0*(\d+)\.txt")
_HMDB = re.compile(r"(.+)_test_split(\d+)\.txt")
_KINETICS = re.compile(r"(?:.*[^a-z])?(train|val|validate|validation|test)(?:[^a-z].*)?\.csv")
_KINETICS_COLUMNS = ("label", "youtube_id", "time_start", "time_end", "split")


def official_lists(folder: Path, *, fold: int) -> Listing | None:
    """Read the official lists in a folder, or directly below it; None without lists.

    A listed clip whose file is missing is kept, with the path where it was looked for. A file may
    have any video suffix.

    Args:
        folder: folder of the lists and, at any depth, the clips.
        fold: number of the split of UCF-101 or HMDB-51: 1, 2 or 3.

    Raises:
        InputError: no list of that split, or a malformed line.
    """
    lists = _lists(folder)
    if ucf := _matches(_UCF, lists):
        return _ucf(folder, lists, ucf, fold)
    if hmdb := _matches(_HMDB, lists):
        return _hmdb(folder, hmdb, fold)
    tables = [path for name, path in lists.items() if _KINETICS.fullmatch(name.lower())]
    kinetics = [path for path in tables if {"youtube_id", "time_start"} <= set(_columns(path))]
    return _kinetics(folder, kinetics) if kinetics else None


def _ucf(
    folder: Path, lists: dict[str, Path], found: dict[tuple[str, ...], Path], fold: int
) -> Listing:
    """Read UCF-101 (Soomro 2012): ``trainlist0N.txt``, ``testlist0N.txt``, ``classInd.txt``.

    A line is ``Class/v_Class_g01_c01.avi``, optionally followed by the number of the class. The
    clips of a film gNN are one group.
    """
    _need_fold(folder, "UCF-101", fold, {int(number) for part, number in found if part == "train"})
    files = _ByClass(folder)
    clips = []
    for part in ("train", "test"):
        table = found.get((part, str(fold)))
        if table is None:
            continue
        for line, text in _lines(table):
            label, _, name = text.replace("\\", "/").rpartition("/")
            label = label.rpartition("/")[2]
            # The number follows the name, which may hold blanks itself.
            name = re.sub(r"\s+\d+$", "", name)
            if not (label and name):
                raise _bad_line(table, line, text, "Class/clip.avi, or Class/clip.avi 1")
            clips.append(Clip(files.path(label, name), composed(label), part, film_of(name)))
    classes = None
    if index := lists.get("classInd.txt"):
        used = {clip.label for clip in clips}
        classes = [name for name in map(composed, _class_index(index)) if name in used]
    return _listing(folder, "UCF-101", fold, clips, classes)


def _class_index(table: Path) -> list[str]:
    """Read the names of the classes, in the order of their numbers."""
    numbered = []
    for line, text in _lines(table):
        number, *name = text.split(maxsplit=1)
        if not (number.isdecimal() and name):
            raise _bad_line(table, line, text, "the number of a class and its name")
        numbered.append((int(number), name[0]))
    return [name for _, name in sorted(numbered)]


def _hmdb(folder: Path, found: dict[tuple[str, ...], Path], fold: int) -> Listing:
    """Read HMDB-51 (Kuehne 2011): ``<class>_test_splitN.txt``.

    A line is ``clip.avi 1`` for a clip of the training part, 2 for the test part, 0 for neither.
    """
    _need_fold(folder, "HMDB-51", fold, {int(number) for _, number in found})
    files = _ByClass(folder)
    clips = []
    for label in sorted({label for label, _ in found}):
        table = found.get((label, str(fold)))
        if table is None:
            raise InputError(
                f"{folder}: no list {label}_test_split{fold}.txt of this class; add it"
            )
        for line, text in _lines(table):
            *name, mark = text.rsplit(maxsplit=1)
            if not name or mark not in ("0", "1", "2"):
                raise _bad_line(table, line, text, "clip.avi 0, clip.avi 1 or clip.avi 2")
            if mark != "0":
                part = "train" if mark == "1" else "test"
                clips.append(Clip(files.path(label, name[0]), composed(label), part))
    return _listing(folder, "HMDB-51", fold, clips, None)


def _kinetics(folder: Path, tables: list[Path]) -> Listing:
    """Read Kinetics (Kay 2017): CSV files with a row for each section of a film.

    A section is a file of its own, ``<youtube_id>_<start>_<end>.mp4`` with six digits each, or
    ``<youtube_id>.mp4``. The sections of a film are one group.
    """
    by_stem: dict[str, list[str]] = {}
    for here, names in video_files(folder):
        for name in names:
            by_stem.setdefault(composed(os.path.splitext(name)[0]), []).append(
                os.path.join(here, name)
            )
    clips = []
    unlabelled = 0
    for table in tables:
        named = _KINETICS.fullmatch(table.name.lower())
        for line, row in open_table(table, names=_KINETICS_COLUMNS).rows:
            label, film, start, end, part = (
                row.get(column, "").strip() for column in _KINETICS_COLUMNS
            )
            if not label:
                unlabelled += 1
                continue
            try:
                stem = f"{composed(film)}_{int(float(start)):06d}_{int(float(end)):06d}"
            except (ValueError, OverflowError):
                stem = ""
            if not (film and stem):
                raise _bad_line(table, line, ",".join(row.values()), "an id and two times")
            part = part or (named[1] if named else "")
            files = by_stem.get(stem) or by_stem.get(composed(film))
            if files:
                path = Path(files[0] if len(files) == 1 else _nearest(files, folder, part))
            else:
                path = folder / local_path(f"{part}/{label}/{stem}.mp4")
            clips.append(Clip(path, composed(label), part, film))
    if unlabelled:
        log.warning("%s: left out %s rows that have no label", folder, f"{unlabelled:,}")
    return _listing(folder, "Kinetics", None, clips, None)


def _nearest(files: list[str], folder: Path, part: str) -> str:
    """Prefer, among files of one name, the one in a folder of the part."""

    def elsewhere(file: str) -> bool:
        above = Path(file).relative_to(folder).parts[:-1]
        return PART_NAMES.get(part.lower()) not in [PART_NAMES.get(name.lower()) for name in above]

    return min(files, key=elsewhere)


class _ByClass:
    """Finder of ``<class>/<clip>`` at any depth of a folder; files at smaller depth come first."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._homes: dict[str, str] = {}
        self._files: dict[tuple[str, str], str] = {}
        for here, names in sorted(
            video_files(folder), key=lambda one: (one[0].count(os.sep), one[0])
        ):
            label = composed(os.path.basename(here)).lower()
            self._homes.setdefault(label, here)
            for name in names:
                file = os.path.join(here, name)
                name = composed(name)
                self._files.setdefault((label, name), file)
                # Clips are often converted to another container than the listed one.
                self._files.setdefault((label, os.path.splitext(name)[0]), file)

    def path(self, label: str, name: str) -> Path:
        """Path of the clip, or the path where it would be."""
        key, known = composed(label).lower(), composed(name)
        stem = os.path.splitext(known)[0]
        if file := self._files.get((key, known)) or self._files.get((key, stem)):
            return Path(file)
        return Path(self._homes.get(key, self._folder / local_path(label))) / local_path(name)


def _lists(folder: Path) -> dict[str, Path]:
    """Find text and CSV files in a folder or directly below it, by name; the folder comes first."""
    found: dict[str, Path] = {}
    for place in (folder, *sub_folders(folder)):
        # An unreadable folder matters only once clips are looked for in it.
        with contextlib.suppress(PermissionError):
            for name in sorted(os.listdir(place)):
                if name.lower().endswith((".txt", ".csv")) and not is_junk(name):
                    found.setdefault(name, place / name)
    return found


def _matches(pattern: re.Pattern[str], lists: dict[str, Path]) -> dict[tuple[str, ...], Path]:
    """Files whose names match a pattern, by the groups of the match."""
    fits = ((pattern.fullmatch(name), path) for name, path in lists.items())
    return {fit.groups(): path for fit, path in fits if fit}


def _need_fold(folder: Path, name: str, fold: int, present: set[int]) -> None:
    if fold not in present:
        raise InputError(
            f"{folder}: holds no list {fold} of {name} (--data.fold={fold}): there are"
            f" {', '.join(map(str, sorted(present))) or 'none for training'}; name one of these"
        )


def _listing(
    folder: Path, name: str, fold: int | None, clips: list[Clip], classes: list[str] | None
) -> Listing:
    where = f"{folder}, lists of {name}" + ("" if fold is None else f", fold {fold}")
    if not clips:
        raise InputError(f"{where}: no clip with a label is listed; put the complete lists there")
    return Listing(clips, where, classes)


def _columns(table: Path) -> list[str]:
    """Words of the first line of any file, to tell whether it is a list of Kinetics."""
    with table.open("rb") as file:
        line = file.readline(1000).replace(b"\0", b"")
    return re.findall(r"\w+", line.decode("ascii", "ignore"))


def _lines(table: Path) -> Iterator[tuple[int, str]]:
    """Yield the lines that are not blank, with their numbers."""
    require_rows_of_text(table)
    for number, line in enumerate(read_text(table, option=None).split("\n"), 1):
        if line.strip():
            yield number, line.strip()


def _bad_line(table: Path, line: int, text: str, allowed: str) -> InputError:
    return InputError(f"{table}, line {line}: '{text}' is not {allowed}; correct or drop the line")
