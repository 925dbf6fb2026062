"""Pairs of texts: tables with two columns, or two files whose lines belong together."""

import os
from pathlib import Path
from typing import Any, NamedTuple

from data.files.cache import cache_folder
from data.files.encodings import read_text
from data.files.errors import InputError, options_called
from data.plain_text.content import clean
from data.tables.table_format import TableFormat
from data.text.sources import read_table

# The readers of tables ask for a text and its label; here these are a source and its target.
_OPTIONS = {
    "--data.text_column": "--data.source_column",
    "--data.label_column": "--data.target_column",
}


class Pairs(NamedTuple):
    """Pairs of a source in its order."""

    sources: list[str]
    targets: list[str]
    parts: list[Any] | None
    """Part of each pair in the source; None if it names none."""
    problems: dict[int, str]
    """Rows that cannot be used, with the reason; a side that is empty is one."""
    where: str
    """Name of the source in errors."""

    @property
    def usable(self) -> list[int]:
        """Rows that can be used."""
        return [row for row in range(len(self.sources)) if row not in self.problems]


def read_pairs(
    source: str,
    *,
    source_column: str,
    target_column: str,
    split_column: str | None,
    format: TableFormat,
) -> Pairs:
    """Read a table, a data set of the hub, or two aligned files, ``train.en:train.de``.

    Args:
        source: path of a table, name on the hub, or two paths of text files joined by a colon; these
            may be compressed.
        source_column, target_column: required columns of a table.
        split_column: column of the parts; None leaves it unread.
        format: options of files.

    Raises:
        InputError: a missing or unreadable source, a missing column, files with other numbers of
            lines, or no pair that can be used.
    """
    files = _two_files(source)
    if files is not None:
        sources, targets = (_lines(file, format) for file in files)
        if len(sources) != len(targets):
            raise InputError(
                f"{source}: {files[0]} has {len(sources):,} lines and {files[1]} has"
                f" {len(targets):,}; line n of one must translate line n of the other"
            )
        parts, problems = None, {}
    else:
        with options_called(_OPTIONS):
            table = read_table(
                source,
                text_column=source_column,
                label_column=target_column,
                split_column=split_column,
                group_column=None,
                cache=cache_folder(),
                format=format,
            )
        sources = [clean(text or "") for text in table.texts["text"]]
        targets = ["" if one is None else clean(str(one)) for one in table.labels]
        if table.classes is not None and not any(isinstance(one, str) for one in table.labels):
            targets = ["" if one is None else table.classes[int(one)] for one in table.labels]
        parts, problems = table.parts, dict(table.problems)
    for row, (one, other) in enumerate(zip(sources, targets, strict=True)):
        if row not in problems and not (one.strip() and other.strip()):
            side = "target" if one.strip() else "source"
            problems[row] = f"row {row} has an empty {side}"
    found = Pairs(sources, targets, parts, problems, source)
    if not found.usable:
        reason = f", e.g. {next(iter(problems.values()))}" if problems else ""
        raise InputError(f"{source}: no pair of two texts{reason}; fill in both sides")
    return found


def _two_files(source: str) -> tuple[Path, Path] | None:
    """The two files of ``a:b``, where both sides are given as paths; None: it is no such source."""
    if os.path.lexists(source) or ":" not in source:
        return None
    # A drive letter of Windows is no file of its own.
    places = [k for k, sign in enumerate(source) if sign == ":"]
    choices = [(Path(source[:k]), Path(source[k + 1 :])) for k in places]
    found = next((pair for pair in choices if all(map(os.path.isfile, pair))), None)
    if found is not None:
        return found
    missing = next((one for pair in choices for one in pair if not os.path.isfile(one)), None)
    raise InputError(
        f"{source}: {missing} is no file; give two text files whose lines belong together,"
        " e.g. train.en:train.de"
    )


def _lines(file: Path, format: TableFormat) -> list[str]:
    text = read_text(file, encoding=format.encoding)
    # Only line feeds end a line: other separators are characters of it.
    lines = text.split("\n")
    return [clean(line) for line in (lines[:-1] if lines[-1] == "" else lines)]
