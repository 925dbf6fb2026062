"""Records: the numbered rows of an input, read from any place on.

A source of records reads forward: the pieces of a shard ascend, so that no row is read twice.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from data.clips.clip import local_path
from data.clips.manifest import parse_seconds
from data.decoding.sampling import WHOLE, Section
from pipelines.predict.inputs import Item, cell_item


class Record(NamedTuple):
    """A row of the input."""

    item: Item
    """What is answered."""
    source: str
    """Text, or path as the input names it."""
    id: Any = None
    """Value of the column of ids, where there is one."""


class Records(ABC):
    """Rows of an input."""

    #: digest of the input's content, which does not depend on its place or time
    fingerprint: str
    #: type of the ids; None: there are none
    id_type: pa.DataType | None = None
    #: whether records are sections of clips
    has_sections: bool = False

    @abstractmethod
    def count(self) -> int:
        """Number of rows; the whole input may be read for it."""

    @abstractmethod
    def read(self, start: int, stop: int) -> Iterator[Record]:
        """Rows ``start`` to ``stop`` - 1. Calls with ascending rows read each of them once."""

    def num_decoded(self, ranges: Iterable[tuple[int, int]]) -> int:
        """Number of rows that are decoded for some ascending ranges: all before the last one's end."""
        return max((stop for _, stop in ranges), default=0)


class Columns(NamedTuple):
    """Columns of a table, by their use."""

    source: str
    """Texts, or paths."""
    id: str | None = None
    start_seconds: str | None = None
    end_seconds: str | None = None

    @property
    def names(self) -> list[str]:
        """Those that are there, each once."""
        return list(dict.fromkeys(name for name in self if name is not None))


class RecordMaker:
    """Makes records of cells.

    Args:
        columns: the columns of the table.
        folder: the folder that paths are relative to; None: the sources are texts.
    """

    def __init__(self, columns: Columns, folder: Path | None) -> None:
        self.columns, self.folder = columns, folder

    def of(
        self, cells: Mapping[str, Any], *, place: str = "", problem: str | None = None
    ) -> Record:
        """Make the record of a row.

        Args:
            cells: values by column; what is missing is None.
            place: the row in problems, such as ``line 7``.
            problem: reason that the row cannot be used.
        """
        source = cells.get(self.columns.source)
        where = f"'{self.columns.source}'{f' in {place}' if place else ''}"
        number = cells.get(self.columns.id) if self.columns.id else None
        if problem is not None:
            shown = source or place
            return Record(Item(shown, f"{place} {problem}".strip()), shown, number)
        if self.folder is None:
            item = cell_item(source, where)
            return Record(item, item.source, number)
        if not source:
            return Record(Item("", f"there is no {where}"), "", number)
        path = str(self.folder / local_path(source))
        try:
            section = self._section(cells)
        except ValueError as error:
            return Record(Item(path, str(error)), source, number)
        return Record(Item(path, None, section), source, number)

    def _section(self, cells: Mapping[str, Any]) -> Section:
        names = (self.columns.start_seconds, self.columns.end_seconds)
        if names == (None, None):
            return WHOLE
        texts = [(cells.get(name) or "").strip() if name else "" for name in names]
        start, end = (parse_seconds(text) if text else None for text in texts)
        if end is not None and end <= (start or 0):
            raise ValueError(f"from {texts[0] or 0} to {texts[1]} seconds is no stretch of a clip")
        return Section(start, end)
