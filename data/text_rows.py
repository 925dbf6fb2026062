"""Tables of texts as people and programs write them: CSV and JSON lines → rows, and what is wrong.

A row that cannot be used is still a row, with the reason, so that it can be listed and no other
row's number changes. What makes the rest of the file uncertain (a quote that does not close, bytes
that are not UTF-8) is an error.
"""

import csv
import json
import re
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Literal, NamedTuple

from data.errors import InputError
from data.vocabulary import clean

DELIMITERS = ",;\t|"
# csv refuses longer cells unless told otherwise; the most that fits a C long everywhere.
LONGEST_CELL = 2**31 - 1
_KINDS = {dict: "object", list: "list", str: "string", bool: "boolean", type(None): "null"}


#: what bytes that are not UTF-8 spoil
BadBytes = Literal["file", "row"]
# A byte that is none, as Python reads it on demand.
_BYTE = re.compile("[\udc80-\udcff]")
_NOT_UTF8 = "holds bytes that are not UTF-8; write it as UTF-8"


class Row(NamedTuple):
    """A row of a file."""

    place: str
    """Where it begins, as an error says it: ``line 7``, or ``object 7`` of a JSON array."""
    values: dict[str, str | None]
    """Its cells by column; a missing or null one is None."""
    problem: str | None = None
    """Why it cannot be used."""


def csv_rows(
    path: Path, names: Sequence[str], *, bad_bytes: BadBytes = "file"
) -> tuple[list[str], Iterator[Row]]:
    """Columns and rows of a CSV file with a line of column names.

    Cells are taken as they are written, but for blanks at their beginning: ``007`` and ``NA`` are
    texts. Lines without a cell are passed over.

    Args:
        path: commas, semicolons, tabs or bars between the cells; a text with one of them, or with a
            line end, in double quotes; quotes in quotes are doubled (RFC 4180). UTF-8, or UTF-16
            with its mark.
        names: columns to look for: what stands between cells is what makes most of them appear.
        bad_bytes: whether bytes that are not UTF-8 spoil the ``file`` or the ``row`` they stand in.

    Raises:
        InputError: not UTF-8 (also while rows are read), or quotes that do not close.
    """
    encoding = _encoding(path)
    with path.open(encoding=encoding, errors="replace", newline="") as file:
        first_line = next((line for line in file if line.strip()), "")

    def columns_found(delimiter: str) -> tuple[int, int]:
        cells = [cell.strip(' "\r\n') for cell in first_line.split(delimiter)]
        return len(set(names) & set(cells)), len(cells)

    delimiter = max(DELIMITERS, key=columns_found)
    errors = "strict" if bad_bytes == "file" else "surrogateescape"
    records = _csv_records(path, encoding, delimiter, errors)
    _, header = next(records, (0, []))
    columns = [cell.strip() for cell in header]
    twice = [name for name in names if columns.count(name) > 1]
    if twice:
        raise InputError(f"{path}: the column '{twice[0]}' is there twice; rename one of them")

    def rows() -> Iterator[Row]:
        for line, cells in records:
            if any(map(_BYTE.search, cells)):
                shown: dict[str, str | None] = {
                    names[0]: _BYTE.sub("\ufffd", delimiter.join(cells))
                }
                yield Row(f"line {line}", shown, _NOT_UTF8)
            elif len(cells) == len(columns):
                yield Row(f"line {line}", dict(zip(columns, cells, strict=True)))
            else:
                advice = "fill in what is missing"
                if len(cells) > len(columns):
                    advice = f"a text with '{delimiter}' in it must stand in double quotes"
                problem = (
                    f"has {len(cells)} cell(s) where the line of column names has {len(columns)}:"
                    f" {advice}"
                )
                yield Row(f"line {line}", {names[0]: delimiter.join(cells)}, problem)

    return columns, rows()


def _csv_records(
    path: Path, encoding: str, delimiter: str, errors: str
) -> Iterator[tuple[int, list[str]]]:
    csv.field_size_limit(LONGEST_CELL)
    with path.open(encoding=encoding, errors=errors, newline="") as file:
        reader = csv.reader(file, delimiter=delimiter, skipinitialspace=True, strict=True)
        line, width = 1, 0
        try:
            for cells in reader:
                # Of several cells, a blank one alone is a blank line.
                if cells and (width == 1 or len(cells) > 1 or cells[0].strip()):
                    width = width or len(cells)
                    yield line, cells
                line = reader.line_num + 1
        except csv.Error as error:
            raise InputError(
                f"{path}, line {line}: its quotes cannot be followed ({error}); close each, and"
                ' write one within a text twice: ""'
            ) from error
        except UnicodeError as error:
            raise not_utf8(path, error) from error


def _encoding(path: Path) -> str:
    with path.open("rb") as file:
        return "utf-16" if file.read(2) in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"


def not_utf8(path: Path, error: UnicodeError) -> InputError:
    """The error for a file in another encoding; it names the first line that shows it."""
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError as found:
                where = f"{path}, line {number}: byte 0x{line[found.start]:02x}"
                break
        else:
            where = f"{path}: {error}"
    return InputError(
        f"{where} is not UTF-8: the file may be Windows-1252 or Latin-1; save it as UTF-8, e.g. by"
        f" iconv -f WINDOWS-1252 -t UTF-8 {path.name}"
    )


def json_rows(path: Path, names: Sequence[str], *, bad_bytes: BadBytes = "file") -> Iterator[Row]:
    """Rows of a file with a JSON object a line, or of one JSON array of objects.

    Numbers are taken as they are written; of the values, only those of ``names`` are. An array is
    read as a whole.

    Raises:
        InputError: not UTF-8 (also while rows are read), or an array that is broken.
    """
    for place, value in _values(path, bad_bytes):
        if isinstance(value, _NoJson):
            yield Row(place, {names[0]: value.text}, value.reason)
        elif not isinstance(value, dict):
            yield Row(place, {}, f"is a JSON {_KINDS[type(value)]} where an object is needed")
        else:
            yield _json_row(place, value, names)


def json_columns(path: Path, *, bad_bytes: BadBytes = "file") -> list[str]:
    """Keys of the first thousand objects, which say what there is."""
    lines = islice(_values(path, bad_bytes), 1000)
    return list(
        dict.fromkeys(key for _, value in lines if isinstance(value, dict) for key in value)
    )


def _values(path: Path, bad_bytes: BadBytes) -> Iterator[tuple[str, Any]]:
    with path.open("rb") as file:
        start = file.read(64).removeprefix(b"\xef\xbb\xbf").lstrip()
    return _array(path) if start.startswith(b"[") else _json_lines(path, bad_bytes)


def _json_row(place: str, value: dict[str, Any], names: Sequence[str]) -> Row:
    for name in names:
        if isinstance(value.get(name), dict | list):
            kind = _KINDS[type(value[name])]
            return Row(place, {}, f"has a JSON {kind} as its '{name}' where a string is needed")
    return Row(place, {n: clean(str(v)) for n in names if (v := value.get(n)) is not None})


class _NoJson(NamedTuple):
    text: str
    reason: str


def _json_lines(path: Path, bad_bytes: BadBytes) -> Iterator[tuple[str, Any]]:
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                text = line.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError as error:
                if bad_bytes == "file":
                    raise not_utf8(path, error) from error
                shown = line.decode("utf-8", "replace").rstrip("\r\n")
                yield f"line {number}", _NoJson(shown, _NOT_UTF8)
                continue
            if text.strip():
                yield f"line {number}", _parsed(text.rstrip("\r\n"))


def _parsed(text: str) -> Any:
    try:
        return json.loads(text, parse_int=str, parse_float=str, parse_constant=_no_number)
    except json.JSONDecodeError as error:
        return _NoJson(text, f"is not JSON ({error.msg}, character {error.pos + 1})")
    except RecursionError:
        return _NoJson(text, "is JSON within JSON too deep to read")


def _no_number(name: str) -> None:
    """NaN and Infinity, which some programs write for a gap."""


def _array(path: Path) -> Iterator[tuple[str, Any]]:
    try:
        whole = _parsed(path.read_text(encoding="utf-8-sig"))
    except UnicodeError as error:
        raise not_utf8(path, error) from error
    if isinstance(whole, _NoJson):
        raise InputError(f"{path}: {whole.reason}; mend it, or write an object a line (.jsonl)")
    yield from ((f"object {number}", value) for number, value in enumerate(whole, start=1))
