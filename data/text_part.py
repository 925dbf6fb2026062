"""Texts of one part of a data set, as tokens → ragged batches."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from datasets import Dataset

from data.batch import RaggedBatch, collate
from data.module import Part


class TextPart(Part):
    """Texts of one part, as tokens.

    Args:
        table: columns ``text`` and ``tokens``, memory-mapped by `datasets`.
        ids, labels: as in `Part`.
        lengths: tokens of each text, before any limit.
        max_tokens: read only so many tokens of each text; None reads all.
    """

    def __init__(
        self,
        table: Dataset,
        *,
        ids: np.ndarray,
        labels: np.ndarray,
        lengths: np.ndarray,
        max_tokens: int | None,
    ) -> None:
        self.ids, self.labels = ids, labels
        self.lengths = lengths if max_tokens is None else np.minimum(lengths, max_tokens)
        self.truncated_steps = int((lengths - self.lengths).sum())
        self._texts = table.select_columns("text")
        # Read as Arrow arrays: no Python object a token.
        self._tokens = table.select_columns("tokens").with_format("arrow")

    def sources(self, positions: Sequence[int] | None = None) -> list[str]:
        """The texts themselves."""
        rows = range(len(self)) if positions is None else positions
        return list(self._texts[[int(k) for k in rows]]["text"]) if len(rows) else []

    def __getitems__(self, positions: Sequence[int]) -> RaggedBatch:
        """Tokens (N,) int64."""
        lengths = self.lengths[list(positions)]
        pieces = [np.empty(0, np.int64)]
        if len(positions):
            column = self._tokens[list(positions)]["tokens"]
            rows = [row for chunk in column.chunks for row in _rows(chunk)]
            pieces += [row[:length] for row, length in zip(rows, lengths, strict=True)]
        return collate(
            torch.from_numpy(np.concatenate(pieces).astype(np.int64)),
            lengths=lengths,
            labels=self.labels[list(positions)],
            ids=self.ids[list(positions)],
        )


def _rows(chunk: Any) -> list[np.ndarray]:
    """The rows of an Arrow list array."""
    values, offsets = chunk.values.to_numpy(), chunk.offsets.to_numpy()
    return [values[a:b] for a, b in pairwise(offsets)]
