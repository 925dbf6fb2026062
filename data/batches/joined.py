"""Labelled and unlabelled examples in one part, for losses that treat both alike."""

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
        labelled: the part with labels.
        others: the part without; its labels mean nothing.
        chosen: positions in ``others`` of the examples to include. Their labels become `NO_LABEL`,
            and the k-th has the id ``first_other + k``.
    """

    def __init__(self, labelled: Part, others: Part, *, chosen: np.ndarray) -> None:
        self._labelled, self._others, self._chosen = labelled, others, chosen
        self.first_other = int(labelled.ids.max()) + 1
        new_ids = self.first_other + np.arange(len(chosen))
        self.ids = np.concatenate([labelled.ids, new_ids])
        self.labels = np.concatenate([labelled.labels, np.full(len(chosen), NO_LABEL)])
        self.lengths = np.concatenate([labelled.lengths, others.lengths[chosen]])
        self.truncated_steps = labelled.truncated_steps + others.truncated_steps
        self.is_ready_made = labelled.is_ready_made and others.is_ready_made

    def sources(self, positions: Sequence[int] | None = None) -> list[str]:
        """List the sources of examples, labelled ones first."""
        ours, theirs = self._apart(range(len(self)) if positions is None else positions)
        return self._labelled.sources(ours) + self._others.sources(self._chosen[theirs].tolist())

    def __getitems__(self, positions: Sequence[int]) -> RaggedBatch:
        """Make the batch, labelled examples first."""
        ours, theirs = self._apart(positions)
        batch = self._labelled.__getitems__(ours)
        others = self._others.__getitems__(self._chosen[theirs].tolist())
        others = others._replace(
            labels=torch.full_like(others.labels, NO_LABEL),
            ids=torch.from_numpy(theirs + self.first_other),
        )
        return concatenate([batch, others])

    def _apart(self, positions: Sequence[int]) -> tuple[list[int], np.ndarray]:
        """Separate positions into those of the first part and those among the chosen of the second."""
        own = len(self._labelled)
        theirs = np.array([k - own for k in positions if k >= own], np.int64)
        return [k for k in positions if k < own], theirs
