"""Calibrated softmax: scores to probabilities that mean what they say.

B sequences · K classes
"""

import torch
from torch import Tensor, nn

#: length whose temperature is named: in steps, a short paragraph
REFERENCE_STEPS = 40
#: A longer sequence has the temperature of this length. Few examples that a temperature is fitted on
#: are longer, and in a stream, which need not end, a power of the length would grow for ever.
MOST_STEPS = 300
#: largest slope, up or down; that of a classifier of reviews is about 0.2
MOST_SLOPE = 1.0


class CalibratedSoftmax(nn.Module):
    """The softmax of scores divided by a temperature, which depends on the length of the sequence,
    plus a bias for each class.

    This is Platt scaling (Platt 1999, "Probabilistic Outputs for Support Vector Machines and Comparisons
    to Regularized Likelihood Methods") for more than two classes: vector scaling (Guo et al. 2017, "On
    Calibration of Modern Neural Networks", §4.2) with one scale for all classes. One temperature, as
    there, is that of all lengths together, and right for none: texts of a few words and whole reviews
    are overconfident by other amounts. A sequence of L steps has
    ``temperature · (min(L, 300) / 40) ^ slope``.

    The bias is added after the division: it adds the same to the log-odds of two classes at every
    length, as another share of the classes would. Added before, it would shrink as the temperature
    rises. All numbers are fitted when the model is trained.

    Args:
        num_classes: K.
    """

    temperature: Tensor
    """A scalar above 0: that of `REFERENCE_STEPS` steps; 1 until it is fitted."""
    slope: Tensor
    """A scalar: change of the temperature's logarithm with that of the length; 0 until it is fitted,
    and for models from before there was one: a single temperature."""
    bias: Tensor
    """(K,), in units of log-odds: 0 until it is fitted, and for models from before there was one."""

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.register_buffer("temperature", torch.ones(()))
        self.register_buffer("slope", torch.zeros(()))
        self.register_buffer("bias", torch.zeros(num_classes))

    def forward(self, scores: Tensor, lengths: Tensor) -> Tensor:
        """Convert scores to probabilities.

        Args:
            scores: (B, K).
            lengths: (B,) steps that each answer is to, 1 or more.

        Returns:
            (B, K) float64, on the CPU. A row whose scores are not finite says nothing of the classes:
            all of it is NaN.

        Raises:
            ValueError: other lengths than one for each row, or one below 1.
        """
        shares = self.calibrated(scores, lengths).softmax(1)
        return shares.where(scores.cpu().isfinite().all(1, keepdim=True), torch.nan)

    def calibrated(self, scores: Tensor, lengths: Tensor) -> Tensor:
        """Convert scores to those whose softmax the probabilities are, (B, K) float64; see `forward`."""
        # On the CPU: some accelerators have no float64.
        scores, lengths = scores.detach().cpu(), lengths.cpu()
        if lengths.shape != scores.shape[:1] or (lengths < 1).any():
            raise ValueError(
                f"lengths {lengths.tolist()} of {len(scores)} sequences: one for each, 1 or more"
            )
        return self.unchecked(scores, lengths)

    def unchecked(self, scores: Tensor, lengths: Tensor) -> Tensor:
        """`calibrated` without its checks, on the device of the scores."""
        numbers = (one.to(scores.device) for one in (self.temperature, self.slope, self.bias))
        return calibrated_scores(scores, lengths, *numbers)


def relative_lengths(lengths: Tensor) -> Tensor:
    """Lengths (B,), 1 or more → (B,) float64, in units of `REFERENCE_STEPS`; see `MOST_STEPS`."""
    return lengths.clamp(max=MOST_STEPS).double() / REFERENCE_STEPS


def temperatures(lengths: Tensor, temperature: Tensor, slope: Tensor) -> Tensor:
    """Temperatures (B,) float64 of sequences of lengths (B,); see `CalibratedSoftmax`."""
    return temperature.double() * relative_lengths(lengths) ** slope.double()


def calibrated_scores(
    scores: Tensor, lengths: Tensor, temperature: Tensor, slope: Tensor, bias: Tensor
) -> Tensor:
    """Scores (B, K) of sequences of lengths (B,) → (B, K) float64; see `CalibratedSoftmax`."""
    found = temperatures(lengths, temperature, slope)
    return scores.double() / found.unsqueeze(1) + bias.double()
