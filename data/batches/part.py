"""Part of a data set, and the origin of a data set."""

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
        truncated_steps: number of steps that a limit cuts off, in the whole part.
        is_ready_made: whether batches take so little time that worker processes would cost more.
        traits: (n,) float64 each: further figures of the examples for the report, by name. A name
            that ends in ``_share`` is that of a share.
        categories: (n,) object each: names by which the report gives its figures too; None: unknown.
        doubts: (n,) float32: the share of each label that is spread over all classes (label smoothing,
            Szegedy et al. 2016, "Rethinking the Inception Architecture", §7). With 1 all classes are
            alike; with more, up to K / (K - 1), the label is the least likely. None: all labels are
            certain.
    """

    ids: np.ndarray
    labels: np.ndarray
    lengths: np.ndarray
    truncated_steps: int = 0
    is_ready_made: bool = False
    traits: Mapping[str, np.ndarray] = MappingProxyType({})
    categories: Mapping[str, np.ndarray] = MappingProxyType({})
    doubts: np.ndarray | None = None
    #: form in which a person looks at an example; None: none
    view: Literal["pictures", "words"] | None = None
    #: whether an example comes out different each time
    augments: bool = False

    _contents: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def contents(self) -> np.ndarray:
        """Content keys (n,) int64: equal for examples of equal content; all differ by default."""
        return self.ids if self._contents is None else self._contents

    @contents.setter
    def contents(self, keys: np.ndarray) -> None:
        self._contents = keys

    @property
    def inputs(self) -> "Part":
        """The part that reads the steps: itself, unless it adds what is to be written of them."""
        return self

    def __getitems__(self, positions: Sequence[int]) -> RaggedBatch:
        """Make the batch of the examples at some positions. No position gives an empty batch."""
        raise NotImplementedError(f"{type(self).__name__} must define __getitems__(positions)")

    def sources(self, positions: Sequence[int] | None = None) -> list[str]:
        """List the sources of examples for the report: paths, or the texts themselves."""
        raise NotImplementedError(f"{type(self).__name__} must define sources(positions)")

    def content_keys(self) -> list[str] | None:
        """Compute for each example a digest of all that its steps depend on; None without such.

        Features of the examples can be computed once and kept by this key.
        """
        return None

    def subset(self, positions: Sequence[int]) -> Self:
        """Make the part of the examples at some positions. Needed where there are `content_keys`."""
        raise NotImplementedError(f"{type(self).__name__} must define subset(positions)")

    def num_workers(self) -> int:
        """Number of worker processes where the user names none."""
        return 0

    def batches_ahead(self, *, steps_per_batch: int, num_workers: int) -> int:
        """Number of batches that each worker process keeps ready."""
        return 2

    def advice(self, *, num_workers: int, num_cores: int, is_first_epoch: bool) -> str | None:
        """Tell what a user can change for faster batches; None where they get faster by themselves."""
        if num_workers < num_cores:
            return f"let more processes read ahead: --data.num_workers={num_workers + 1}"
        return "put the data on a faster disk"

    def shown(self, positions: Sequence[int]) -> RaggedBatch:
        """Make the batch for a person to look at: frames, even where the steps are features of them."""
        return self.__getitems__(positions)


class Origin(NamedTuple):
    """Name and reported part of a data set, for the report."""

    name: str
    reported_part: str
    """The source's own name for the reported part: ``test``, or the only other one that it names."""
