"""A folder of tables: the files of each part, or the pieces of one table."""

import logging
import os
import re
from collections.abc import Sequence
from pathlib import Path

from data.files.errors import InputError
from data.files.folders import files_below
from data.splits.labels import UNLABELLED
from data.splits.parts import PART_NAMES
from data.tables.table_format import advice_for, is_table_file, table_stem

log = logging.getLogger(__name__)

# Files that the library `datasets` writes beside tables.
_NO_TABLES = ("dataset_info.json", "dataset_infos.json", "dataset_dict.json", "state.json")


def tables_below(folder: Path) -> list[Path]:
    """The tables below a folder; hidden ones, and those of names with ``_`` before them, aside.

    None where there is no folder.
    """
    if not os.path.isdir(folder):
        return []
    found = (Path(here, name) for here, names in files_below(folder, _is_table) for name in names)
    return sorted(
        path
        for path in found
        if path.is_file()
        and not any(n.startswith("_") for n in path.relative_to(folder).parts)
        and _holds_table(path)
    )


def table_files(folder: Path) -> list[tuple[Path, str | None]]:
    """The tables below a folder, each with the part that its name says; None where no name says one.

    A name says a part where just one part's name stands between what is no letter:
    ``train-00000-of-00002.parquet``, ``reviews_test.csv``; or else that of a folder above it does.
    Without any, the files are pieces of one table. Tables of texts without a label
    (``unsupervised``) are left out.

    Raises:
        InputError: a name that says two parts, files with and without one, or the same name with
            two endings, which may be the same rows twice.
    """
    files = tables_below(folder)
    _refuse_twins(files, folder)
    aside = [path for path in files if _words(path.name) & UNLABELLED]
    files = [path for path in files if path not in aside]
    found = [(path, _part_of(path, folder)) for path in files]
    named = [path for path, part in found if part is not None]
    if named and len(named) < len(found):
        other = next(path for path, part in found if part is None)
        raise InputError(
            f"{folder}: {named[0].name} is named like a part, and {other.name} is not: allowed are"
            " names with train, val or test, or none of these; move away what belongs to no part,"
            " or name one file"
        )
    if files:
        _tell_of_others(folder)
    if aside and found:
        log.warning("%s: %s is left out: texts without a label", folder, _listed(aside))
    if len(found) > 1 and not named:
        log.warning("%s: reads %d tables as one: %s", folder, len(files), _listed(files))
    return found


def _holds_table(path: Path) -> bool:
    """Whether an archive without a table's ending holds one file that has it."""
    if path.suffix.lower() != ".zip" or Path(path.stem).suffix:
        return True
    try:
        return is_table_file(path)
    except InputError:
        return False


def _is_table(name: str) -> bool:
    return table_stem(Path(name)) is not None and name not in _NO_TABLES


def _words(name: str) -> set[str]:
    """The words of a name: its runs of letters."""
    return set(re.split(r"[^a-z]+", name.lower()))


def _part_of(path: Path, folder: Path) -> str | None:
    for name in (table_stem(path) or "", *reversed(path.relative_to(folder).parent.parts)):
        parts = {PART_NAMES[word] for word in _words(name) if word in PART_NAMES}
        if len(parts) > 1:
            raise InputError(
                f"{path}: its name says the parts {' and '.join(sorted(parts))}; name one, or call"
                " the file by itself"
            )
        if parts:
            return parts.pop()
    return None


def _refuse_twins(files: Sequence[Path], folder: Path) -> None:
    first: dict[tuple[Path, str | None], Path] = {}
    for path in files:
        other = first.setdefault((path.parent, table_stem(path)), path)
        if other != path:
            raise InputError(
                f"{folder}: {other.name} and {path.name} may be the same rows twice; move one away,"
                " or name one file"
            )


def _tell_of_others(folder: Path) -> None:
    """Name files that hold rows and are not read, as a spreadsheet."""
    for here, names in files_below(folder, lambda name: advice_for(Path(name)) is not None):
        for name in names:
            log.warning("%s: is left out: it is %s", Path(here, name), advice_for(Path(name)))


def _listed(files: Sequence[Path]) -> str:
    names = [path.name for path in files[:5]]
    return ", ".join(names) + (", …" if len(files) > 5 else "")
