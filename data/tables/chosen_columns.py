"""Which columns of a table are read, where a person may name them by number, or not at all."""

import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager

from data.files.errors import InputError
from data.tables.column_names import SPLIT, TEXT, TEXT_LABEL, columns_named, find_column
from data.tables.text_tables import Columns, require, shown

log = logging.getLogger(__name__)

# Usual names of the columns for which nobody names another.
_NAMES = {"text": TEXT, "label": TEXT_LABEL}
#: without these nothing can be read
_NEEDED = ("text", "label")


def choose_columns(
    columns: Columns,
    asked: Mapping[str, str | None],
    *,
    source: str,
    prefix: str = "--data.",
    quiet: bool = False,
) -> dict[str, str]:
    """The columns to read, by what they hold; what is not there and not needed is missing.

    A column goes by its name, or else by its number, from 1; of texts and labels, one that has
    another usual name is taken where it is the only one (see `column_names`), and a line says so.

    Args:
        columns: those of the source.
        asked: what columns are called, by what they hold: ``text``, ``label``, ``split``,
            ``group``; None leaves that out.
        source: what has them, for errors.
        prefix: what options begin with on the command line.
        quiet: whether the line was written before.

    Raises:
        InputError: a needed column that is missing, or could be one of several; two that are one.
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
        elif taken is None and columns.suggested is None and name == _NAMES.get(role, ("",))[0]:
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
        if roles.setdefault(name, role) != role:
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
        # The first row would be lost, taken for names.
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
    """A column that may name parts and is called otherwise than ``split``; None unless there is one."""
    found = columns_named(SPLIT, columns)
    return found[0] if len(found) == 1 else None


@contextmanager
def columns_told(asked: Mapping[str, str | None], *, of: Collection[str]) -> Iterator[None]:
    """Within it, an error about groups or parts tells which column they are of that nobody named.

    Args:
        asked: what columns are called, by their options.
        of: what columns of the source say: ``group``, ``split``.
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
