"""The layout of a ragged batch in a padded one.

B sequences · N steps in the batch · T steps of the longest · D features

Padding exists only between `pad` and `unpad`, inside a recurrence, where features are small. The
padded layout is time-major, (T, B, D): a recurrent kernel then finds the B rows of one step in one
piece of memory.
"""

import torch
from torch import Tensor


def rows_of(lengths: Tensor, num_steps: int) -> Tensor:
    """The sequence (N,) int64 that each step belongs to, from lengths (B,) that sum to N."""
    rows = torch.arange(len(lengths), device=lengths.device)
    return rows.repeat_interleave(lengths, output_size=num_steps)


class Layout:
    """The place of each of the N steps in a (T, B) grid, in reading order and reversed.

    Args:
        lengths: (B,) int64, each ≥ 1.
        num_steps: N, the sum of the lengths. It is known from the batch's ``steps``, which spares
            a wait for the GPU.

    Raises:
        ValueError: a length below 1, or lengths that do not add up to ``num_steps``.
    """

    def __init__(self, lengths: Tensor, num_steps: int) -> None:
        shortest, longest, total = (
            int(x) for x in torch.stack([lengths.min(), lengths.max(), lengths.sum()]).tolist()
        )
        if shortest < 1:
            raise ValueError(
                f"a sequence of {shortest} steps: each needs at least 1; leave it out of the batch"
            )
        if total != num_steps:
            raise ValueError(f"lengths add up to {total} but the batch has {num_steps} steps")
        self.lengths = lengths
        self.batch_size = len(lengths)
        self.longest = longest
        self.is_padded = shortest < longest
        device = lengths.device
        #: see `rows_of`
        self.row_of = row_of = rows_of(lengths, num_steps)
        steps = torch.arange(num_steps, device=device)
        position = steps - (lengths.cumsum(0) - lengths)[row_of]
        self._forward = position * self.batch_size + row_of
        self._backward = (lengths[row_of] - 1 - position) * self.batch_size + row_of

    def pad(self, steps: Tensor, *, reverse: bool = False) -> Tensor:
        """Steps (N, D) → grid (T, B, D), zeros behind each end; ``reverse``: the last step first."""
        if self.longest == 1:  # as in each step of a search
            return steps.unsqueeze(0)
        place = self._backward if reverse else self._forward
        grid = steps.new_zeros(self.longest * self.batch_size, *steps.shape[1:])
        return grid.index_copy(0, place, steps).unflatten(0, (self.longest, self.batch_size))

    def unpad(self, grid: Tensor, *, reverse: bool = False) -> Tensor:
        """Grid (T, B, D) → steps (N, D), without the values on padding."""
        if self.longest == 1:
            return grid.squeeze(0)
        place = self._backward if reverse else self._forward
        return grid.flatten(0, 1).index_select(0, place)

    def padding(self) -> Tensor:
        """A mask (T, B) bool, True where a step is only padding."""
        times = torch.arange(self.longest, device=self.lengths.device)
        return times[:, None] >= self.lengths[None, :]
