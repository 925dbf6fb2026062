"""Tables that list clips: CSV files as people, spreadsheets and other programs write them."""

import codecs
import csv
import io
import math
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from data.clip import Clip, film_of, local_path
from data.errors import InputError

#: what a manifest says of a clip → what the columns are called if nothing else is said
COLUMNS = {
    name: name for name in ("path", "label", "split", "group", "start_seconds", "end_seconds")
}
DELIMITERS = ",;\t|"


def manifest(table: Path, columns: dict[str, str]) -> list[Clip]:
    """The clips that a table lists; their paths are relative to it, or absolute.

    Without a column of groups, file names as in UCF-101 give them (see `film_of`).

    Args:
        table: see `open_table`.
        columns: what the columns ``path``, ``label``, ``split``, ``group``, ``start_seconds`` and
            ``end_seconds`` are called there; those after the second may be missing, unless they
            are called by another name.

    Raises:
        InputError: a column that is missing, no row, a row without a path, a stretch of time that
            is none.
    """
    columns = COLUMNS | columns
    present, rows = open_table(table, names=list(columns.values()))
    for option, column in columns.items():
        needed = option in ("path", "label") or column != COLUMNS[option]
        if needed and present and column not in present:
            raise InputError(
                f"{table}: no column '{column}': its columns are {', '.join(present)}; name the"
                f" right one by --data.{option}_column"
            )
    has_groups = columns["group"] in present
    found = []
    for line, row in rows:
        path, label, part, group = (
            row.get(columns[option], "").strip() for option in ("path", "label", "split", "group")
        )
        if not path:
            raise InputError(f"{table}, line {line}: no path; fill it in or drop the row")
        start_seconds, end_seconds = _stretch(table, line, row, columns)
        found.append(
            Clip(
                table.parent / local_path(path),
                label or None,
                part,
                (group or None) if has_groups else film_of(Path(path).name),
                start_seconds,
                end_seconds,
            )
        )
    if not found:
        raise InputError(f"{table}: lists no clip; there must be a row each")
    if not any(clip.part for clip in found):
        found = [clip._replace(part=None) for clip in found]
    return found


def open_table(
    table: Path, *, names: Sequence[str]
) -> tuple[list[str], Iterator[tuple[int, dict[str, str]]]]:
    """Names of the columns, and of each row its line in the file and its cells by column.

    Lines without a cell are passed over, cells without a column too; a cell that is missing at the
    end of a row is missing in its dict.

    Args:
        table: a CSV file with a line of column names; commas, semicolons, tabs or bars between
            the cells; UTF-8 (what is not UTF-8 is replaced by U+FFFD), or UTF-16 with its mark.
        names: columns to look for: what stands between cells is what makes most of them appear.

    Raises:
        InputError: quotes that do not close.
    """
    content = table.read_bytes()
    marked = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    text = content.decode("utf-16" if marked else "utf-8-sig", errors="replace")
    first_line = re.split(r"[\r\n]", text.lstrip(" \r\n"), maxsplit=1)[0]

    def columns_found(delimiter: str) -> tuple[int, int]:
        cells = [cell.strip(' "') for cell in first_line.split(delimiter)]
        return len(set(names) & set(cells)), len(cells)

    reader = csv.reader(
        io.StringIO(text, newline=""),
        delimiter=max(DELIMITERS, key=columns_found),
        skipinitialspace=True,
        strict=True,
    )

    def rows() -> Iterator[list[str]]:
        try:
            for row in reader:
                if any(cell and not cell.isspace() for cell in row):
                    yield row
        except csv.Error as error:
            raise InputError(
                f"{table}, line {reader.line_num}: {error}; mend the quotes around its cells"
            ) from error

    lines = rows()
    header = [cell.strip() for cell in next(lines, [])]
    return header, ((reader.line_num, dict(zip(header, row, strict=False))) for row in lines)


def _stretch(
    table: Path, line: int, row: dict[str, str], columns: dict[str, str]
) -> tuple[float | None, float | None]:
    """Start and end of a row in seconds; None where its cell is empty."""
    cells = [row.get(columns[option], "").strip() for option in ("start_seconds", "end_seconds")]
    try:
        start, end = (float(cell) if cell else None for cell in cells)
    except ValueError:
        start = end = math.nan
    finite = all(math.isfinite(seconds) for seconds in (start, end) if seconds is not None)
    if not finite or (start or 0) < 0 or (end is not None and end <= (start or 0)):
        raise InputError(
            f"{table}, line {line}: from '{cells[0]}' to '{cells[1]}' seconds is no stretch of a"
            " clip: allowed are numbers with 0 <= start < end, or empty cells; correct the row"
        )
    return start, end
