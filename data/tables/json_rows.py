"""Rows of a JSON file: an object a line, or one array of objects."""

import json
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from data.files.encodings import BAD_BYTE, not_decodable, open_text, read_text, undecodable
from data.files.errors import InputError
from data.plain_text.content import clean
from data.tables.csv_reader import BadBytes
from data.tables.csv_rows import Row
from data.tables.table_format import UNSAID, TableFormat

_KINDS = {dict: "object", list: "list", str: "string", bool: "boolean", type(None): "null"}
_NUM_LOOKED_AT = 1000


def json_rows(
    path: Path,
    names: Sequence[str],
    *,
    format: TableFormat = UNSAID,
    bad_bytes: BadBytes = "file",
) -> Iterator[Row]:
    """Read the rows of a file with a JSON object a line, or with one array of objects.

    Only the values of ``names`` are read, numbers as they are written. An array is read at once.

    Raises:
        InputError: a byte that cannot be decoded (also while rows are read), or a broken array.
    """
    for place, value in _values(path, format, bad_bytes):
        if isinstance(value, _NoJson):
            yield Row(place, {names[0]: value.text}, value.reason)
        elif not isinstance(value, dict):
            yield Row(place, {}, f"is a JSON {_KINDS[type(value)]} where an object is needed")
        else:
            yield _json_row(place, value, names)


def json_columns(
    path: Path, *, format: TableFormat = UNSAID, bad_bytes: BadBytes = "file"
) -> list[str]:
    """List the keys of the first thousand objects.

    Raises:
        InputError: a file that is a single object, of columns or around a list of rows.
    """
    values = [value for _, value in islice(_values(path, format, bad_bytes), _NUM_LOOKED_AT)]
    objects = [value for value in values if isinstance(value, dict)]
    if (len(values) == 1 and objects and _holds_rows(objects[0])) or (
        values and not objects and isinstance(values[0], _NoJson) and values[0].text.strip() == "{"
    ):
        raise InputError(
            f"{path}: is a single JSON object, where rows are needed: write an array of objects, or"
            " an object a line (pandas: to_json(…, orient='records', lines=True))"
        )
    return list(dict.fromkeys(key for value in objects for key in value))


def _holds_rows(value: dict[str, Any]) -> bool:
    """Whether an object is a whole table: columns of values, or rows under a key."""
    return bool(value) and (
        all(isinstance(one, dict | list) for one in value.values())
        or any(
            isinstance(one, list) and one and all(isinstance(row, dict | list) for row in one)
            for one in value.values()
        )
    )


def _values(path: Path, format: TableFormat, bad_bytes: BadBytes) -> Iterator[tuple[str, Any]]:
    with open_text(path, encoding=format.encoding) as file:
        start = next((line for line in file if line.strip()), "").lstrip()
    if start.startswith("["):
        return _array(path, format)
    return _json_lines(path, format, bad_bytes)


def _json_row(place: str, value: dict[str, Any], names: Sequence[str]) -> Row:
    for name in names:
        if isinstance(value.get(name), dict | list):
            kind = _KINDS[type(value[name])]
            return Row(place, {}, f"has a JSON {kind} as its '{name}' where a string is needed")
    return Row(place, {n: clean(str(v)) for n in names if (v := value.get(n)) is not None})


class _NoJson(NamedTuple):
    text: str
    reason: str


def _json_lines(path: Path, format: TableFormat, bad_bytes: BadBytes) -> Iterator[tuple[str, Any]]:
    with open_text(path, encoding=format.encoding) as file:
        for number, line in enumerate(file, start=1):
            if bad := BAD_BYTE.search(line):
                if bad_bytes == "file":
                    option = f"{format.prefix}encoding"
                    raise not_decodable(path, number, bad[0], encoding=file.encoding, option=option)
                shown = BAD_BYTE.sub("\ufffd", line).rstrip("\n")
                reason = undecodable(bad[0], file.encoding, option=f"{format.prefix}encoding")
                yield f"line {number}", _NoJson(shown, reason)
            elif line.strip():
                yield f"line {number}", _parsed(line.rstrip("\n"))


def _parsed(text: str) -> Any:
    try:
        return json.loads(text, parse_int=str, parse_float=str, parse_constant=_no_number)
    except json.JSONDecodeError as error:
        return _NoJson(text, f"is not JSON ({error.msg}, character {error.pos + 1})")
    except RecursionError:
        return _NoJson(text, "is JSON within JSON too deep to read")


def _no_number(name: str) -> None:
    """Read NaN and Infinity, which some programs write for missing values, as null."""


def _array(path: Path, format: TableFormat) -> Iterator[tuple[str, Any]]:
    text = read_text(path, encoding=format.encoding, option=f"{format.prefix}encoding")
    whole = _parsed(text)
    if isinstance(whole, _NoJson):
        raise InputError(f"{path}: {whole.reason}; mend it, or write an object a line (.jsonl)")
    yield from ((f"object {number}", value) for number, value in enumerate(whole, start=1))
