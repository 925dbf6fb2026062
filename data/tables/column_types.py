"""Types of columns: which of them hold one value a row that can be a label, a part, a group, a text."""

import pyarrow as pa

from data.files.errors import InputError

_SINGLE = (
    *(pa.types.is_null, pa.types.is_boolean, pa.types.is_integer, pa.types.is_floating),
    *(pa.types.is_decimal, pa.types.is_string, pa.types.is_large_string),
    *(pa.types.is_temporal,),
)


def require_plain(kind: pa.DataType, column: str, *, source: str, prefix: str = "--data.") -> None:
    """Complain of a column whose values are lists, structs, bytes, or something else that is no value.

    Args:
        kind: the type of its values.
        column: its name.
        source: what has it, and what of it fails, as the error begins.
        prefix: what options begin with on the command line.
    """
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    # Later versions have a string that is a view.
    is_view = getattr(pa.types, "is_string_view", lambda _: False)
    if not (is_view(kind) or any(is_one(kind) for is_one in _SINGLE)):
        raise InputError(
            f"{source}: the column '{column}' holds {_what(kind)}, where a text or a number is needed;"
            f" name another by {prefix}text_column, label_column, split_column or group_column, or"
            " write single values"
        )


def _what(kind: pa.DataType) -> str:
    """In words."""
    if pa.types.is_nested(kind):
        is_list = pa.types.is_list(kind) or pa.types.is_large_list(kind)
        return "lists" if is_list or pa.types.is_fixed_size_list(kind) else "structs"
    return f"values of the type {kind}"
