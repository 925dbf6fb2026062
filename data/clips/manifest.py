"""Lists of clips of one's own: columns of a table to clips."""

import logging
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from data.clips.clip import Clip, Listing, film_of
from data.clips.list_paths import listed_files
from data.clips.list_table import open_table
from data.files.errors import InputError
from data.files.folders import composed
from data.splits.parts import PART_NAMES
from data.tables.column_names import (
    CLIP_LABEL,
    END_SECONDS,
    PATH,
    SPLIT,
    START_SECONDS,
    columns_like_times,
    columns_named,
    find_column,
    require_once,
)

log = logging.getLogger(__name__)

#: fields of a clip → default names of their columns
COLUMNS = {
    name: name for name in ("path", "label", "split", "group", "start_seconds", "end_seconds")
}
# Usual names of columns; the first is that in `COLUMNS`. Groups are not guessed: a wrong column would
# change the split.
_NAMES: dict[str, Sequence[str]] = {
    "path": PATH,
    "label": CLIP_LABEL,
    "split": SPLIT,
    "group": ("group",),
    "start_seconds": START_SECONDS,
    "end_seconds": END_SECONDS,
}

_NUMBER = re.compile(r"\+?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_CLOCK = re.compile(r"(?:([0-9]+):)?([0-9]+):([0-5]?[0-9](?:[.,][0-9]*)?)")

Row = tuple[int, dict[str, str]]


def manifest(
    table: Path, columns: Mapping[str, str | None], *, header: Sequence[str] | None = None
) -> Listing:
    """Read the clips of a list (see `open_table` for its format, `listed_files` for its paths).

    Without a column of groups, file names as in UCF-101 give them (see `film_of`). Times are in
    seconds, or in clock notation (see `parse_seconds`).

    Args:
        table: path of the list.
        columns: names of the columns by field (see `COLUMNS`). None leaves a column unread. All but
            path and label may be missing under their default names. Where the default name is asked
            for, another usual name (see `data.tables.column_names`) is found too, with a warning.
        header: names of all columns, for a list without a header.

    Raises:
        InputError: a missing or repeated column, no row, a row without a path, or a section that
            ends before it begins.
    """
    asked = {**COLUMNS, **columns}
    names = [name for option in COLUMNS for name in (*_NAMES[option], asked[option]) if name]
    opened = open_table(table, names=names, header=header)
    used = _columns_used(table, asked, opened.columns)
    rows = list(opened.rows)
    if used["split"] is None and asked["split"] == COLUMNS["split"]:
        used["split"] = _find(table, "split", _of_parts(table, opened.columns, rows))
    _tell_of_names(table, used, asked)
    if not rows:
        raise InputError(f"{table}: lists no clip; there must be a row each")

    def cells(option: str) -> list[str]:
        column = used[option]
        return [row.get(column, "").strip() if column else "" for _, row in rows]

    paths, labels, parts, groups = map(cells, ("path", "label", "split", "group"))
    for (line, _), path in zip(rows, paths, strict=True):
        if not path:
            raise InputError(f"{table}, line {line}: no path; fill it in or drop the row")
    starts, ends = cells("start_seconds"), cells("end_seconds")
    if asked["start_seconds"] or asked["end_seconds"]:
        _tell_of_times(table, used, opened.columns, [*starts, *ends])
    lines = [line for line, _ in rows]
    files = listed_files(table, list(zip(lines, paths, strict=True)))
    found = [
        Clip(
            file,
            composed(label) or None,
            part if any(parts) else None,
            (group or None) if used["group"] else film_of(file.name),
            *_stretch(table, line, (start, end), has_decimal_commas=opened.delimiter != ","),
        )
        for line, file, label, part, group, start, end in zip(
            lines, files, labels, parts, groups, starts, ends, strict=True
        )
    ]
    return Listing(found, f"{table}, column '{used['label']}'")


def _columns_used(
    table: Path, asked: Mapping[str, str | None], columns: Sequence[str]
) -> dict[str, str | None]:
    """Choose the column of each field, None where there is none. Parts are chosen later, by cells."""
    used: dict[str, str | None] = {}
    for option, column in asked.items():
        is_default = column == COLUMNS[option]
        used[option] = column if column in columns else None
        if is_default and option != "split":
            used[option] = _find(table, option, columns)
        needed = option in ("path", "label") or not (is_default or column is None)
        if needed and used[option] is None and columns:
            raise InputError(_missing(table, option, column or option, columns))
    require_once([column for column in used.values() if column], columns, source=str(table))
    return used


def _find(table: Path, option: str, columns: Sequence[str]) -> str | None:
    return find_column(_NAMES[option], columns, source=str(table), option=f"--data.{option}_column")


def _tell_of_names(
    table: Path, used: Mapping[str, str | None], asked: Mapping[str, str | None]
) -> None:
    others = [
        f"{column} as {option}"
        for option, column in used.items()
        if column and asked[option] == COLUMNS[option] != column
    ]
    if others:
        log.warning("%s: columns are read by their usual names: %s", table, ", ".join(others))


def _of_parts(table: Path, columns: Sequence[str], rows: Sequence[Row]) -> list[str]:
    """List the columns that have a usual name for parts and hold names of parts alone."""
    found = []
    for column in columns_named(SPLIT, columns):
        cells = {row.get(column, "").strip() for _, row in rows} - {""}
        others = sorted(cell for cell in cells if cell.lower() not in PART_NAMES)
        if cells and not others:
            found.append(column)
        elif len(others) < len(cells):
            log.warning(
                "%s: the column '%s' is not read as parts: '%s' is none of train, val, test;"
                " correct it, and name the column by --data.split_column",
                *(table, column, others[0]),
            )
    return found


def _missing(table: Path, option: str, column: str, columns: Sequence[str]) -> str:
    line = (
        f"{table}: no column '{column}': its columns are {', '.join(columns)}; name the right one by"
        f" --data.{option}_column"
    )
    every = [name for names in _NAMES.values() for name in names]
    if not columns_named(every, columns):
        line += (
            ", or, if these are no names but a row, name the columns by --data.columns=path,label"
        )
    return line


def _tell_of_times(
    table: Path, used: Mapping[str, str | None], columns: Sequence[str], cells: Sequence[str]
) -> None:
    """Log how times are read, and which columns may hold times and are not read."""
    if clock := next((cell for cell in cells if is_clock(cell)), None):
        log.warning("%s: times such as %s are read as [hours:]minutes:seconds", table, clock)
    ignored = [column for column in columns_like_times(columns) if column not in used.values()]
    if ignored:
        rest = "only the column that is" if any(cells) else "no time is, and clips are whole files"
        log.warning(
            "%s: the column(s) %s are not read: %s; times are read in seconds, from the columns"
            " start_seconds and end_seconds (--data.start_seconds_column, --data.end_seconds_column)",
            *(table, ", ".join(ignored), rest),
        )


def _stretch(
    table: Path, line: int, cells: tuple[str, str], *, has_decimal_commas: bool
) -> tuple[float | None, float | None]:
    """Start and end of a clip in seconds, None for an empty cell."""
    try:
        start, end = (
            parse_seconds(cell, has_decimal_commas=has_decimal_commas) if cell else None
            for cell in cells
        )
    except ValueError:
        start = end = -1.0
    if (start or 0) < 0 or (end is not None and end <= (start or 0)):
        raise InputError(
            f"{table}, line {line}: from '{cells[0]}' to '{cells[1]}' seconds is no stretch of a"
            " clip: allowed are numbers with 0 <= start < end, or empty cells, or times such as"
            " 1:30.5 and 0:01:30; correct the row, or read whole files by"
            " --data.start_seconds_column=null --data.end_seconds_column=null"
        )
    return start, end


def parse_seconds(text: str, *, has_decimal_commas: bool = False) -> float:
    """Parse a time: ``90``, ``90.5``, ``1:30`` (min:s) or ``0:01:30.5`` (h:min:s), in seconds.

    Args:
        text: the time, without blanks around it.
        has_decimal_commas: whether ``1,5`` is a number. After a colon a comma always is a point.

    Raises:
        ValueError: other texts, e.g. ``-1``, ``nan``, ``1:75``, ``4s``, ``00:00:01:12``.
    """
    if clock := _CLOCK.fullmatch(text):
        hours, minutes, seconds = clock.groups()
        if hours is not None and int(minutes) > 59:
            raise ValueError(f"no time: {text}")
        return int(hours or 0) * 3600 + int(minutes) * 60 + float(seconds.replace(",", "."))
    if has_decimal_commas and text.count(",") == 1 and "." not in text:
        text = text.replace(",", ".")
    if not _NUMBER.fullmatch(text) or not math.isfinite(number := float(text)):
        raise ValueError(f"no time: {text}")
    return number


def is_clock(text: str) -> bool:
    """Whether a time is in clock notation."""
    return ":" in text
