"""Formats of tables: suffixes, and the options for what a file does not say of itself."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from data.files.compressed import SUFFIXES, is_compressed, plain_name
from data.files.encodings import check_encoding, open_text
from data.files.errors import InputError

#: formats by the suffixes of files
FORMATS = {
    **dict.fromkeys((".csv", ".tsv"), "csv"),
    **dict.fromkeys((".jsonl", ".json", ".ndjson"), "json"),
    **dict.fromkeys((".parquet",), "parquet"),
}
#: readable suffixes, for errors
READABLE = f"{', '.join(FORMATS)} (also compressed: {' '.join(SUFFIXES)})"

_SAMPLE = 1000

Quoting = Literal["double", "none"]
_ADVICE = {
    **dict.fromkeys(
        (".xlsx", ".xls", ".xlsm", ".ods", ".numbers"),
        "a spreadsheet: save it as CSV (UTF-8), and name that file",
    ),
    **dict.fromkeys(
        (".sqlite", ".sqlite3", ".db"), "a database: write the rows to a CSV file, and name that"
    ),
    **dict.fromkeys(
        (".pkl", ".pickle"),
        "a pickle, which can run code when it is opened: write its rows to a CSV or Parquet file",
    ),
    **dict.fromkeys(
        (".arrow", ".feather"), "an Arrow file: write it as Parquet (pyarrow.parquet.write_table)"
    ),
    **dict.fromkeys(
        (".tar", ".tgz", ".7z", ".rar"), "an archive: unpack it, and name what is in it"
    ),
    ".txt": "plain text, which has no columns: if it is a table, end its name in .csv or .tsv (and"
    " name its columns, e.g. by --data.columns=label,text, where it has no line of names); texts of"
    " one class each go into folder/<class>/*.txt",
}


class TableFormat(NamedTuple):
    """Options for the format of a table."""

    columns: tuple[str, ...] | None = None
    """Names of the columns of a CSV file without a header."""
    encoding: str | None = None
    """See `encodings.open_text`."""
    quoting: Quoting = "double"
    """Meaning of quotes in CSV: cells may stand in double quotes, or quotes are literal."""
    prefix: str = "--data."
    """Prefix of command-line options, for errors."""
    has_options: bool = True
    """Whether the command line has options for encoding and quoting; for lists of clips it has not."""

    @property
    def csv_quoting(self) -> Literal[0, 3]:
        """Constant of the module `csv` for the quoting."""
        return csv.QUOTE_NONE if self.quoting == "none" else csv.QUOTE_MINIMAL

    def option(self, name: Literal["encoding", "quoting"]) -> str | None:
        """Name of an option for errors; None where the command line has none."""
        return f"{self.prefix}{name}" if self.has_options else None


#: the defaults
UNSAID = TableFormat()


def table_format(
    *, columns: str | None, encoding: str | None, quoting: str, prefix: str = "--data."
) -> TableFormat:
    """Make the format of command-line options.

    Raises:
        InputError: an unknown encoding or quoting, or a column that is unnamed or named twice.
    """
    names = named_columns(columns, prefix=prefix, example="label,text")
    if quoting not in ("double", "none"):
        raise InputError(f"{prefix}quoting={quoting}: allowed are double and none")
    if encoding is not None:
        check_encoding(encoding, option=f"{prefix}encoding")
    return TableFormat(names, encoding, "none" if quoting == "none" else "double", prefix)


def named_columns(
    option: str | None, *, prefix: str = "--data.", example: str
) -> tuple[str, ...] | None:
    """Parse ``--data.columns=path,label`` into names; None where the option is not given.

    Raises:
        InputError: an empty or repeated name.
    """
    if option is None:
        return None
    names = tuple(name.strip() for name in option.strip("[]").split(","))
    if not all(names) or len(set(names)) < len(names):
        raise InputError(
            f"{prefix}columns={option}: name each column once, in their order, with commas between"
            f" them, e.g. {example}"
        )
    return names


def table_stem(path: Path) -> str | None:
    """Strip the suffixes of a table, also of a compressed one; None if the file is no table.

    ``test.gz`` and ``test.zip`` may be tables: some programs leave the inner suffix out.
    """
    is_packed = path.suffix.lower() in SUFFIXES
    name = Path(path.stem if is_packed else path.name)
    may_be = name.suffix.lower() in FORMATS or (is_packed and not name.suffix)
    return name.stem if may_be else None


def advice_for(path: Path) -> str | None:
    """Advice for a table in a format that is not read; None for any other file."""
    return None if path.suffix.lower() == ".txt" else _ADVICE.get(path.suffix.lower())


def is_table_file(path: Path) -> bool:
    """Whether an existing file, or the only member of it, has the suffix of a table."""
    return Path(plain_name(path)).suffix.lower() in FORMATS


def require_table(path: Path, *, allowed: Sequence[str] = ()) -> str:
    """Tell the format of a table by its suffix.

    Args:
        path: path of an existing file.
        allowed: further suffixes that the caller reads, for the error.

    Raises:
        InputError: another kind of file; the error says what to do.
    """
    name = Path(plain_name(path))
    suffix = name.suffix.lower()
    kind = FORMATS.get(suffix)
    if suffix == "" and is_compressed(path):
        # Some programs leave the inner suffix out.
        with open_text(path) as file:
            kind = "json" if file.read(_SAMPLE).lstrip().startswith(("{", "[")) else "csv"
    if kind is None:
        advice = f"; it is {_ADVICE[suffix]}" if suffix in _ADVICE else ""
        raise InputError(
            f"{path}: a file of type '{suffix}' is not read; allowed are"
            f" {', '.join(allowed)}{', ' if allowed else ''}{READABLE}{advice}"
        )
    if kind == "parquet" and name.name != path.name:
        raise InputError(f"{path}: Parquet within a compressed file is not read; unpack it")
    return kind
