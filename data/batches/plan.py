"""Assignment of examples to batches: length buckets under a step budget, equal on all ranks."""

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
from torch.utils.data import Sampler

# Lengths within 10 % of each other share a bucket: little padding, and enough examples to shuffle.
BUCKET_RATIO = 1.1


class Positions(list[int]):
    """Positions of a batch's examples in their part, and the seed of what is drawn for them."""

    def __init__(self, positions: Iterable[int], *, seed: int) -> None:
        super().__init__(positions)
        self.seed = seed

    def __reduce__(self) -> Any:
        # Workers get it by pickle.
        return partial(Positions, seed=self.seed), (list(self),)


class BatchPlan(Sampler[list[int]]):
    """Sampler that puts every example into exactly one batch of one rank in each epoch.

    Examples are sorted into buckets of similar length, shuffled within each bucket, and cut into
    batches so that (sequences × longest) stays within the budget. The cuts depend on the lengths
    alone: all epochs and all ranks have the same number of batches. Without ``shuffle`` they do not
    depend on the number of ranks either: what is measured is computed batch by batch as a single
    process computes it, and some ranks may end with an empty batch.

    Args:
        lengths: number of steps of each example.
        steps_per_batch: the step budget; a longer example is a batch of its own.
        sequences_per_batch: the most examples of a batch; None: as many as fit the budget. Short
            examples beside long ones are learnt in few steps otherwise, however many they are.
        shuffle: shuffle examples within buckets, and batches among themselves, by ``seed`` and
            epoch. Without it the longest come first, so that a lack of memory shows at once.
        seed: the only source of randomness.
        num_ranks, rank: number of processes that share the examples, and the index of this one.
    """

    def __init__(
        self,
        lengths: Sequence[int] | np.ndarray,
        *,
        steps_per_batch: int,
        sequences_per_batch: int | None = None,
        shuffle: bool,
        seed: int = 0,
        num_ranks: int = 1,
        rank: int = 0,
    ) -> None:
        self.shuffle, self.seed = shuffle, seed
        self.num_ranks, self.rank = num_ranks, rank
        self.epoch = 0
        self.first_batch = 0
        # Lightning looks for `set_epoch` on a batch sampler's sampler.
        self.sampler = self
        lengths = np.asarray(lengths, dtype=np.int64)
        bucket = np.floor(np.log(np.maximum(lengths, 1)) / np.log(BUCKET_RATIO)).astype(np.int64)
        order = np.lexsort((-lengths, -bucket))
        self._order = order
        self._bucket = bucket[order]
        most = sequences_per_batch or max(len(lengths), 1)
        self._cuts = self._cut(lengths[order], steps_per_batch, most)

    def _cut(self, lengths: np.ndarray, budget: int, most: int) -> list[tuple[int, int]]:
        """Cut the sorted examples into ranges; their number is a multiple of ``num_ranks``."""
        starts = np.flatnonzero(np.diff(self._bucket, prepend=self._bucket[:1] + 1))
        longest_of = dict(zip(self._bucket[starts], lengths[starts], strict=True))
        cuts: list[tuple[int, int]] = []
        start, total = 0, len(lengths)
        while start < total:
            # The example at this place changes from epoch to epoch, so the bucket's longest counts.
            longest = max(int(longest_of[self._bucket[start]]), 1)
            end = min(start + min(max(budget // longest, 1), most), total)
            cuts.append((start, end))
            start = end
        if not self.shuffle:
            return cuts + [(total, total)] * (-len(cuts) % self.num_ranks)
        while len(cuts) % self.num_ranks:
            widest = max(range(len(cuts)), key=lambda k: cuts[k][1] - cuts[k][0])
            start, end = cuts[widest]
            # A batch of one example splits into itself and an empty one: a rank without examples
            # still takes part in collective operations.
            middle = (start + end + 1) // 2
            cuts[widest : widest + 1] = [(start, middle), (middle, end)]
        return cuts

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch, which with the seed determines the order."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self._cuts) // self.num_ranks

    def __iter__(self) -> Iterator[list[int]]:
        order, batches = self._order, np.arange(len(self._cuts))
        if self.shuffle:
            random = np.random.default_rng([self.seed, self.epoch])
            order = order[np.lexsort((random.random(len(order)), -self._bucket))]
            # Neighbouring cuts go to different ranks, so that at each step all ranks have batches
            # of similar size and none waits for another.
            batches = random.permutation(batches.reshape(-1, self.num_ranks)).reshape(-1)
        ours = batches[self.rank :: self.num_ranks]
        for k in ours[self.first_batch :]:
            start, end = self._cuts[k]
            # The seed belongs to the batch, so it does not matter which process reads it.
            seed = np.random.SeedSequence([self.seed, self.epoch, int(k)])
            yield Positions(order[start:end].tolist(), seed=int(seed.generate_state(1)[0]))
