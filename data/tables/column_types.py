"""Types of columns: those that hold plain values, and those that number named classes."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from datasets import ClassLabel, Dataset, Value

from data.files.errors import InputError

_SINGLE = (
    *(pa.types.is_null, pa.types.is_boolean, pa.types.is_integer, pa.types.is_floating),
    *(pa.types.is_decimal, pa.types.is_string, pa.types.is_large_string),
    *(pa.types.is_temporal,),
)


def require_plain(kind: pa.DataType, column: str, *, source: str, prefix: str = "--data.") -> None:
    """Raise an `InputError` if the values of a column are lists, structs, bytes or the like.

    Args:
        kind: type of the values.
        column: name of the column.
        source: beginning of the error: the source, and what fails.
        prefix: prefix of command-line options.
    """
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    # Only later versions of Arrow have string views.
    is_view = getattr(pa.types, "is_string_view", lambda _: False)
    if not (is_view(kind) or any(is_one(kind) for is_one in _SINGLE)):
        raise InputError(
            f"{source}: the column '{column}' holds {_what(kind)}, where a text or a number is needed;"
            f" name another by {prefix}text_column, label_column, split_column or group_column, or"
            " write single values"
        )


def _what(kind: pa.DataType) -> str:
    """Describe a type in words."""
    if pa.types.is_nested(kind):
        is_list = pa.types.is_list(kind) or pa.types.is_large_list(kind)
        return "lists" if is_list or pa.types.is_fixed_size_list(kind) else "structs"
    return f"values of the type {kind}"


def column_values(table: Dataset, name: str) -> list[Any]:
    """Read the values of a column. Equal values are one object, which saves memory."""
    known: dict[Any, Any] = {}
    batches = table.select_columns(name).iter(10_000)
    return [known.setdefault(value, value) for batch in batches for value in batch[name]]


def class_names(table: Dataset, column: str) -> tuple[list[Any], list[str] | None]:
    """Read the label of each row, and the names of the classes where the table has them.

    Numbers of named classes become names, so that the numbers of one table cannot be mistaken for
    those of another; -1 is no label.
    """
    kind, values = table.features[column], column_values(table, column)
    if isinstance(kind, ClassLabel):
        names = dict(enumerate(kind.names))
        return [
            None if place is None or place < 0 else names.get(place, f"class number {place}")
            for place in values
        ], list(kind.names)
    if isinstance(kind, Value) and kind.dtype in ("float16", "float32"):
        # The narrow type prints the shortest decimals, which were meant: 0.1.
        narrow = np.dtype(kind.dtype).type
        return [None if value is None else narrow(value) for value in values], None
    return values, None


def named_alike(tables: Sequence[Dataset]) -> list[Dataset]:
    """Prepare tables for concatenation: where they number classes differently, names replace numbers."""
    unlike = {
        column
        for table in tables
        for column, kind in table.features.items()
        if isinstance(kind, ClassLabel) and any(t.features.get(column) != kind for t in tables)
    }
    return [_with_names(table, unlike & set(table.column_names)) for table in tables]


def _with_names(table: Dataset, columns: set[str]) -> Dataset:
    for column in sorted(columns):
        if isinstance(table.features[column], ClassLabel):
            names, _ = class_names(table, column)
            table = table.remove_columns(column).add_column(column, names)
    return table
