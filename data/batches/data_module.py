"""What the DataModules for video and text share: parts, loaders, and how many share the work."""

from collections.abc import Hashable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import torch
from pytorch_lightning import LightningDataModule
from torch.utils.data import Dataset

from data.batches.pairing import PairedLoader
from data.batches.plan import BatchLoader, BatchPlan
from data.batches.ragged import RaggedBatch, Skipped
from data.files.errors import InputError
from data.files.workers import one_thread
from data.splits.part_record import PartRecord
from data.splits.parts import PARTS, parts_named, split, tell_absent, tell_lost


class Part(Dataset[RaggedBatch]):
    """One part of a data set (train, val, test): it makes ragged batches of its examples.

    Attributes:
        ids: (n,) int64: the row of each example in the whole data set.
        labels: (n,) int64: class indices.
        lengths: (n,) int64: the steps of each example, as planned; a damaged clip may give fewer.
        truncated_steps: how many steps of the part a limit cuts off.
        is_ready_made: whether its batches are made in no time, so that reading ahead costs more.
        contents: (n,) int64, alike for examples of the same content; None: not known.
        traits: (n,) float64 each: what else is known of the examples, by name, for the report;
            numbers that end in ``_share`` are shares.
    """

    ids: np.ndarray
    labels: np.ndarray
    lengths: np.ndarray
    truncated_steps: int = 0
    is_ready_made: bool = False
    contents: np.ndarray | None = None
    traits: Mapping[str, np.ndarray] = MappingProxyType({})

    def __len__(self) -> int:
        return len(self.ids)

    def __getitems__(self, positions: Sequence[int]) -> RaggedBatch:
        """The batch of the examples at some positions of the part; none gives an empty batch."""
        raise NotImplementedError(f"{type(self).__name__} must define __getitems__(positions)")

    def sources(self, positions: Sequence[int] | None = None) -> list[str]:
        """Where examples come from, as the report shows it: a path, or the text itself."""
        raise NotImplementedError(f"{type(self).__name__} must define sources(positions)")

    def shown(self, positions: Sequence[int]) -> RaggedBatch:
        """The batch as a person can look at it: frames even where the steps are features of them."""
        return self.__getitems__(positions)


class Origin(NamedTuple):
    """What a data set says of itself, for the report."""

    name: str
    reported_part: str
    """What the source calls the part that is reported: ``test``, or the only other it names."""


class SequenceDataModule(LightningDataModule):
    """Base of the DataModules: subclasses define `read`, and add to `describe`, `adopt` and `notes`.

    Args:
        path: where the data lies; None takes the embedded example.
        steps_per_batch: the budget of a batch in steps, padding included.
        val_share, test_share: what to set aside where the source names no such part.
        num_workers: processes that read ahead; None decides by the number of cores.
        on_error: what an example that cannot be read does: ``skip`` leaves it out and lists it in
            the report, ``fail`` ends the run.
        balance: whether training sees each class as often as the most frequent one.
        seed: what parts, batches and their order are drawn from.
    """

    #: what the report calls the source of an example: its column in predictions.csv
    source_column: str
    #: options that say how the file ``path`` is written, and nothing of another file
    file_options: tuple[str, ...] = ()

    def __init__(
        self,
        *,
        path: str | None,
        steps_per_batch: int,
        val_share: float,
        test_share: float,
        num_workers: int | None,
        on_error: str,
        balance: bool,
        seed: int,
    ) -> None:
        super().__init__()
        if steps_per_batch < 1:
            raise InputError(
                f"--data.steps_per_batch={steps_per_batch}: at least 1 step must fit in a batch"
            )
        self.path = path
        self.steps_per_batch = steps_per_batch
        self.val_share, self.test_share = val_share, test_share
        self.num_workers = num_workers
        self.on_error = on_error
        self.balance = balance
        self.seed = seed
        #: the part that `test_dataloader` gives; ``all`` is every example there is
        self.reported_part = "test"
        self.known_classes: list[str] | None = None
        #: whether the source is another than the one that a checkpoint was trained on
        self.is_other_source = False
        #: which example stood in which part when the model was trained; None: not known
        self.part_record: PartRecord | None = None
        self.skipped: list[Skipped] = []
        self._parts: dict[str, Part] | None = None
        self._learnt_part: Part | None = None
        self._origin = Origin("", "test")
        self._part_notes: dict[str, Any] = {}

    # What a subclass defines.

    def read(self) -> tuple[dict[str, Part], list[str], Origin]:
        """Read the source: its parts, its classes (``known_classes`` if set), and its origin."""
        raise NotImplementedError(f"{type(self).__name__} must define read()")

    def describe(self) -> dict[str, Any]:
        """How inputs were prepared, for a checkpoint: plain values and tensors."""
        _ = self.parts
        record = self.part_record
        return {"classes": self.classes} | ({} if record is None else {"parts": record.plain()})

    def adopt(self, description: dict[str, Any]) -> None:
        """Make inputs ready as it is described by a checkpoint (see `describe`)."""
        self.known_classes = list(description["classes"])
        # An older checkpoint does not say.
        if "parts" in description:
            self.part_record = PartRecord.from_plain(description["parts"])

    def divide(
        self,
        labels: Sequence[int] | np.ndarray,
        named: Sequence[str | None] | None,
        *,
        classes: Sequence[str],
        where: str,
        contents: np.ndarray,
        files: np.ndarray | None = None,
        groups: Sequence[Hashable | None] | np.ndarray | None = None,
    ) -> tuple[dict[str, np.ndarray], str]:
        """Rows of each part, and what the source calls the reported one.

        Parts are drawn or taken as the source names them (see `splits.split`). A model is tested on
        what its test part was: what has come to the source since is left out.

        Args:
            labels: class index of each row; -1 of rows that are in no part.
            named, groups, classes, where: see `splits.split`.
            contents: (n,) int64, alike for rows of the same content; 0 is no content.
            files: (n,) int64, alike for rows of one file; None where a row is all of its file.

        Raises:
            InputError: nothing is left of the part to report; or see `splits.split`.
        """
        part, record = self.reported_part, self.part_record
        contents = np.where(np.asarray(labels) >= 0, contents, 0)
        files = contents if files is None else files
        # Another source may name parts of its own; all of it is all of it.
        is_known = record is not None and (
            not self.is_other_source or (named is None and record.is_of(contents))
        )
        if record is not None and is_known and part != "all":
            rows, reported, self._part_notes = record.divide(
                contents, part=part, where=where, files=files
            )
            tell_absent({part: rows[part]}, np.asarray(labels), classes=classes, where=where)
            return rows, reported
        rows, reported = self._draw(labels, named, classes=classes, where=where, groups=groups)
        if record is not None:
            self._part_notes = record.describe_met(files[rows[part]], where=where)
        elif rows.keys() >= set(PARTS):
            self.part_record = PartRecord.of(rows, contents, reported=reported, files=files)
        return rows, reported

    def _draw(
        self,
        labels: Sequence[int] | np.ndarray,
        named: Sequence[str | None] | None,
        *,
        classes: Sequence[str],
        where: str,
        groups: Sequence[Hashable | None] | np.ndarray | None,
    ) -> tuple[dict[str, np.ndarray], str]:
        part, class_of = self.reported_part, np.asarray(labels)
        usable = np.flatnonzero(class_of >= 0)
        class_of = class_of[usable]
        rows: dict[str, np.ndarray] = {}
        reported = part
        if named is not None and part != "all":
            needed = "train" if part == "test" else part
            tell_lost(named, np.asarray(labels) >= 0, needed=needed, where=where)
            named = [named[int(row)] for row in usable]
            rows = {} if part == "test" else parts_named(named, where)
        if part == "all":
            rows = {"all": np.arange(len(usable))}
        if part in rows:
            rows = {part: rows[part]}
            tell_absent(rows, class_of, classes=classes, where=where)
        else:
            rows, found = split(
                class_of,
                named,
                groups=None if groups is None else [groups[int(row)] for row in usable],
                classes=classes,
                val_share=self.val_share,
                test_share=self.test_share,
                seed=self.seed,
                where=where,
            )
            reported = found if part == "test" else part
        return {name: usable[members] for name, members in rows.items()}, reported

    def notes(self) -> dict[str, Any]:
        """Facts about the data for the report, as plain values."""
        return dict(self._part_notes)

    # What everybody calls.

    @property
    def parts(self) -> dict[str, Part]:
        """``train``, ``val`` and ``test``; read on first use."""
        if self._parts is None:
            self._parts, self.known_classes, self._origin = self.read()
        return self._parts

    @property
    def classes(self) -> list[str]:
        """Names of the classes; a class's index is its place."""
        _ = self.parts
        assert self.known_classes is not None
        return self.known_classes

    @property
    def origin(self) -> Origin:
        """Where the data come from."""
        _ = self.parts
        return self._origin

    @property
    def learnt_part(self) -> Part:
        """What a training step reads: the training part, or what has been put in its place."""
        return self.parts["train"] if self._learnt_part is None else self._learnt_part

    @learnt_part.setter
    def learnt_part(self, part: Part) -> None:
        self._learnt_part = part

    def setup(self, stage: str) -> None:
        """Lightning's hook: read the data."""
        _ = self.parts

    def train_dataloader(self) -> BatchLoader | PairedLoader:
        """Batches of the learnt part, mixed anew each epoch; or each with one that has no labels."""
        learnt = self.loader(self.learnt_part, shuffle=True)
        if "unlabelled" not in self.parts or self._learnt_part is not None:
            return learnt
        return PairedLoader(learnt, self.loader(self.parts["unlabelled"], shuffle=True))

    def val_dataloader(self) -> BatchLoader:
        """Batches of the validation part."""
        return self.loader(self.parts["val"])

    def test_dataloader(self) -> BatchLoader:
        """Batches of the part that is reported."""
        return self.loader(self.parts[self.reported_part])

    def loader(self, part: Part, *, shuffle: bool = False, alone: bool = False) -> BatchLoader:
        """Batches of a part, for this process of those that share the work; all of them if alone."""
        trainer = None if alone else self.trainer
        balance = self.balance and shuffle and part is self.parts["train"]
        plan = BatchPlan(
            part.lengths,
            steps_per_batch=self.steps_per_batch,
            shuffle=shuffle,
            seed=self.seed,
            num_ranks=trainer.world_size if trainer else 1,
            rank=trainer.global_rank if trainer else 0,
            labels=part.labels if balance else None,
        )
        num_workers = self.workers_for(part)
        return BatchLoader(
            part,
            plan,
            num_workers=num_workers,
            pin_memory=torch.cuda.is_available(),
            persistent_workers=num_workers > 0,
            prefetch_factor=self.batches_ahead(part) if num_workers else None,
            worker_init_fn=one_thread,
        )

    def workers_for(self, part: Part) -> int:
        """How many processes read ahead."""
        if part.is_ready_made:
            return 0
        if self.num_workers is not None:
            return self.num_workers
        return self.default_num_workers(part)

    def default_num_workers(self, part: Part) -> int:
        """As many as a subclass finds worth it; here none: the main process reads."""
        return 0

    def batches_ahead(self, part: Part) -> int:
        """How many batches each of these processes keeps ready."""
        return 2
