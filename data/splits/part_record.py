"""Record of the part of each example when a model was trained, keyed by content.

A source changes: rows are added, dropped and reordered. A test part that was drawn again from the
source of today could hold examples that the model has learnt from.

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
    """Record of the examples of all parts, in the order of their source."""

    contents: np.ndarray
    """(m,) int64 keys: equal for examples of equal content; 0 for no content."""
    parts: np.ndarray
    """(m,) int8: index into `data.splits.parts.PARTS`."""
    reported: str
    """The source's own name for the part ``test``."""
    files: np.ndarray
    """(m,) int64 keys: equal for examples of one file; `contents` also distinguishes its sections."""

    @classmethod
    def of(
        cls,
        rows: Mapping[str, np.ndarray],
        contents: np.ndarray,
        *,
        reported: str,
        files: np.ndarray,
    ) -> Self:
        """Make the record of a division.

        Args:
            rows: rows of each part.
            contents: (n,) int64 keys of all rows.
            reported: the source's own name for the part ``test``.
            files: (n,) int64 keys of the files of all rows.
        """
        members = np.concatenate([rows[part] for part in PARTS])
        codes = np.repeat(np.arange(len(PARTS), dtype=np.int8), [len(rows[p]) for p in PARTS])
        order = np.argsort(members)
        return cls(contents[members[order]], codes[order], reported, files[members[order]])

    def plain(self) -> dict[str, Any]:
        """Convert the record to plain values for a checkpoint."""
        return {
            "contents": torch.from_numpy(self.contents),
            "parts": torch.from_numpy(self.parts),
            "reported": self.reported,
            "files": torch.from_numpy(self.files),
        }

    @classmethod
    def from_plain(cls, values: Mapping[str, Any]) -> Self:
        """Restore a record from the values of `plain`.

        Raises:
            InputError: damaged values.
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
        """Whether a source is the one that was divided: at least half of either is in the other."""
        shares = np.isin(contents, self.contents), np.isin(self.contents, contents)
        return any(share.mean() >= 0.5 for share in shares if len(share))

    def find(self, contents: np.ndarray) -> np.ndarray:
        """Find the part at training of each example of today.

        Copies of one content are matched in the order of the source. If their number has changed,
        copies cannot be identified; then those of the training part are matched first.

        Args:
            contents: (n,) int64 keys of the source today.

        Returns:
            (n,) int8: index into `PARTS`, -1 for new examples.
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
        # The k-th copy of today is taken for the k-th copy at training.
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
        """Divide the source of today as it was divided at training, as far as examples remain.

        Args:
            contents: (n,) int64 keys of the source today.
            files: see `of`.
            part: the part to report.
            where: name of the source in errors.

        Returns:
            Rows of each part, the source's own name for the reported one, and notes for the report:
            the numbers of missing and of new examples, and the result of `describe_met`.

        Raises:
            InputError: no example of the part is left.
        """
        found = self.find(contents)
        # A source may name a single part beside the training part, which is tested under its own name.
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
        """Count the tested examples that the model knows from training, with a warning.

        Another section of a film that was learnt from counts too, since parts hold whole files.

        Args:
            files: (n,) int64 keys of the files of the tested examples (see `of`).
            where: name of the source.
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
    """Count each value in an ascending array."""
    return np.searchsorted(ordered, values, "right") - np.searchsorted(ordered, values, "left")
