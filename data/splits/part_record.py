"""Which part each example stood in when a model was trained, told by its content.

A source changes: rows are added, dropped and sorted anew. What a model was tested on must not be
drawn again from what is there today, or it would be tested on what it has learnt from.

m examples of the three parts at training · n examples of the source today
"""

import logging
from collections.abc import Mapping
from typing import Any, NamedTuple, Self

import numpy as np
import torch

from data.files.errors import InputError
from data.splits.parts import PARTS

log = logging.getLogger(__name__)


class PartRecord(NamedTuple):
    """The examples of all parts, in the order of their source."""

    contents: np.ndarray
    """(m,) int64: alike for examples of the same content; 0 is no content."""
    parts: np.ndarray
    """(m,) int8: place in `data.splits.parts.PARTS`."""
    reported: str
    """The source's own name for the part ``test``."""
    files: np.ndarray
    """(m,) int64: alike for examples of one file, which `contents` tells apart by their sections."""

    @classmethod
    def of(
        cls,
        rows: Mapping[str, np.ndarray],
        contents: np.ndarray,
        *,
        reported: str,
        files: np.ndarray,
    ) -> Self:
        """The record of a division.

        Args:
            rows: rows of each part.
            contents: (n,) int64, of all rows.
            reported: what the source calls the part ``test``.
            files: (n,) int64: see above.
        """
        members = np.concatenate([rows[part] for part in PARTS])
        codes = np.repeat(np.arange(len(PARTS), dtype=np.int8), [len(rows[p]) for p in PARTS])
        order = np.argsort(members)
        return cls(contents[members[order]], codes[order], reported, files[members[order]])

    def plain(self) -> dict[str, Any]:
        """Values that a checkpoint can keep."""
        return {
            "contents": torch.from_numpy(self.contents),
            "parts": torch.from_numpy(self.parts),
            "reported": self.reported,
            "files": torch.from_numpy(self.files),
        }

    @classmethod
    def from_plain(cls, values: Mapping[str, Any]) -> Self:
        """The record from the values that `plain` gave.

        Raises:
            InputError: a file holds something else.
        """
        contents, parts, files = (values[k].numpy() for k in ("contents", "parts", "files"))
        shapes = {contents.shape, parts.shape, files.shape}
        if (
            len(shapes) > 1
            or contents.ndim != 1
            or {contents.dtype, files.dtype} != {np.dtype("int64")}
        ):
            raise InputError("what the checkpoint says of its parts is damaged; give another one")
        return cls(contents, parts, values["reported"], files)

    def is_of(self, contents: np.ndarray) -> bool:
        """Whether a source is the one that was divided, as it is today: half of it, or more, is."""
        shares = np.isin(contents, self.contents), np.isin(self.contents, contents)
        return any(share.mean() >= 0.5 for share in shares if len(share))

    def find(self, contents: np.ndarray) -> np.ndarray:
        """The part of each example of today.

        Copies of one content are taken in the order of the source. Where copies have gone or come,
        which one is which cannot be told: then those that were learnt from are found first.

        Args:
            contents: (n,) int64.

        Returns:
            (n,) int8: place in `PARTS`, -1 for what is new.
        """
        found = np.full(len(contents), -1, np.int8)
        if len(self.contents) == 0 or len(contents) == 0:
            return found
        now, then = np.argsort(contents, kind="stable"), np.argsort(self.contents, kind="stable")
        sorted_now, sorted_then = contents[now], self.contents[then]
        num_now = _count(sorted_now, self.contents)
        is_same = num_now == _count(sorted_then, self.contents)
        by_part = np.where(is_same, 0, self.parts)
        sorted_parts = self.parts[np.lexsort((by_part, self.contents))]
        # The k-th copy of today is the k-th copy of then.
        copy = np.arange(len(contents)) - np.searchsorted(sorted_now, sorted_now)
        place = np.searchsorted(sorted_then, sorted_now) + copy
        place = np.minimum(place, len(sorted_then) - 1)
        is_known = (sorted_then[place] == sorted_now) & (sorted_now != 0)
        is_known &= copy < _count(sorted_then, sorted_now)
        found[now[is_known]] = sorted_parts[place[is_known]]
        return found

    def divide(
        self, contents: np.ndarray, *, files: np.ndarray, part: str, where: str
    ) -> tuple[dict[str, np.ndarray], str, dict[str, Any]]:
        """The parts as they were, as far as they are still there.

        Args:
            contents: (n,) int64, of the source today.
            files: see `of`.
            part: the part that is to be reported.
            where: what to call the source in an error.

        Returns:
            Rows of each part, what the source calls the reported one, and for the report how many
            of its examples are gone, how many new ones the source has, and what `describe_met` says.

        Raises:
            InputError: nothing is left of the part.
        """
        found = self.find(contents)
        # A source may name one part beside the training part: that one is tested, under its own name.
        names = [
            self.reported if name == "test" and part == self.reported else name for name in PARTS
        ]
        rows = {name: np.flatnonzero(found == k) for k, name in enumerate(names)}
        num_then = np.bincount(self.parts[self.contents != 0], minlength=len(PARTS))
        num_gone = num_then - [len(rows[name]) for name in names]
        num_new = int(((found == -1) & (contents != 0)).sum())
        at = names.index(part)
        if len(rows[part]) == 0:
            raise InputError(
                f"{where}: none of the {num_then[at]:,} example(s) that were the part '{part}' when the"
                " model was trained is there; restore them, or name data to test on by --data.path"
            )
        if num_new or num_gone.any():
            log.warning(
                "%s: has changed since the model was trained. The part '%s' is what it was then; %s of"
                " its %s example(s) are gone. %s new one(s) are left out: to test on them, name data"
                " that hold them by --data.path.",
                *(where, part, f"{num_gone[at]:,}", f"{num_then[at]:,}", f"{num_new:,}"),
            )
        notes = {"changed_since_training": {"gone": int(num_gone[at]), "new": num_new}}
        if names[at] in ("train", "val"):
            notes |= self.describe_met(files[rows[part]], where=where)
        reported = self.reported if part == "test" else part
        return {name: of for name, of in rows.items() if len(of)}, reported, notes

    def describe_met(self, files: np.ndarray, *, where: str) -> dict[str, Any]:
        """For the report: how many examples the model has met, also told in a line.

        Another section of a film that was learnt from is met too: parts are drawn by whole files.

        Args:
            files: (n,) int64, of the examples that are tested (see `of`).
            where: what to call the source.
        """
        part_of = np.full(len(files), -1)
        # An example that stood in both counts as learnt from.
        for part in ("val", "train"):
            code = PARTS.index(part)
            of_part = self.files[(self.parts == code) & (self.contents != 0)]
            part_of[np.isin(files, of_part)] = code
        learnt, chosen = (int((part_of == PARTS.index(part)).sum()) for part in ("train", "val"))
        if learnt or chosen:
            log.warning(
                "%s: of the %s example(s) that are tested, the model has learnt from %s and was chosen"
                " by %s; the figures are too good by these, and the report says so.",
                *(where, f"{len(files):,}", f"{learnt:,}", f"{chosen:,}"),
            )
        return {"met_in_training": {"learnt_from": learnt, "chosen_by": chosen}}


def _count(ordered: np.ndarray, values: np.ndarray) -> np.ndarray:
    """How often each value stands in an ascending array."""
    return np.searchsorted(ordered, values, "right") - np.searchsorted(ordered, values, "left")
