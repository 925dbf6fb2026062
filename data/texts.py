"""Where people keep texts: tables, folders of .txt files, the Hugging Face hub → one table."""

from pathlib import Path
from typing import Any, NamedTuple

import datasets
from datasets import ClassLabel, Dataset, DatasetDict

from data.errors import InputError
from data.layouts import class_folders
from data.splits import PART_NAMES

# File name endings → what `datasets` calls the format.
FORMATS = {".csv": "csv", ".tsv": "csv", ".jsonl": "json", ".json": "json", ".parquet": "parquet"}


class TextTable(NamedTuple):
    """All texts of a source, in one order."""

    texts: Dataset
    """One column, ``text``."""
    labels: list[str | int | None]
    parts: list[str | None] | None
    """The part each row is named to be in; None where the source names none."""
    classes: list[str] | None
    """Names of the classes where the source says them."""
    where: str
    """What to call the source in an error."""


def read_table(
    source: str, *, text_column: str, label_column: str, split_column: str, cache: Path
) -> TextTable:
    """Read a file, a folder, or a data set of the hub.

    Raises:
        InputError: nothing there, a format not known, or a column that is missing.
    """
    path = Path(source)
    if path.is_dir():
        table = _folder(path)
        text_column, label_column, split_column = "text", "label", "split"
    elif path.is_file():
        table = _file(path, cache)
    elif path.suffix.lower() in FORMATS or source.count("/") > 1 or source.startswith((".", "~")):
        raise InputError(
            f"{source}: no such file or folder; give a table ({', '.join(FORMATS)}), a folder with"
            " one sub-folder of .txt files per class, or the name of a data set on the hub"
        )
    else:
        table = _hub(source)
    for option, column in (("text", text_column), ("label", label_column)):
        if column not in table.column_names:
            raise InputError(
                f"{source}: no column '{column}': its columns are {', '.join(table.column_names)};"
                f" name the right one by --data.{option}_column"
            )
    if len(table) == 0:
        raise InputError(f"{source}: holds no text; there must be a row each")
    label_feature = table.features[label_column]
    parts = list(table[split_column]) if split_column in table.column_names else None
    return TextTable(
        texts=_as_text(table, text_column),
        labels=list(table[label_column]),
        parts=parts,
        classes=list(label_feature.names) if isinstance(label_feature, ClassLabel) else None,
        where=f"{source}, column '{label_column}'",
    )


def _as_text(table: Dataset, column: str) -> Dataset:
    texts = table.select_columns(column)
    if column != "text":
        texts = texts.rename_column(column, "text")
    if texts.features["text"].dtype != "string":
        texts = texts.cast_column("text", datasets.Value("string"))
    return texts


def _file(path: Path, cache: Path) -> Dataset:
    kind = FORMATS.get(path.suffix.lower())
    if kind is None:
        raise InputError(
            f"{path}: a file of type '{path.suffix}' is not read; allowed are {', '.join(FORMATS)}"
        )
    options: dict[str, Any] = {"sep": "\t"} if path.suffix.lower() == ".tsv" else {}
    if kind == "csv":
        # An empty cell is an empty text, and the word "null" is a word.
        options |= {"keep_default_na": False}
    try:
        return datasets.load_dataset(
            kind, data_files=str(path), split="train", cache_dir=str(cache / "tables"), **options
        )
    except Exception as error:  # `datasets` wraps whatever the format's parser raises
        cause = error.__cause__ or error
        raise InputError(
            f"{path}: cannot be read as {kind}: {str(cause).splitlines()[0]}; mend the file"
        ) from error


def _folder(folder: Path) -> Dataset:
    rows: dict[str, list[str | None]] = {"text": [], "label": [], "split": []}
    for part, classes in class_folders(folder):
        for class_folder in classes:
            files = sorted(class_folder.rglob("*.txt"))
            if not files:
                raise InputError(
                    f"{class_folder}: no .txt file in the folder of this class; add texts or"
                    " remove the folder"
                )
            for file in files:
                rows["text"].append(file.read_text(encoding="utf-8", errors="replace"))
                rows["label"].append(class_folder.name)
                rows["split"].append(part)
    if rows["split"][0] is None:
        del rows["split"]
    return Dataset.from_dict(rows)


def _hub(name: str) -> Dataset:
    try:
        loaded = datasets.load_dataset(name)
    except Exception as error:  # not there, no network, needs a configuration: many types
        raise InputError(
            f"{name}: neither a file or folder here nor a data set that could be loaded from the"
            f" hub ({type(error).__name__}: {str(error).splitlines()[0]})"
        ) from error
    return one_table(loaded)


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
