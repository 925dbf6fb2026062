"""Dropout that stays the same along a sequence.

B sequences · N steps in the batch · D features
"""

from torch import Tensor, nn

from models.chance import uniform
from models.errors import OptionError


def share(name: str, value: float) -> float:
    """Return a share that can be dropped.

    Raises:
        OptionError: it is below 0, or 1 and more.
    """
    if not 0 <= value < 1:
        raise OptionError(f"{name}={value}: the share that is dropped is at least 0 and below 1")
    return value


class LockedDropout(nn.Module):
    """Dropout with one mask for all steps of a sequence, and another for the next sequence.

    Gal & Ghahramani 2016, "A Theoretically Grounded Application of Dropout in Recurrent Neural
    Networks", §4: noise that is new at every step averages out over a long sequence, noise that stays
    does not. The features that are kept are scaled by 1 / (1 - p). A sequence that is read in pieces,
    its state carried, draws a mask for each piece.

    Args:
        p: share of the features that is zeroed while training.

    Raises:
        OptionError: a share below 0, or of 1 and more.
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = share("p", p)

    def forward(self, steps: Tensor, row_of: Tensor, batch_size: int) -> Tensor:
        """Features (N, D), the sequence (N,) that each step belongs to, and B → (N, D)."""
        if not self.training or self.p == 0:
            return steps
        keep = uniform(batch_size, steps.shape[1], device=steps.device) >= self.p
        return steps * (keep.to(steps.dtype) / (1 - self.p))[row_of]

    def extra_repr(self) -> str:
        return f"p={self.p}"
