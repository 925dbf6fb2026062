"""Part of a data set of texts: tokens to ragged batches."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from datasets import Dataset

from data.batches.part import Part
from data.batches.ragged import RaggedBatch, collate
from data.files.errors import InputError
from data.tokens.tokenizing import Tokens

#: the most tokens of a short text, and of a text of a sentence or two
LENGTHS = (12, 40)


class TextPart(Part):
    """Texts of one part, as tokens.

    Args:
        table: memory-mapped table with the columns ``text`` and ``tokens``.
        ids, labels: see `Part`.
        lengths: number of tokens of each text, before any limit.
        max_tokens: the most tokens of a text to read; None reads all.
        unknown: number of out-of-vocabulary tokens of each text; None if unknown.
        categories: see `Part`; the range of its length is one more of them.
    """

    view = "words"

    def __init__(
        self,
        table: Dataset,
        *,
        ids: np.ndarray,
        labels: np.ndarray,
        lengths: np.ndarray,
        max_tokens: int | None,
        unknown: np.ndarray | None = None,
        categories: Mapping[str, np.ndarray] | None = None,
    ) -> None:
        if unknown is not None:
            self.traits = {"unknown_share": unknown / np.maximum(lengths, 1)}
        self.ids, self.labels = ids, labels
        self.lengths = lengths if max_tokens is None else np.minimum(lengths, max_tokens)
        self.truncated_steps = int((lengths - self.lengths).sum())
        self.categories = {"length": lengths_by_name(self.lengths), **(categories or {})}
        self._texts = table.select_columns("text")
        # Arrow arrays avoid a Python object for each token.
        self._tokens = table.select_columns("tokens").with_format("arrow")

    def sources(self, positions: Sequence[int] | None = None) -> list[str]:
        """List the texts themselves."""
        rows = range(len(self)) if positions is None else positions
        return list(self._texts[[int(k) for k in rows]]["text"]) if len(rows) else []

    def __getitems__(self, positions: Sequence[int]) -> RaggedBatch:
        """Make the batch of tokens (N,) int64."""
        lengths = self.lengths[list(positions)]
        pieces = [np.empty(0, np.int64)]
        if len(positions):
            column = self._tokens[list(positions)]["tokens"]
            rows = [row for chunk in column.chunks for row in _rows(chunk)]
            pieces += [row[:length] for row, length in zip(rows, lengths, strict=True)]
        tokens = np.concatenate(pieces).astype(np.int64)
        return collate(
            torch.from_numpy(tokens),
            lengths=lengths,
            labels=self.labels[list(positions)],
            ids=self.ids[list(positions)],
        )


def text_parts(
    tokens: Tokens,
    rows: Mapping[str, np.ndarray],
    *,
    labels: np.ndarray,
    contents: np.ndarray,
    max_tokens: int | None,
    where: str,
    categories: Mapping[str, Sequence[Any]] | None = None,
) -> tuple[dict[str, Part], dict[str, float]]:
    """Make the parts of a table of n texts, without texts that hold no token.

    Args:
        tokens: tokens of all texts.
        rows: rows of each part.
        labels: (n,) class indices.
        contents: (n,) content keys (see `content_of`).
        max_tokens: see `TextPart`.
        where: name of the source in an error.
        categories: by name n values each (see `Part`); None is no value.

    Returns:
        Each part, and the share of its tokens that is out of vocabulary.

    Raises:
        InputError: a part that is left empty.
    """
    parts: dict[str, Part] = {}
    shares = {}
    for name, members in rows.items():
        ids = members[tokens.lengths[members] > 0]
        if len(ids) == 0:
            raise InputError(f"{where}: no text in the part '{name}'; add some to it")
        parts[name] = TextPart(
            tokens.table.select(ids),
            ids=ids,
            labels=labels[ids],
            lengths=tokens.lengths[ids],
            max_tokens=max_tokens,
            unknown=tokens.unknown[ids],
            categories={
                name: np.array([_name_of(values[k]) for k in ids], object)
                for name, values in (categories or {}).items()
            },
        )
        parts[name].contents = contents[ids]
        shares[name] = float(tokens.unknown[ids].sum() / tokens.lengths[ids].sum())
    return parts, shares


def lengths_by_name(lengths: np.ndarray) -> np.ndarray:
    """Name the range of each length (n,) → (n,) object: ``up to 12 tokens``, ``13 to 40 tokens`` …

    The first is that of messages and single sentences, the last that of whole reviews.
    """
    names = [f"up to {LENGTHS[0]} tokens"]
    names += [f"{low + 1} to {high} tokens" for low, high in pairwise(LENGTHS)]
    names.append(f"more than {LENGTHS[-1]} tokens")
    return np.array(names, object)[np.searchsorted(LENGTHS, lengths)]


def _name_of(value: Any) -> str | None:
    return None if value is None or value == "" else str(value)


def _rows(chunk: Any) -> list[np.ndarray]:
    """Split an Arrow list array into rows."""
    values, offsets = chunk.values.to_numpy(), chunk.offsets.to_numpy()
    return [values[a:b] for a, b in pairwise(offsets)]
