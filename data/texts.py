"""Where people keep texts: tables, folders of .txt files, the Hugging Face hub → one table."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import datasets
from datasets import ClassLabel, Dataset, DatasetDict

from data.errors import InputError
from data.layouts import class_folders
from data.splits import PART_NAMES
from data.vocabulary import clean

# File name endings → what `datasets` calls the format.
FORMATS = {".csv": "csv", ".tsv": "csv", ".jsonl": "json", ".json": "json", ".parquet": "parquet"}


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
        cache: folder for what `datasets` makes of a file.

    Raises:
        InputError: nothing there, a format not known, or a column that is missing.
    """
    if Path(source).is_dir():
        text_column, label_column, split_column = "text", "label", "split"
    table = _open(source, cache)
    _require(table, {"text": text_column, "label": label_column}, source)
    label_feature = table.features[label_column]
    return TextTable(
        texts=_as_text(table, text_column),
        labels=_column(table, label_column),
        parts=_column(table, split_column) if split_column in table.column_names else None,
        groups=_column(table, group_column) if group_column in table.column_names else None,
        classes=list(label_feature.names) if isinstance(label_feature, ClassLabel) else None,
        where=f"{source}, column '{label_column}'",
    )


def read_texts(source: str, *, text_column: str, cache: Path) -> Dataset:
    """As `read_table`, of texts alone: one column, ``text``."""
    table = _open(source, cache)
    if Path(source).is_dir():
        text_column = "text"
    _require(table, {"text": text_column}, source)
    return _as_text(table, text_column)


def _open(source: str, cache: Path) -> Dataset:
    path = Path(source)
    if path.is_dir():
        table = _folder(path, cache)
    elif path.is_file():
        table = _file(path, cache)
    elif path.suffix.lower() in FORMATS or source.count("/") > 1 or source.startswith((".", "~")):
        raise InputError(
            f"{source}: no such file or folder; give a table ({', '.join(FORMATS)}), a folder with"
            " one sub-folder of .txt files per class, or the name of a data set on the hub"
        )
    else:
        table = _hub(source)
    if len(table) == 0:
        raise InputError(f"{source}: holds no text; there must be a row each")
    return table


def _require(table: Dataset, columns: dict[str, str], source: str) -> None:
    for option, column in columns.items():
        if column not in table.column_names:
            raise InputError(
                f"{source}: no column '{column}': its columns are {', '.join(table.column_names)};"
                f" name the right one by --data.{option}_column"
            )


def _column(table: Dataset, name: str) -> list[Any]:
    """The values of a column, each distinct one a single object however often it occurs."""
    known: dict[Any, Any] = {}
    batches = table.select_columns(name).iter(10_000)
    return [known.setdefault(value, value) for batch in batches for value in batch[name]]


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
        if path.suffix.lower() == ".jsonl" and path.stat().st_size:
            return _lines(path, cache)
        raise InputError(f"{path}: cannot be read as {kind}: {_reason(error)}") from error


def _lines(path: Path, cache: Path) -> Dataset:
    """JSON lines one by one: slower, but it takes half characters, and says which line is broken."""
    stat = path.stat()
    stamp = {"path": str(path), "size": stat.st_size, "changed": stat.st_mtime_ns}
    try:
        return Dataset.from_generator(
            _parse_lines, gen_kwargs=stamp, cache_dir=str(cache / "tables")
        )
    except Exception as error:
        cause = error.__cause__
        if isinstance(cause, InputError):
            raise cause from None
        raise InputError(f"{path}: cannot be read as json: {_reason(error)}") from error


def _parse_lines(path: str, size: int, changed: int) -> Iterator[dict[str, Any]]:
    with open(path, encoding="utf-8-sig") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
                yield {key: clean(v) if isinstance(v, str) else v for key, v in row.items()}
            except (ValueError, AttributeError) as error:
                raise InputError(
                    f"{path}: line {number} is no JSON object ({error}); mend or remove it"
                ) from None


def _reason(error: BaseException) -> str:
    """What a parser found, and what to do about it, in one line."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, UnicodeDecodeError):
        cause = cause.__cause__ or cause.__context__
    if cause is not None:
        return f"it is not UTF-8 ({cause}); save it as UTF-8"
    text = " ".join(str(error.__cause__ or error).split()) or type(error).__name__
    return f"{text}; mend the file"


def _folder(folder: Path, cache: Path) -> Dataset:
    rows = []
    for part, classes in class_folders(folder):
        for class_folder in classes:
            files = sorted(class_folder.rglob("*.txt"))
            if not files:
                raise InputError(
                    f"{class_folder}: no .txt file in the folder of this class; add texts or"
                    " remove the folder"
                )
            rows += [(str(file), class_folder.name, part) for file in files]
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
