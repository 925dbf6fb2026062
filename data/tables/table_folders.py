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
    """List the tables below a folder, without hidden ones and those whose names begin with ``_``.

    The list is empty where there is no folder.
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


def table_files(folder: Path, *, are_labelled: bool = True) -> list[tuple[Path, str | None]]:
    """List the tables below a folder, each with the part that its name says, or None.

    A name says a part if one of its words does: ``train-00000-of-00002.parquet``,
    ``reviews_test.csv``; else the names of the folders above count. Where no name says a part, the
    files are pieces of one table. Where labels are needed, tables of texts without one
    (``unsupervised``) are left out.

    Raises:
        InputError: a name with two parts, files with and without one, or one name with two suffixes,
            which may be the same rows twice.
    """
    files = tables_below(folder)
    _refuse_twins(files, folder)
    aside = [path for path in files if are_labelled and _words(path.name) & UNLABELLED]
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
    """Whether a file is a table; an archive is one if it holds a single table."""
    if path.suffix.lower() != ".zip" or Path(path.stem).suffix:
        return True
    try:
        return is_table_file(path)
    except InputError:
        return False


def _is_table(name: str) -> bool:
    return table_stem(Path(name)) is not None and name not in _NO_TABLES


def _words(name: str) -> set[str]:
    """Split a name into its words, the runs of letters."""
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
    """Warn of files that hold rows and are not read, such as spreadsheets."""
    for here, names in files_below(folder, lambda name: advice_for(Path(name)) is not None):
        for name in names:
            log.warning("%s: is left out: it is %s", Path(here, name), advice_for(Path(name)))


def _listed(files: Sequence[Path]) -> str:
    names = [path.name for path in files[:5]]
    return ", ".join(names) + (", …" if len(files) > 5 else "")
