"""One part of a data set, and where a data set comes from."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Literal, NamedTuple, Self

import numpy as np
from torch.utils.data import Dataset

from data.batches.ragged import RaggedBatch


class Part(Dataset[RaggedBatch]):
    """One part of a data set (train, val, test): it makes ragged batches of its examples.

    Attributes:
        ids: (n,) int64: the row of each example in the whole data set.
        labels: (n,) int64: class indices.
        lengths: (n,) int64: the steps of each example, as planned; a damaged clip may give fewer.
        truncated_steps: how many steps of the part a limit cuts off.
        is_ready_made: whether its batches are made in no time, so that reading ahead costs more.
        traits: (n,) float64 each: what else is known of the examples, by name, for the report;
            numbers that end in ``_share`` are shares.
    """

    ids: np.ndarray
    labels: np.ndarray
    lengths: np.ndarray
    truncated_steps: int = 0
    is_ready_made: bool = False
    traits: Mapping[str, np.ndarray] = MappingProxyType({})
    #: how a person looks at an example: at pictures, or at the words of a text; None: not at all
    view: Literal["pictures", "words"] | None = None
    #: whether an example comes out another way each time
    augments: bool = False

    def __len__(self) -> int:
        return len(self.ids)

    def __getitems__(self, positions: Sequence[int]) -> RaggedBatch:
        """The batch of the examples at some positions of the part; none gives an empty batch."""
        raise NotImplementedError(f"{type(self).__name__} must define __getitems__(positions)")

    def sources(self, positions: Sequence[int] | None = None) -> list[str]:
        """Where examples come from, as the report shows it: a path, or the text itself."""
        raise NotImplementedError(f"{type(self).__name__} must define sources(positions)")

    def content_keys(self) -> list[str] | None:
        """For each example a digest of all that decides its steps; None where none is kept.

        Features of such examples may be computed once and kept by it.
        """
        return None

    def subset(self, positions: Sequence[int]) -> Self:
        """The part of the examples at some positions; where there are `content_keys`."""
        raise NotImplementedError(f"{type(self).__name__} must define subset(positions)")

    def advice(self, *, num_workers: int, num_cores: int, is_first_epoch: bool) -> str | None:
        """What a user can change so that batches come faster; None where they will by themselves."""
        if num_workers < num_cores:
            return f"let more processes read ahead: --data.num_workers={num_workers + 1}"
        return "put the data on a faster disk"

    def shown(self, positions: Sequence[int]) -> RaggedBatch:
        """The batch as a person can look at it: frames even where the steps are features of them."""
        return self.__getitems__(positions)


class Origin(NamedTuple):
    """What a data set says of itself, for the report."""

    name: str
    reported_part: str
    """What the source calls the part that is reported: ``test``, or the only other it names."""
