"""Sources of texts: tables, folders of .txt files and the Hugging Face hub, read as one table."""

import logging
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import datasets
from datasets import Dataset, DatasetDict, Features, Value

from data.files.encodings import read_text
from data.files.errors import InputError
from data.files.folders import is_text, text_files, why_absent
from data.splits.class_folders import class_folders, class_name
from data.splits.labels import unlabelled_among
from data.splits.parts import PART_NAMES
from data.tables.chosen_columns import choose_columns
from data.tables.column_types import class_names, named_alike, require_plain
from data.tables.source_tables import Source, problems_of, read_tables
from data.tables.table_folders import table_files
from data.tables.table_format import READABLE, UNSAID, TableFormat, table_stem
from data.tables.text_tables import PROBLEM, Columns

log = logging.getLogger(__name__)


class TextTable(NamedTuple):
    """Texts of a source with labels, parts and groups, in one order."""

    texts: Dataset
    """Table with the column ``text``, memory-mapped."""
    labels: list[Any]
    parts: list[Any] | None
    """Part of each row in the source; None if it names none."""
    groups: list[Any] | None
    """Group of each row; None if the source has no groups."""
    classes: list[str] | None
    """Names of the classes, if the source has them."""
    problems: dict[int, str]
    """Rows that cannot be used, with the reason."""
    where: str
    """Name of the source in errors."""
    slices: list[Any] | None = None
    """Values of a further column, by which the report tells examples apart; None if it is missing."""
    from_columns: frozenset[str] = frozenset()
    """Roles (``split``, ``group``) that come from a column of a file, not from names of files."""


def read_table(
    source: str,
    *,
    text_column: str,
    label_column: str,
    split_column: str | None,
    group_column: str | None,
    slice_column: str | None = None,
    cache: Path,
    format: TableFormat = UNSAID,
) -> TextTable:
    """Read a file, a folder of texts or of tables, or a data set of the hub.

    Args:
        source: path, or name on the hub.
        text_column, label_column: required columns (see `choose_columns`).
        split_column, group_column, slice_column: optional columns; None leaves one unread.
        cache: cache folder.
        format: options of files.

    Raises:
        InputError: a missing source, an unknown format, an unreadable file, or a missing column.
    """
    asked = {
        "text": text_column,
        "label": label_column,
        "split": split_column,
        "group": group_column,
        "slice": slice_column,
    }
    table, columns, problems = _open(source, asked, cache=cache, format=format, hub=_hub)

    def values(role: str) -> list[Any] | None:
        return class_names(table, columns[role])[0] if role in columns else None

    label_column = columns["label"]
    labels, classes = class_names(table, label_column)
    return TextTable(
        texts=_as_text(table, columns["text"], source),
        labels=labels,
        parts=values("split"),
        groups=values("group"),
        classes=classes,
        problems=problems,
        where=f"{source}, column '{label_column}'",
        slices=values("slice"),
        from_columns=frozenset(role for role, name in columns.items() if name == asked[role])
        if os.path.isfile(source)
        else frozenset(),
    )


def read_texts(
    source: str, *, text_column: str, cache: Path, format: TableFormat = UNSAID
) -> Dataset:
    """Read texts without labels: a table with the column ``text``, without unusable rows.

    A folder gives all .txt files below it, or all tables. A data set of the hub gives all parts, or
    the one that is named after a colon: ``stanfordnlp/imdb:unsupervised``.
    """
    table, columns, problems = _open(
        source, {"text": text_column}, cache=cache, format=format, hub=_all_parts
    )
    texts = _as_text(table, columns["text"], source)
    if not problems:
        return texts
    first = next(iter(problems.values()))
    if len(problems) == len(texts):
        raise InputError(f"{source}: no row can be used, e.g. {first}; mend the file")
    log.warning("%s: %d row(s) left out, e.g. %s", source, len(problems), first)
    return texts.select([row for row in range(len(texts)) if row not in problems])


def _open(
    source: str,
    asked: Mapping[str, str | None],
    *,
    cache: Path,
    format: TableFormat,
    hub: Callable[[str], Dataset],
) -> Source:
    path = Path(source)
    if os.path.isfile(path):
        found = read_tables([(path, None)], source, asked, cache=cache, format=format)
    elif os.path.isdir(path):
        found = _folder(path, asked, cache=cache, format=format)
    elif (
        os.path.lexists(path)
        or table_stem(path) is not None
        or source.count("/") > 1
        or source.startswith((".", "~"))
    ):
        raise InputError(
            f"{source}: {why_absent(path)}; give a table ({READABLE}), a folder with"
            " one sub-folder of .txt files per class, or the name of a data set on the hub"
        )
    else:
        table = hub(source)
        columns = choose_columns(Columns(table.column_names, None), asked, source=source)
        for column in columns.values():
            require_plain(table.data.schema.field(column).type, column, source=source)
        found = Source(table, columns, {})
    if len(found.table) == 0:
        raise InputError(f"{source}: holds no text; there must be a row each")
    return found


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


def _folder(
    folder: Path, asked: Mapping[str, str | None], *, cache: Path, format: TableFormat
) -> Source:
    """Read a folder of tables, or of .txt files: those in class folders if labels are asked for."""
    files = table_files(folder, are_labelled="label" in asked)
    # A .txt file beside the class folders belongs to no class.
    below = (file for file in text_files(folder) if "label" not in asked or file.parent != folder)
    text = next(below, None)
    if files and text is not None:
        raise InputError(
            f"{folder}: holds tables ({files[0][0].name}) and folders of texts"
            f" ({text.relative_to(folder)}); move one of them away, or name it by itself"
        )
    if files:
        return read_tables(files, str(folder), asked, cache=cache, format=format)
    if "label" not in asked:
        rows: list[tuple[str, str, str | None]]
        rows = [(str(file), "", None) for file in _text_files(folder)]
    else:
        rows = []
        found = list(class_folders(folder, is_text))
        left_out = unlabelled_among({one.name for _, classes in found for one in classes})
        for part, classes in found:
            for class_folder in classes:
                if class_folder.name in left_out:
                    log.warning(
                        "%s holds texts without a label and is no class; to learn from them too, add"
                        " --data.unlabelled=%s, and --teachers to learn them by",
                        *(class_folder, class_folder),
                    )
                    continue
                texts = _text_files(class_folder)
                rows += [(str(file), class_name(class_folder), part) for file in texts]
    table = _from_files(rows, cache, format)
    columns = {"text": "text", "label": "label", "split": "split"}
    return Source(
        table, {r: c for r, c in columns.items() if c in table.column_names}, problems_of(table)
    )


def _text_files(folder: Path) -> list[Path]:
    files = text_files(folder)
    if not files:
        raise InputError(f"{folder}: no .txt file in this folder; add texts or remove the folder")
    return files


def _from_files(
    rows: list[tuple[str, str, str | None]], cache: Path, format: TableFormat
) -> Dataset:
    """Make a table of text files with labels and parts, or with the reason if one is unreadable."""
    # Files are written to disk one by one. Sizes and times are part of the cache key.
    stamps = [(s.st_size, s.st_mtime_ns) for s in (os.stat(file) for file, _, _ in rows)]
    names = ("text", "label", "split", PROBLEM)
    table = Dataset.from_generator(
        _read_files,
        # Types are given, since a column without values in the first files would get none.
        features=Features({name: Value("string") for name in names}),
        gen_kwargs={"rows": rows, "stamps": stamps, "encoding": format.encoding},
        cache_dir=str(cache / "tables"),
    )
    return table.remove_columns("split") if rows[0][2] is None else table


def _read_files(
    rows: list[tuple[str, str, str | None]],
    stamps: list[tuple[int, int]],
    encoding: str | None,
) -> Iterator[dict[str, str | None]]:
    for file, label, part in rows:
        row: dict[str, str | None] = {"text": None, "label": None, "split": part, PROBLEM: None}
        try:
            yield row | {"text": read_text(Path(file), encoding=encoding), "label": label}
        except InputError as error:
            yield row | {PROBLEM: str(error)}


def _hub(name: str) -> Dataset:
    return one_table(_loaded(name))


def _all_parts(source: str) -> Dataset:
    """Load ``name`` with all parts concatenated, or the one part of ``name:part``."""
    name, _, part = source.partition(":")
    loaded = _loaded(name)
    if part and part not in loaded:
        raise InputError(
            f"{source}: the data set has the parts {', '.join(loaded)}; name one of them"
        )
    return loaded[part] if part else datasets.concatenate_datasets(named_alike([*loaded.values()]))


def _loaded(name: str) -> DatasetDict:
    try:
        return datasets.load_dataset(name)
    except Exception as error:  # the library raises many types
        raise InputError(
            f"{name}: neither a file or folder here nor a data set that could be loaded from the"
            f" hub ({type(error).__name__}: {str(error).splitlines()[0]})"
        ) from error


def one_table(loaded: DatasetDict) -> Dataset:
    """Concatenate the parts of a hub data set, with a column ``split``.

    Parts with other names (such as ``unsupervised``) are left out.
    """
    named = {part: table for part, table in loaded.items() if part.lower() in PART_NAMES}
    tables = [table.add_column("split", [part] * len(table)) for part, table in named.items()]
    if not tables:
        raise InputError(
            f"the data set has the parts {', '.join(loaded)}, none of them named train, val or test"
        )
    return datasets.concatenate_datasets(named_alike(tables))
