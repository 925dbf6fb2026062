"""Calibrated softmax: scores to probabilities that mean what they say.

B sequences · K classes
"""

import torch
from torch import Tensor, nn


class CalibratedSoftmax(nn.Module):
    """The softmax of scores divided by a temperature (Guo et al. 2017, "On Calibration of Modern
    Neural Networks", §4.2), which is fitted when the model is trained.
    """

    temperature: Tensor
    """A scalar above 0; 1 until it is fitted."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("temperature", torch.ones(()))

    def forward(self, scores: Tensor) -> Tensor:
        """Scores (B, K) → probabilities (B, K) float64, on the CPU.

        A row whose scores are not finite says nothing of the classes: all of it is NaN.
        """
        # On the CPU: some accelerators have no float64.
        scores = scores.detach().cpu().double()
        shares = (scores / self.temperature.cpu()).softmax(1)
        return shares.where(scores.isfinite().all(1, keepdim=True), torch.nan)
