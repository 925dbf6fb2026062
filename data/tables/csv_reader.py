"""Reader of CSV files: encoding, compression, delimiter, quotes, line ends and line numbers.

Tables of texts and lists of clips share it. The meaning of rows is left to the callers.
"""

import csv
import itertools
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from data.files.encodings import BAD_BYTE, not_decodable, open_text
from data.files.errors import InputError
from data.files.signatures import require_rows_of_text
from data.tables.column_names import columns_named
from data.tables.table_format import UNSAID, TableFormat

DELIMITERS = ",;\t|"
#: scope of the error for a byte that cannot be decoded
BadBytes = Literal["file", "row"]

# The csv module limits cells to 128 KiB by default. One of more characters than this is no text to read:
# quotes that do not close swallow the rest of a file.
_LONGEST_CELL = 2**26
_NUM_CHARACTERS = 2**20
# The first line by which Excel is told the delimiter. Programs append delimiters of their own to it.
_SEPARATOR = re.compile(r"\s*\"?sep=([^\"\s]|\t)? ?\"?[,;\s]*", re.IGNORECASE)


class CsvHead(NamedTuple):
    """The beginning of a file."""

    lines: list[str]
    """Its first lines, without the one that names the delimiter."""
    num_before: int
    """Number of lines above these: 1 where one names the delimiter, else 0."""
    delimiter: str | None
    """The delimiter that the file names itself."""


class CsvLayout(NamedTuple):
    """Layout of a file: columns, delimiter, and the beginning of the rows."""

    columns: list[str]
    """Names of the columns; empty where the file is."""
    delimiter: str
    num_before: int
    """Number of lines to pass over at the top."""
    has_names: bool
    """Whether the first record below those is the names of the columns."""
    suggested: str | None = None
    """Names for the columns, where what stands in their place looks like a row."""


class CsvRecord(NamedTuple):
    """A record as it stands in the file."""

    line: int
    """The line it begins in, counted from 1."""
    cells: list[str]
    written: str
    """Its cells and the delimiters between them."""
    encoding: str
    """The encoding of the file."""


def csv_head(path: Path, *, format: TableFormat = UNSAID, num_lines: int = 100) -> CsvHead:
    """Read the first lines of a file.

    Raises:
        InputError: the file is certainly no text (see `require_rows_of_text`).
        OSError: it cannot be opened.
    """
    csv.field_size_limit(_LONGEST_CELL)
    # A first row may be any text; names of columns are neither markup nor JSON.
    require_rows_of_text(path, encoding=format.encoding, may_be_markup=format.columns is not None)
    lines: list[str] = []
    num_characters = 0
    with open_text(path, encoding=format.encoding, newline="") as file:
        for line in itertools.islice(file, num_lines):
            lines.append(BAD_BYTE.sub("\ufffd", line))
            num_characters += len(line)
            if num_characters > _NUM_CHARACTERS:
                break
    named = _SEPARATOR.fullmatch(lines[0]) if lines else None
    return CsvHead(lines[1:], 1, named[1]) if named else CsvHead(lines, 0, None)


def records_in(
    lines: Sequence[str], delimiter: str, *, format: TableFormat = UNSAID
) -> list[list[str]]:
    """Parse the first lines into records; blank records are left out.

    Errors are ignored here: `csv_records` finds them.
    """
    reader = csv.reader(
        lines, delimiter=delimiter, quoting=format.csv_quoting, skipinitialspace=True
    )
    return [cells for cells in reader if any(cell.strip() for cell in cells)]


def cells_of(line: str, delimiter: str, *, format: TableFormat = UNSAID) -> list[str]:
    """Parse one line into cells, without blanks and quotes around. There is at least one cell."""
    reader = csv.reader(
        [line], delimiter=delimiter, quoting=format.csv_quoting, skipinitialspace=True
    )
    return [cell.strip(' "\r\n') for cell in next(reader, [])] or [""]


def likely_delimiter(
    lines: Sequence[str],
    names: Sequence[str],
    *,
    others: Sequence[str] = (),
    num_columns: int | None = None,
    usual: str = ",",
    format: TableFormat = UNSAID,
) -> str:
    """Choose the delimiter by which most of the names appear in the first line.

    Where no name appears, the delimiter that divides most lines into equal numbers of cells wins.

    Args:
        lines: the first lines of a file.
        names: columns that are looked for.
        others: further names that columns bear; they count where none of ``names`` appears.
        num_columns: the number of cells in a row, where it is known.
        usual: the delimiter to prefer where nothing else decides.
        format: options of the file.
    """
    first = lines[0] if lines else ""

    def evidence(delimiter: str) -> tuple[int, ...]:
        cells = cells_of(first, delimiter, format=format)
        if found := len(set(columns_named(names, cells))):
            return found, len(cells), delimiter == usual
        records = records_in(lines, delimiter, format=format)
        wanted = num_columns or len(records[0] if records else ())
        alike = sum(len(row) == wanted for row in records) if num_columns or wanted > 1 else 0
        known = len(set(columns_named(others, cells)))
        return 0, known, alike, delimiter == usual, len(cells)

    return max(DELIMITERS, key=evidence)


def csv_records(
    path: Path,
    layout: CsvLayout,
    *,
    format: TableFormat = UNSAID,
    bad_bytes: BadBytes = "file",
) -> Iterator[CsvRecord]:
    """Read the records below the names of the columns. Blank lines are passed over.

    A cell stands in double quotes where it holds a delimiter or a line end, and quotes in quotes are
    doubled (RFC 4180). Blanks at the beginning of a cell are left out.

    Args:
        path: the file.
        layout: layout of the file.
        format: options of the file.
        bad_bytes: treatment of bytes that cannot be decoded: with ``file`` they are an error, with
            ``row`` they stay in their row, where `BAD_BYTE` matches them.

    Raises:
        InputError: quotes that do not close; with ``file``, a byte that cannot be decoded.
    """
    with open_text(path, encoding=format.encoding, newline="") as file:
        for _ in range(layout.num_before):
            file.readline()
        reader = csv.reader(
            file,
            delimiter=layout.delimiter,
            quoting=format.csv_quoting,
            skipinitialspace=True,
            strict=True,
        )
        line = 1 + layout.num_before
        is_names = layout.has_names
        try:
            for cells in reader:
                # In a table of several columns, a blank cell alone is a blank line.
                if cells and (len(layout.columns) == 1 or len(cells) > 1 or cells[0].strip()):
                    written = layout.delimiter.join(cells)
                    bad = BAD_BYTE.search(written) if bad_bytes == "file" else None
                    if bad is not None:
                        # A record may go on over several lines.
                        line += written[: bad.start()].count("\n")
                        option = format.option("encoding")
                        raise not_decodable(
                            path, line, bad[0], encoding=file.encoding, option=option
                        )
                    if not is_names:
                        yield CsvRecord(line, cells, written, file.encoding)
                    is_names = False
                line = 1 + layout.num_before + reader.line_num
        except csv.Error as error:
            quoting = format.option("quoting")
            remedy = f"; where quotes mean nothing, give {quoting}=none" if quoting else ""
            raise InputError(
                f"{path}, line {line}: its quotes cannot be followed ({error}); close each, and"
                f' write one within a text twice: ""{remedy}'
            ) from error


def wrong_number(cells: Sequence[str], layout: CsvLayout, *, format: TableFormat = UNSAID) -> str:
    """Reason that a record with another number of cells cannot be used, to follow its place."""
    advice = "fill in what is missing"
    if len(cells) > len(layout.columns):
        advice = f"a text with '{layout.delimiter}' in it must stand in double quotes"
    count = f"there are {len(layout.columns)} columns"
    if layout.has_names:
        count = f"the line of column names has {len(layout.columns)}"
    elif format.columns is not None:
        count = f"{format.prefix}columns names {len(layout.columns)}"
    return f"has {len(cells)} cell(s) where {count}: {advice}"
