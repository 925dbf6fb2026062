"""Reader for kinds without one of their own: the data module reads each file."""

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from data.batches.data_module import SequenceDataModule
from data.files.errors import InputError
from data.files.folders import files_below
from pipelines.predict.inputs import Item
from pipelines.predict.steps import ItemSteps, Reader, batches_of
from pipelines.tasks.checkpoints import data_module


class DataSteps(Reader):
    """Reads each file by the data module's own `read_file`.

    Args:
        data: the data module.
    """

    def __init__(self, data: SequenceDataModule) -> None:
        self._data = data
        self.steps_per_batch, self.num_tokens = data.steps_per_batch, data.tokenizer_size

    @classmethod
    def of(cls, description: dict[str, Any], *, num_workers: int | None = None) -> "DataSteps":
        """Reader that matches a checkpoint."""
        return cls(data_module(description))

    def items_at(self, source: str) -> list[Item]:
        """Items of a path: one file, or the files in a folder with the endings of the data module."""
        if os.path.isfile(source):
            return [Item(source)]
        suffixes = self._data.file_suffixes
        found = []
        if os.path.isdir(source):
            below = files_below(Path(source), lambda name: name.lower().endswith(suffixes))
            found = [os.path.join(folder, name) for folder, names in below for name in names]
        if not found:
            raise InputError(
                f"INPUT={source}: no file, and no folder with files of {', '.join(suffixes)}; name one"
            )
        return [Item(path) for path in sorted(found)]

    def groups(self, items: Iterable[Item]) -> Iterator[list[ItemSteps]]:
        """All items in their order, in groups that fill a batch."""
        return batches_of(map(self._read, items), budget=self.steps_per_batch)

    def _read(self, item: Item) -> ItemSteps:
        try:
            return ItemSteps(item, self._data.read_file(Path(item.source)))
        except InputError as error:
            return ItemSteps.unread(item, str(error))

    def together(self, items: Sequence[ItemSteps]) -> Tensor:
        """Steps (N, …) of several items, end to end."""
        return torch.from_numpy(np.concatenate([one.steps for one in items]))
