"""Where people keep texts: tables, folders of .txt files, the Hugging Face hub → one table."""

import logging
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import datasets
import numpy as np
from datasets import ClassLabel, Dataset, DatasetDict, Value

from data.errors import InputError
from data.folders import is_text, text_files, why_absent
from data.labels import unlabelled_among
from data.layouts import class_folders, class_name
from data.splits import PART_NAMES
from data.text_tables import FORMATS, PROBLEM, file_table, require

log = logging.getLogger(__name__)


class TextTable(NamedTuple):
    """All texts of a source, in one order."""

    texts: Dataset
    """One column, ``text``; on disk, as `datasets` keeps it."""
    labels: list[Any]
    parts: list[Any] | None
    """The part each row is named to be in; None where the source names none."""
    groups: list[Any] | None
    """What each row belongs with; None where the source does not say."""
    classes: list[str] | None
    """Names of the classes where the source says them."""
    problems: dict[int, str]
    """Rows that cannot be used, and why."""
    where: str
    """What to call the source in an error."""


def read_table(
    source: str,
    *,
    text_column: str,
    label_column: str,
    split_column: str,
    group_column: str,
    cache: Path,
) -> TextTable:
    """Read a file, a folder, or a data set of the hub.

    Args:
        source: path or name.
        text_column, label_column: columns that must be there.
        split_column, group_column: columns that may be.
        cache: folder for the table that is made of a file.

    Raises:
        InputError: nothing there, a format not known, a file that cannot be read, or a column that
            is missing.
    """
    if os.path.isdir(source):
        text_column, label_column, split_column = "text", "label", "split"
    table = _open(
        source,
        needed={"text": text_column, "label": label_column},
        wanted=[split_column, group_column],
        cache=cache,
        hub=_hub,
    )
    where = f"{source}, column '{label_column}'"
    labels, classes = class_names(table, label_column)
    return TextTable(
        texts=_as_text(table, text_column, source),
        labels=labels,
        parts=_column(table, split_column) if split_column in table.column_names else None,
        groups=_column(table, group_column) if group_column in table.column_names else None,
        classes=classes,
        problems=_problems(table),
        where=where,
    )


def read_texts(source: str, *, text_column: str, cache: Path) -> Dataset:
    """As `read_table`, of texts alone: one column, ``text``, without rows that cannot be used.

    Of a folder, all .txt files below it; of a data set of the hub, all parts, or the one that is
    named after a colon: ``stanfordnlp/imdb:unsupervised``.
    """
    if os.path.isdir(source):
        text_column = "text"
        table = _from_files([(str(file), "", None) for file in _text_files(Path(source))], cache)
    else:
        table = _open(source, needed={"text": text_column}, wanted=[], cache=cache, hub=_all_parts)
    texts = _as_text(table, text_column, source)
    problems = _problems(table)
    if not problems:
        return texts
    first = next(iter(problems.values()))
    if len(problems) == len(texts):
        raise InputError(f"{source}: no row can be used, e.g. {first}; mend the file")
    log.warning("%s: %d row(s) left out, e.g. %s", source, len(problems), first)
    return texts.select([row for row in range(len(texts)) if row not in problems])


def _open(
    source: str,
    *,
    needed: dict[str, str],
    wanted: list[str],
    cache: Path,
    hub: Callable[[str], Dataset],
) -> Dataset:
    path = Path(source)
    if os.path.isfile(path):
        if path.suffix.lower() not in FORMATS:
            raise InputError(
                f"{path}: a file of type '{path.suffix}' is not read; allowed are"
                f" {', '.join(FORMATS)}"
            )
        table = file_table(path, needed=needed, wanted=wanted, cache=cache)
    elif os.path.isdir(path):
        table = _folder(path, cache)
    elif (
        os.path.lexists(path)
        or path.suffix.lower() in FORMATS
        or source.count("/") > 1
        or source.startswith((".", "~"))
    ):
        raise InputError(
            f"{source}: {why_absent(path)}; give a table ({', '.join(FORMATS)}), a folder with"
            " one sub-folder of .txt files per class, or the name of a data set on the hub"
        )
    else:
        table = hub(source)
    require(needed, table.column_names, source)
    if len(table) == 0:
        raise InputError(f"{source}: holds no text; there must be a row each")
    return table


def _problems(table: Dataset) -> dict[int, str]:
    if PROBLEM not in table.column_names:
        return {}
    column = table.select_columns(PROBLEM).with_format("arrow")
    found: dict[int, str] = {}
    for first in range(0, len(table), 10_000):
        reasons = column[first : first + 10_000][PROBLEM]
        if reasons.null_count < len(reasons):
            rows = enumerate(reasons.to_pylist(), start=first)
            found |= {row: reason for row, reason in rows if reason is not None}
    return found


def class_names(table: Dataset, column: str) -> tuple[list[Any], list[str] | None]:
    """The label of each row, and the names of the classes where the table says them.

    Where it does, numbers become names here, so that nothing that comes later can mistake one
    table's numbers for another's; -1 is no label.
    """
    kind, values = table.features[column], _column(table, column)
    if isinstance(kind, ClassLabel):
        names = dict(enumerate(kind.names))
        return [
            None if place is None or place < 0 else names.get(place, f"class number {place}")
            for place in values
        ], list(kind.names)
    if isinstance(kind, Value) and kind.dtype in ("float16", "float32"):
        # The shortest decimals that tell such a number, which are what was meant: 0.1.
        narrow = np.dtype(kind.dtype).type
        return [None if value is None else narrow(value) for value in values], None
    return values, None


def _column(table: Dataset, name: str) -> list[Any]:
    """The values of a column, each distinct one a single object however often it occurs."""
    known: dict[Any, Any] = {}
    batches = table.select_columns(name).iter(10_000)
    return [known.setdefault(value, value) for batch in batches for value in batch[name]]


def _as_text(table: Dataset, column: str, source: str) -> Dataset:
    texts = table.select_columns(column)
    if column != "text":
        texts = texts.rename_column(column, "text")
    kind = texts.features["text"]
    if not isinstance(kind, Value):
        raise InputError(
            f"{source}, column '{column}': holds {type(kind).__name__}, not texts; name the right"
            " one by --data.text_column"
        )
    return texts if kind.dtype == "string" else texts.cast_column("text", Value("string"))


def _folder(folder: Path, cache: Path) -> Dataset:
    rows = []
    found = list(class_folders(folder, is_text))
    left_out = unlabelled_among({one.name for _, classes in found for one in classes})
    for part, classes in found:
        for class_folder in classes:
            if class_folder.name in left_out:
                log.warning(
                    "%s holds texts without a label and is no class; to learn from them too, add"
                    " --data.unlabelled=%s, and --teachers or --model.objective to learn them by",
                    *(class_folder, class_folder),
                )
                continue
            files = _text_files(class_folder)
            rows += [(str(file), class_name(class_folder), part) for file in files]
    return _from_files(rows, cache)


def _text_files(folder: Path) -> list[Path]:
    files = text_files(folder)
    if not files:
        raise InputError(f"{folder}: no .txt file in this folder; add texts or remove the folder")
    return files


def _from_files(rows: list[tuple[str, str, str | None]], cache: Path) -> Dataset:
    """A table of files, each with its label and part."""
    # Written to disk one by one. Size and time of each are in the key that it is kept under.
    stamps = [(s.st_size, s.st_mtime_ns) for s in (os.stat(file) for file, _, _ in rows)]
    table = Dataset.from_generator(
        _read_files, gen_kwargs={"rows": rows, "stamps": stamps}, cache_dir=str(cache / "tables")
    )
    return table.remove_columns("split") if rows[0][2] is None else table


def _read_files(
    rows: list[tuple[str, str, str | None]], stamps: list[tuple[int, int]]
) -> Iterator[dict[str, str | None]]:
    for file, label, part in rows:
        text = Path(file).read_text(encoding="utf-8", errors="replace")
        yield {"text": text, "label": label, "split": part}


def _hub(name: str) -> Dataset:
    return one_table(_loaded(name))


def _all_parts(source: str) -> Dataset:
    """Of ``name`` all parts below each other, of ``name:part`` that one."""
    name, _, part = source.partition(":")
    loaded = _loaded(name)
    if part and part not in loaded:
        raise InputError(
            f"{source}: the data set has the parts {', '.join(loaded)}; name one of them"
        )
    return loaded[part] if part else datasets.concatenate_datasets(list(loaded.values()))


def _loaded(name: str) -> DatasetDict:
    try:
        return datasets.load_dataset(name)
    except Exception as error:  # not there, no network, needs a configuration: many types
        raise InputError(
            f"{name}: neither a file or folder here nor a data set that could be loaded from the"
            f" hub ({type(error).__name__}: {str(error).splitlines()[0]})"
        ) from error


def one_table(loaded: DatasetDict) -> Dataset:
    """The parts of a hub data set below each other, with a column ``split`` that names them.

    Parts that are neither for training nor for a report (such as ``unsupervised``) are left out.
    """
    named = {part: table for part, table in loaded.items() if part.lower() in PART_NAMES}
    tables = [table.add_column("split", [part] * len(table)) for part, table in named.items()]
    if not tables:
        raise InputError(
            f"the data set has the parts {', '.join(loaded)}, none of them named train, val or test"
        )
    return datasets.concatenate_datasets(tables)
