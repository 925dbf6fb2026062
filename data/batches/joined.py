"""Examples of two parts in one, to learn from: texts and excerpts of them, with and without labels."""

from collections.abc import Sequence

import numpy as np
import torch

from data.batches.part import Part
from data.batches.ragged import RaggedBatch, concatenate

#: the label of an example that has none
NO_LABEL = -1


class JoinedPart(Part):
    """A part of the examples of two others, mixed.

    Args:
        first: a part with labels.
        others: the other part.
        chosen: positions in ``others`` of the examples to include; the k-th has the id
            ``first_other + k``. None: all.
        keeps_labels: whether the labels of ``others`` count; if not, they become `NO_LABEL`.
    """

    def __init__(
        self,
        first: Part,
        others: Part,
        *,
        chosen: np.ndarray | None = None,
        keeps_labels: bool = False,
    ) -> None:
        chosen = np.arange(len(others)) if chosen is None else chosen
        self._first, self._others, self._chosen = first, others, chosen
        self.first_other = int(first.ids.max()) + 1
        self._labels = others.labels[chosen] if keeps_labels else np.full(len(chosen), NO_LABEL)
        self.ids = np.concatenate([first.ids, self.first_other + np.arange(len(chosen))])
        self.labels = np.concatenate([first.labels, self._labels])
        self.lengths = np.concatenate([first.lengths, others.lengths[chosen]])
        if first.doubts is not None or others.doubts is not None:
            self.doubts = np.concatenate([_doubts(first), _doubts(others)[chosen]])
        self.truncated_steps = first.truncated_steps + others.truncated_steps
        self.is_ready_made = first.is_ready_made and others.is_ready_made

    def sources(self, positions: Sequence[int] | None = None) -> list[str]:
        """List the sources of examples, those of the first part first."""
        ours, theirs = self._apart(range(len(self)) if positions is None else positions)
        return self._first.sources(ours) + self._others.sources(self._chosen[theirs].tolist())

    def __getitems__(self, positions: Sequence[int]) -> RaggedBatch:
        """Make the batch, examples of the first part first."""
        ours, theirs = self._apart(positions)
        batch = self._first.__getitems__(ours)
        others = self._others.__getitems__(self._chosen[theirs].tolist())
        others = others._replace(
            labels=torch.from_numpy(self._labels[theirs]),
            ids=torch.from_numpy(theirs + self.first_other),
        )
        return concatenate([batch, others])

    def _apart(self, positions: Sequence[int]) -> tuple[list[int], np.ndarray]:
        """Separate positions into those of the first part and those among the chosen of the second."""
        own = len(self._first)
        theirs = np.array([k - own for k in positions if k >= own], np.int64)
        return [k for k in positions if k < own], theirs


def _doubts(part: Part) -> np.ndarray:
    return np.zeros(len(part), np.float32) if part.doubts is None else part.doubts
