"""Pairs of a labelled and an unlabelled batch, for losses that take both at once."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from data.batches.plan import BatchLoader
from data.batches.ragged import RaggedBatch


class Pair(NamedTuple):
    """Input of a training step that also learns from sequences without labels."""

    labelled: RaggedBatch
    unlabelled: RaggedBatch
    """Its labels mean nothing."""


class PairedLoader:
    """Loader of an epoch of labelled batches; unlabelled ones are cycled through beside them.

    A checkpoint keeps the position in both, so that a resumed run reads on from there.
    """

    def __init__(self, labelled: BatchLoader, unlabelled: BatchLoader) -> None:
        self.labelled, self.unlabelled = labelled, unlabelled
        # Lightning looks for `set_epoch` on a loader's sampler.
        self.sampler = self
        self._num_others = 0
        self._others: Iterator[RaggedBatch] | None = None

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch, from which the order of batches is drawn."""
        self.labelled.plan.set_epoch(epoch)

    def __len__(self) -> int:
        return len(self.labelled)

    def __iter__(self) -> Iterator[Pair]:
        if self._others is None:
            self._others = self._endless()
        for batch in self.labelled:
            yield Pair(batch, next(self._others))

    def _endless(self) -> Iterator[RaggedBatch]:
        while True:
            # A resumed run goes on within the cycle in which the checkpoint was taken.
            self.unlabelled.plan.set_epoch(self._num_others // len(self.unlabelled))
            for batch in self.unlabelled:
                self._num_others += 1
                yield batch

    def state_dict(self) -> dict[str, Any]:
        """Position in both loaders."""
        return {"labelled": self.labelled.state_dict(), "num_others": self._num_others}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a position."""
        self.labelled.load_state_dict(state["labelled"])
        self._num_others = state["num_others"]
        self.unlabelled.load_state_dict({"num_given": self._num_others % len(self.unlabelled)})
        self._others = None
