"""Dropout for sequences.

B sequences · N steps in the batch · D features
"""

from torch import Tensor, nn

from models.chance import uniform
from models.errors import OptionError


def share(name: str, value: float) -> float:
    """The share itself, if it is one that can be dropped; else an `OptionError` that names it."""
    if not 0 <= value < 1:
        raise OptionError(f"{name}={value}: the share that is dropped is at least 0 and below 1")
    return value


class LockedDropout(nn.Module):
    """Zeroes, while training, the same features at every step of a sequence, others of the next.

    Gal & Ghahramani 2016, "A Theoretically Grounded Application of Dropout in Recurrent Neural
    Networks": noise that is new at every step averages out over a long sequence, noise that stays
    does not. What is left is scaled by 1 / (1 - p). A sequence that is read in pieces, its state
    carried, draws a mask for each piece.

    Args:
        p: share of the features that is zeroed.

    Raises:
        OptionError: a share below 0, or of 1 and more.
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = share("p", p)

    def forward(self, steps: Tensor, row_of: Tensor, batch_size: int) -> Tensor:
        """(N, D), the sequence (N,) of each step, and B → (N, D)."""
        if not self.training or self.p == 0:
            return steps
        keep = uniform(batch_size, steps.shape[1], device=steps.device) >= self.p
        return steps * (keep.to(steps.dtype) / (1 - self.p))[row_of]

    def extra_repr(self) -> str:
        return f"p={self.p}"
