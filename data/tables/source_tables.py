"""Several files of rows in one table, with the chosen columns, parts and unusable rows."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import datasets
from datasets import ClassLabel, Dataset

from data.files.errors import InputError
from data.splits.label_names import number_of, written
from data.splits.parts import PART_NAMES
from data.tables.chosen_columns import choose_columns, part_column
from data.tables.column_types import named_alike
from data.tables.table_format import TableFormat
from data.tables.text_tables import PROBLEM, columns_of, file_table

log = logging.getLogger(__name__)

# Column for the part that a file is by its name, beside a column of parts that it may hold.
_PART = "_part"
_ROWS_AT_ONCE = 10_000


class Source(NamedTuple):
    """An opened source: one table of all its files."""

    table: Dataset
    columns: dict[str, str]
    """Columns to read by role: ``text``, and ``label``, ``split`` and ``group`` where they exist."""
    problems: dict[int, str]
    """Rows that cannot be used, with the reason."""


def read_tables(
    files: Sequence[tuple[Path, str | None]],
    source: str,
    asked: Mapping[str, str | None],
    *,
    cache: Path,
    format: TableFormat,
) -> Source:
    """Read files as one table.

    Args:
        files: files, each with the part that its name says, or None.
        source: name of them all in errors.
        asked: see `choose_columns`.
        cache, format: see `file_table`.

    Raises:
        InputError: an unreadable file, files with different columns, or rows of another part than
            that of their file.
    """
    first, is_parts = files[0][0], files[0][1] is not None
    columns = _chosen(first, asked, format)
    others = {file: _chosen(file, asked, format, quiet=True) for file, _ in files[1:]}
    if any(found.get("slice") != columns.get("slice") for found in others.values()):
        # It is read for the report alone, and only where all files have it.
        for found in (columns, *others.values()):
            found.pop("slice", None)
    for file, found in others.items():
        if found != columns:
            raise InputError(
                f"{source}: {first.name} is read by the columns {', '.join(columns.values())}, and"
                f" {file.name} by {', '.join(found.values())}; call them alike"
            )
    guess = None
    if (
        "label" in asked
        and asked.get("split") == "split"
        and "split" not in columns
        and not is_parts
    ):
        guess = part_column(columns_of(first, _names(asked), format=format).names)
    wanted = [columns[role] for role in ("split", "group", "slice") if role in columns]
    tables: list[Dataset] = []
    problems: dict[int, str] = {}
    num_rows = 0
    for file, part in files:
        table = file_table(
            file,
            needed={role: columns[role] for role in ("text", "label") if role in columns},
            wanted=[*wanted, *([guess] if guess else [])],
            cache=cache,
            format=format,
        )
        where = f"{file.name}, " if len(files) > 1 else ""
        problems |= {num_rows + row: f"{where}{why}" for row, why in problems_of(table).items()}
        num_rows += len(table)
        if part is not None and len(table) == 0:
            raise InputError(
                f"{file}: is the part '{part}' and holds no row; fill it, or move it away"
            )
        tables.append(table if part is None else _in_part(table, part, columns, file))
    if "label" in columns:
        _refuse_numbers_beside_names(files, tables, columns["label"])
    whole = _below_each_other(tables, source)
    if is_parts:
        columns["split"] = _PART
    elif guess is not None and _names_parts(whole, guess, problems, source=source):
        log.warning("%s: reads the column '%s' as the split", source, guess)
        columns["split"] = guess
    return Source(whole, columns, problems)


def _names(asked: Mapping[str, str | None]) -> list[str]:
    return [name for name in asked.values() if name is not None]


def _chosen(
    file: Path, asked: Mapping[str, str | None], format: TableFormat, *, quiet: bool = False
) -> dict[str, str]:
    columns = columns_of(file, _names(asked), format=format)
    return choose_columns(columns, asked, source=str(file), prefix=format.prefix, quiet=quiet)


def _in_part(table: Dataset, part: str, columns: Mapping[str, str], file: Path) -> Dataset:
    """Add a column of the part. A column of parts in the file must agree with it."""
    if "split" in columns:
        said = set(table.unique(columns["split"])) - {None}
        others = [one for one in said if PART_NAMES.get(str(one).strip().lower()) != part]
        if others:
            raise InputError(
                f"{file}: is the part '{part}' by its name, and has rows of '{others[0]}' in its"
                f" column '{columns['split']}'; give the file another name, or leave the column"
                " aside by --data.split_column=null"
            )
    return table.add_column(_PART, [part] * len(table))


def _below_each_other(tables: Sequence[Dataset], source: str) -> Dataset:
    try:
        return datasets.concatenate_datasets(named_alike(tables))
    except (ValueError, TypeError) as error:
        raise InputError(
            f"{source}: its tables do not hold the same types ({' '.join(str(error).split())});"
            " write them alike"
        ) from error


def _names_parts(table: Dataset, column: str, problems: Mapping[int, str], *, source: str) -> bool:
    """Whether all values of a column are names of parts, a training part among them.

    A warning tells of a column that has names of parts and other values.
    """
    values = {value for row, value in enumerate(table[column]) if row not in problems}
    part_of = {value: PART_NAMES.get(str(value).strip().lower()) for value in values}
    others = [value for value, part in part_of.items() if part is None]
    if others and {"train", "test"} & set(part_of.values()):
        log.warning(
            "%s: the column '%s' is not read as the split: '%s' is none of train, val, test; correct"
            " it, or name another column by --data.split_column",
            *(source, column, others[0]),
        )
    return not others and "train" in part_of.values()


def _refuse_numbers_beside_names(
    files: Sequence[tuple[Path, str | None]], tables: Sequence[Dataset], column: str
) -> None:
    """Raise an `InputError` if one file has numbers of classes and another has their names."""
    kinds = [table.features[column] for table in tables]
    named = [k for k, kind in enumerate(kinds) if isinstance(kind, ClassLabel)]
    if not named or any(number_of(name) is not None for name in kinds[named[0]].names):
        return
    for (file, _), table, kind in zip(files, tables, kinds, strict=True):
        values = set() if isinstance(kind, ClassLabel) else set(map(written, table[column])) - {""}
        if values and all(number_of(value) is not None for value in values):
            raise InputError(
                f"{file}, column '{column}': holds numbers, and {files[named[0]][0].name} names its"
                f" classes ({', '.join(kinds[named[0]].names[:10])}); write names in both"
            )


def problems_of(table: Dataset) -> dict[int, str]:
    """Collect the rows that cannot be used, with the reasons in the column `PROBLEM`."""
    if PROBLEM not in table.column_names:
        return {}
    column = table.select_columns(PROBLEM).with_format("arrow")
    found: dict[int, str] = {}
    for first in range(0, len(table), _ROWS_AT_ONCE):
        reasons = column[first : first + _ROWS_AT_ONCE][PROBLEM]
        if reasons.null_count < len(reasons):
            rows = enumerate(reasons.to_pylist(), start=first)
            found |= {row: reason for row, reason in rows if reason is not None}
    return found
