"""Pose sequences: a folder of .npy files (T, joints · 2), in one sub-folder for each class."""

from collections.abc import Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import torch

from data.batches.data_module import SequenceDataModule
from data.batches.part import Origin, Part
from data.batches.ragged import RaggedBatch, collate
from data.files.errors import InputError
from data.splits.labels import encode_labels
from data.tokens.tokenizing import content_of


class PosePart(Part):
    """Sequences that are in memory."""

    is_ready_made = True

    def __init__(self, paths: list[Path], steps: list[np.ndarray], *, ids: Any, labels: Any):
        self.paths, self.steps, self.ids, self.labels = paths, steps, ids, labels
        self.lengths = np.array([len(one) for one in steps])

    def sources(self, positions: Sequence[int] | None = None) -> list[str]:
        every = range(len(self)) if positions is None else positions
        return [str(self.paths[k]) for k in every]

    def __getitems__(self, positions: Sequence[int]) -> RaggedBatch:
        at = list(positions)
        pieces = [np.empty((0, self.steps[0].shape[1]), np.float32), *(self.steps[k] for k in at)]
        return collate(
            torch.from_numpy(np.concatenate(pieces)),
            lengths=self.lengths[at], labels=self.labels[at], ids=self.ids[at],
        )  # fmt: skip


class PoseDataModule(SequenceDataModule):
    """Poses of a folder."""

    source_column = "path"
    file_suffixes = (".npy",)
    linked = MappingProxyType(
        {**SequenceDataModule.linked, "num_numbers": ("model.encoder.init_args.num_inputs",)}
    )

    def __init__(self, *, path: str | None = None, steps_per_batch: int = 4096, seed: int = 0):
        super().__init__(
            path=path, steps_per_batch=steps_per_batch, val_share=0.2, test_share=0.2,
            num_workers=None, on_error="skip", seed=seed,
        )  # fmt: skip

    @property
    def num_numbers(self) -> int:
        """Shape of a step."""
        return int(self.parts["train"].steps[0].shape[1])

    def read_file(self, path: Path) -> np.ndarray:
        try:
            steps = np.load(path).astype(np.float32)
        except (OSError, ValueError) as error:
            raise InputError(f"{path}: no array of poses ({error})") from error
        if steps.ndim != 2 or not len(steps):
            raise InputError(f"{path}: an array {steps.shape}; poses are (T, numbers)")
        return steps

    def read(self) -> tuple[dict[str, Part], list[str], Origin]:
        paths = sorted(Path(self.path or ".").glob("*/*.npy"))
        steps = [self.read_file(path) for path in paths]
        names = [path.parent.name for path in paths]
        indices, classes = encode_labels(names, classes=self.known_classes, where=str(self.path))
        labels = np.array(indices)
        contents = np.array([content_of(one.tobytes().hex()) for one in steps])
        rows, reported = self.divide(
            labels, None, classes=classes, where=str(self.path), contents=contents
        )
        parts: dict[str, Part] = {
            name: PosePart(
                [paths[k] for k in at], [steps[k] for k in at], ids=at, labels=labels[at]
            )
            for name, at in rows.items()
        }
        return parts, classes, Origin(str(self.path), reported)
