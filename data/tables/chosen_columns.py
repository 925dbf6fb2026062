"""Choice of the columns of a table: by name, by number, or by a usual name."""

import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager

from data.files.errors import InputError
from data.tables.column_names import SPLIT, TEXT, TEXT_LABEL, columns_named, find_column
from data.tables.text_tables import Columns, require, shown

log = logging.getLogger(__name__)

# Usual names of the columns, for those that the user did not name.
_NAMES = {"text": TEXT, "label": TEXT_LABEL}
#: the role of a column that is read to tell examples apart in the report, and may have another role too
_MAY_SHARE = "slice"
#: roles without which nothing can be read
_NEEDED = ("text", "label")


def choose_columns(
    columns: Columns,
    asked: Mapping[str, str | None],
    *,
    source: str,
    prefix: str = "--data.",
    quiet: bool = False,
) -> dict[str, str]:
    """Choose the columns to read, by role. Roles without a column are missing from the result.

    A column is looked up by its name, else by its number, counted from 1. For texts and labels
    another usual name is taken where just one column has one (see `column_names`), with a warning.

    Args:
        columns: columns of the source.
        asked: names of the columns by role: ``text``, ``label``, ``split``, ``group``, ``slice``;
            None leaves a role out.
        source: name of the source in errors.
        prefix: prefix of command-line options.
        quiet: whether to leave out the warning.

    Raises:
        InputError: a missing or ambiguous column, or one column for two roles.
    """
    names = columns.names
    found: dict[str, str] = {}
    told: list[str] = []
    for role, name in asked.items():
        option = f"{prefix}{role}_column"
        if name is None:
            continue
        taken = name if name in names else None
        if taken is None and name.isdecimal() and names:
            taken = _numbered(int(name), columns, source=source, option=option, prefix=prefix)
            told.append(f"column {name}, '{taken}', as the {role}")
        elif taken is None and columns.suggested is None and name in _NAMES.get(role, ())[:1]:
            taken = find_column(_NAMES[role], names, source=source, option=option)
            if taken is not None:
                told.append(f"the column '{taken}' as the {role} ({option} names another)")
        if taken is not None:
            found[role] = taken
    missing = {role: str(asked[role]) for role in _NEEDED if role in asked and role not in found}
    if missing:
        _require_names(columns, missing, source=source, prefix=prefix)
    roles: dict[str, str] = {}
    for role, name in found.items():
        if role != _MAY_SHARE and roles.setdefault(name, role) != role:
            raise InputError(
                f"{source}: the column '{name}' cannot be both {roles[name]} and {role}; name"
                f" another by {prefix}{role}_column"
            )
    if told and not quiet:
        log.warning("%s: reads %s", source, " and ".join(told))
    return found


def _numbered(number: int, columns: Columns, *, source: str, option: str, prefix: str) -> str:
    if not 1 <= number <= len(columns.names):
        raise InputError(
            f"{source}: {option}={number} is no column: there are {len(columns.names)}, from 1:"
            f" {shown(columns.names)}"
        )
    if columns.suggested is not None:
        # The first row would be taken for names, and lost.
        raise _without_names(columns, columns.suggested, source=source, prefix=prefix)
    return columns.names[number - 1]


def _require_names(
    columns: Columns, missing: Mapping[str, str], *, source: str, prefix: str
) -> None:
    if columns.suggested is not None:
        raise _without_names(columns, columns.suggested, source=source, prefix=prefix)
    require(missing, columns.names, source, prefix=prefix)


def _without_names(columns: Columns, suggested: str, *, source: str, prefix: str) -> InputError:
    return InputError(
        f"{source}: its first line looks like a row ({shown(columns.names[:4])}) and not like names"
        f" of columns; name them in their order, e.g. {prefix}columns={suggested}"
    )


def part_column(columns: Sequence[str]) -> str | None:
    """Find the only column with a usual name for parts; None where there is none, or several."""
    found = columns_named(SPLIT, columns)
    return found[0] if len(found) == 1 else None


@contextmanager
def columns_told(asked: Mapping[str, str | None], *, of: Collection[str]) -> Iterator[None]:
    """Add to errors about groups or parts the column that was read without being asked for.

    Args:
        asked: names of columns, by their options.
        of: roles (``group``, ``split``) that columns of the source have.
    """
    try:
        yield
    except InputError as error:
        for role, word in (("group", "group"), ("split", "part")):
            if role in of and asked[f"{role}_column"] == role and f" {word}" in str(error):
                raise InputError(
                    f"{error} (its {word}s are those of the column '{role}', which is left aside by"
                    f" --data.{role}_column=null)"
                ) from error
        raise
