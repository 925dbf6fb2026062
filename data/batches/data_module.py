"""Base of the data modules for video and text: parts, division of rows, and loaders."""

from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from pytorch_lightning import LightningDataModule

from data.batches.loader import BatchLoader
from data.batches.part import Origin, Part
from data.batches.plan import BatchPlan
from data.batches.ragged import Skipped
from data.files.errors import InputError
from data.files.workers import available_cores, prepare_worker
from data.splits.part_record import PartRecord
from data.splits.parts import PARTS, parts_named, split, tell_absent, tell_lost


class SequenceDataModule(LightningDataModule):
    """Base of the data modules. Subclasses define `read`; they extend `describe`, `adopt`, `notes`.

    Args:
        path: path of the data; None takes the embedded example.
        steps_per_batch: step budget of a batch, padding included.
        sequences_per_batch: the most examples of a batch while training, or a thousandth of all that
            are learnt, if that is more; None: what fits the budget.
        val_share, test_share: shares to set aside where the source names no such part.
        num_workers: processes that read ahead; None decides by the number of cores.
        on_error: treatment of examples that cannot be read: ``skip`` leaves them out and lists them
            in the report, ``fail`` ends the run.
        seed: seed of the parts, the batches and their order.
    """

    #: name of the sources of examples in the report: their column in predictions.csv
    source_column: str
    #: options that describe the format of the file ``path`` and hold for no other file
    file_options: tuple[str, ...] = ()
    #: options of the model that the data set: attribute → options
    linked: Mapping[str, tuple[str, ...]] = MappingProxyType({"classes": ("model.classes",)})
    #: suffixes of the files that `read_file` reads
    file_suffixes: tuple[str, ...] = ()
    #: whether there may be a part ``unlabelled`` for teachers to label
    has_unlabelled: bool = False
    #: options that `describe` repeats
    described_options: tuple[str, ...] = ()

    def __init__(
        self,
        *,
        path: str | None,
        steps_per_batch: int,
        val_share: float,
        test_share: float,
        num_workers: int | None,
        on_error: str,
        seed: int,
        sequences_per_batch: int | None = None,
    ) -> None:
        super().__init__()
        if sequences_per_batch is not None and sequences_per_batch < 1:
            raise InputError(
                f"--data.sequences_per_batch={sequences_per_batch}: at least 1, or null for as many as"
                " fit data.steps_per_batch"
            )
        if steps_per_batch < 1:
            raise InputError(
                f"--data.steps_per_batch={steps_per_batch}: at least 1 step must fit in a batch"
            )
        for name, share in (("val_share", val_share), ("test_share", test_share)):
            if not 0 <= share < 1:
                raise InputError(f"--data.{name}={share}: from 0 to below 1")
        for name, count in (("num_workers", num_workers), ("seed", seed)):
            if count is not None and count < 0:
                raise InputError(f"--data.{name}={count}: 0 or more")
        self.path = path
        self.steps_per_batch, self.sequences_per_batch = steps_per_batch, sequences_per_batch
        self.val_share, self.test_share = val_share, test_share
        self.num_workers = num_workers
        self.on_error = on_error
        self.seed = seed
        #: part that `test_dataloader` gives; ``all`` is every example of the source
        self.reported_part = "test"
        self.known_classes: list[str] | None = None
        #: whether the source differs from the one that the checkpoint was trained on
        self.is_other_source = False
        #: part of each example when the model was trained; None where it is not known
        self.part_record: PartRecord | None = None
        self.skipped: list[Skipped] = []
        self._parts: dict[str, Part] | None = None
        self._learnt_part: Part | None = None
        self._origin = Origin("", "test")
        self._part_notes: dict[str, Any] = {}

    # Subclasses define or extend these.

    def read_file(self, path: Path) -> np.ndarray:
        """Read the steps (T, …) of one file to answer, as training read them.

        Raises:
            InputError: the file cannot be read.
        """
        raise NotImplementedError(f"{type(self).__name__} must define read_file(path)")

    def read(self) -> tuple[dict[str, Part], list[str], Origin]:
        """Read the parts, the classes (``known_classes`` if set) and the origin from the source."""
        raise NotImplementedError(f"{type(self).__name__} must define read()")

    def describe(self) -> dict[str, Any]:
        """Describe the preparation of inputs for a checkpoint, in plain values and tensors."""
        _ = self.parts
        record = self.part_record
        return {"classes": self.classes} | ({} if record is None else {"parts": record.plain()})

    def adopt(self, description: dict[str, Any]) -> None:
        """Take over the preparation of inputs that a checkpoint describes (see `describe`)."""
        self.known_classes = list(description["classes"])
        # Older checkpoints lack the key.
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
        """Divide rows into parts.

        Parts are drawn, or taken as the source names them (see `splits.parts.split`). A trained
        model is tested on the test part of its training run: rows that were added to the source
        since are left out.

        Args:
            labels: class index of each row; -1 for rows that belong to no part.
            named, groups, classes, where: see `splits.parts.split`.
            contents: (n,) int64 keys: equal for rows of equal content, 0 for no content.
            files: (n,) int64 keys: equal for rows of one file; None where each row is a whole file.

        Returns:
            Rows of each part, and the source's own name for the reported part.

        Raises:
            InputError: the part to report is empty; or see `splits.parts.split`.
        """
        part, record = self.reported_part, self.part_record
        contents = np.where(np.asarray(labels) >= 0, contents, 0)
        files = contents if files is None else files
        # The record does not hold for another source, unless its content is the same.
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

    @property
    def tokenizer_size(self) -> int | None:
        """Size of the vocabulary; None where steps are no tokens."""
        return None

    def text_contents(self, part: Part) -> np.ndarray:
        """Content keys int64 of a part's texts that a language model may have read: the examples."""
        return part.contents

    def describe_source(self) -> dict[str, Any]:
        """Describe the training data for the report of a later test."""
        examples = len(self.parts["train"])
        return {"trained_on": {"name": self.origin.name, "examples": examples}}

    def notes(self) -> dict[str, Any]:
        """Collect facts about the data for the report, as plain values."""
        return dict(self._part_notes)

    # The tasks, the report and Lightning call these.

    @property
    def parts(self) -> dict[str, Part]:
        """Parts ``train``, ``val`` and ``test``, read on first use."""
        if self._parts is None:
            self._parts, self.known_classes, self._origin = self.read()
        return self._parts

    @property
    def classes(self) -> list[str]:
        """Names of the classes, in the order of their indices."""
        _ = self.parts
        assert self.known_classes is not None
        return self.known_classes

    @property
    def origin(self) -> Origin:
        """Origin of the data."""
        _ = self.parts
        return self._origin

    @property
    def learnt_part(self) -> Part:
        """Part that training steps read: the training part, or the one that was set in its place."""
        train = self.parts["train"]  # first, since reading the parts may set another
        return train if self._learnt_part is None else self._learnt_part

    def connect(
        self,
        *,
        parts: Mapping[str, Part] = MappingProxyType({}),
        learnt: Part | None = None,
        skipped: Sequence[Skipped] = (),
    ) -> None:
        """Take over what only the model knows, before any loader is made.

        Args:
            parts: replacements of parts: features of the same examples that were computed before.
            learnt: the part to train on in place of the training part, with the examples that
                teachers have labelled.
            skipped: further examples that could not be read.
        """
        self.parts.update(parts)
        if learnt is not None:
            self._learnt_part = learnt
        self.skipped += skipped

    def setup(self, stage: str) -> None:
        """Read the data (Lightning's hook)."""
        _ = self.parts

    def train_dataloader(self) -> BatchLoader:
        """Load batches of the learnt part, shuffled anew each epoch."""
        return self.loader(self.learnt_part, shuffle=True)

    def val_dataloader(self) -> BatchLoader:
        """Load batches of the validation part."""
        return self.loader(self.parts["val"])

    def test_dataloader(self) -> BatchLoader:
        """Load batches of the reported part."""
        return self.loader(self.parts[self.reported_part])

    def loader(
        self,
        part: Part,
        *,
        shuffle: bool = False,
        alone: bool = False,
        steps_per_batch: int | None = None,
    ) -> BatchLoader:
        """Load batches of a part: this rank's share of them, or all if ``alone``.

        Their step budget is ``steps_per_batch`` in place of the option of this name, if given.
        """
        trainer = None if alone else self.trainer
        budget = steps_per_batch or self.steps_per_batch
        plan = BatchPlan(
            part.lengths,
            steps_per_batch=budget,
            sequences_per_batch=self._most_sequences(part) if shuffle else None,
            shuffle=shuffle,
            seed=self.seed,
            num_ranks=trainer.world_size if trainer else 1,
            rank=trainer.global_rank if trainer else 0,
        )
        num_workers = self.workers_for(part)
        ahead = part.batches_ahead(steps_per_batch=budget, num_workers=num_workers)
        return BatchLoader(
            part,
            plan,
            num_workers=num_workers,
            pin_memory=torch.cuda.is_available(),
            persistent_workers=num_workers > 0,
            prefetch_factor=ahead if num_workers else None,
            worker_init_fn=prepare_worker,
        )

    def _most_sequences(self, part: Part) -> int | None:
        # Many examples are learnt in many steps as it is; small batches would only cost time. Doubtful
        # ones are parts of others, or made up.
        count = len(part) if part.doubts is None else int((part.doubts == 0).sum())
        return self.sequences_per_batch and max(self.sequences_per_batch, count // 1000)

    def workers_for(self, part: Part) -> int:
        """Number of worker processes for a part."""
        if part.is_ready_made:
            return 0
        if self.num_workers is not None:
            return self.num_workers
        return part.num_workers()

    def advice(self, *, is_first_epoch: bool) -> str | None:
        """Tell what a user can change for faster batches (see `Part.advice`)."""
        part = self.learnt_part
        return part.advice(
            num_workers=self.workers_for(part),
            num_cores=available_cores(),
            is_first_epoch=is_first_epoch,
        )
