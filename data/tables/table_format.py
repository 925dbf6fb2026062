"""How a file of rows is written, as far as it does not say so itself."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from data.files.compressed import SUFFIXES, is_compressed, plain_name
from data.files.encodings import check_encoding, open_text
from data.files.errors import InputError

#: what files of each ending hold
FORMATS = {
    **dict.fromkeys((".csv", ".tsv"), "csv"),
    **dict.fromkeys((".jsonl", ".json", ".ndjson"), "json"),
    **dict.fromkeys((".parquet",), "parquet"),
}
#: the endings, and those of compressed files, for errors
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
    """Options that say how a file of rows is written."""

    columns: tuple[str, ...] | None = None
    """Names for the columns of a CSV file that has no line of them."""
    encoding: str | None = None
    """See `encodings.open_text`."""
    quoting: Quoting = "double"
    """Quotes in CSV: cells may stand in double ones, or they mean nothing."""
    prefix: str = "--data."
    """The beginning of options on the command line, for errors."""
    has_options: bool = True
    """Whether options name the encoding and the quoting, as for texts; lists of clips have none."""

    @property
    def csv_quoting(self) -> Literal[0, 3]:
        """As `csv` calls it."""
        return csv.QUOTE_NONE if self.quoting == "none" else csv.QUOTE_MINIMAL

    def option(self, name: Literal["encoding", "quoting"]) -> str | None:
        """The option to name in an error; None where there is none."""
        return f"{self.prefix}{name}" if self.has_options else None


#: where a person says nothing
UNSAID = TableFormat()


def table_format(
    *, columns: str | None, encoding: str | None, quoting: str, prefix: str = "--data."
) -> TableFormat:
    """The format that options name.

    Raises:
        InputError: an encoding or a way to quote that does not exist, a column without a name, or
            named twice.
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
    """The names in ``--data.columns=path,label``; None where nothing is said.

    Raises:
        InputError: a name is empty, or there twice.
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
    """A table's name without its endings, also those of a compressed one; None of what is no table.

    Programs leave the ending out of what they compress: ``test.gz`` and ``test.zip`` may be tables.
    """
    is_packed = path.suffix.lower() in SUFFIXES
    name = Path(path.stem if is_packed else path.name)
    may_be = name.suffix.lower() in FORMATS or (is_packed and not name.suffix)
    return name.stem if may_be else None


def advice_for(path: Path) -> str | None:
    """Advice for a file of rows of a kind that is not read; None for any other file."""
    return None if path.suffix.lower() == ".txt" else _ADVICE.get(path.suffix.lower())


def is_table_file(path: Path) -> bool:
    """Whether a file that is there, or the only one within it, is named like a table."""
    return Path(plain_name(path)).suffix.lower() in FORMATS


def require_table(path: Path, *, allowed: Sequence[str] = ()) -> str:
    """The format of a table file.

    Args:
        path: a file that is there.
        allowed: endings of other files that are read, for the error.

    Raises:
        InputError: another kind of file, with what to do about it.
    """
    name = Path(plain_name(path))
    suffix = name.suffix.lower()
    kind = FORMATS.get(suffix)
    if suffix == "" and is_compressed(path):
        # Programs leave the ending out of what they compress.
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
