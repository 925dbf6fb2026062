"""Step inputs: features as a recurrence reads them, with their change, normalised over a clip.

B sequences · N steps in the batch · D features
"""

from collections.abc import Iterable
from typing import Literal

import torch
from torch import Tensor, nn

from models.chance import Dropout
from models.errors import OptionError
from models.recurrence.layout import rows_of

#: the change since an earlier step: left out, with its sign, or only its size
Difference = Literal["none", "signed", "absolute"]
#: the distance from the clip's own mean: left out, as it is, or as a share of that mean
Deviation = Literal["none", "absolute", "relative"]


class StepInputs(nn.Module):
    """The inputs of a recurrence, made of encoded steps; no sequence looks at another.

    Features of a frame tell above all where it was filmed. There are three remedies for cameras that
    were never seen:

    - normalise over the clip's own steps, as speech is freed of the microphone (Atal 1974; Viikki &
      Laurila 1998, "Cepstral domain segmental feature vector normalization");
    - give the change from step to step (Furui 1986; Wang et al. 2016, "Temporal Segment Networks",
      §3.2);
    - give the deviation from the clip's mean, in which objects that stand still vanish (background
      subtraction, Piccardi 2004).

    The order is: centre and scale; features, difference and deviation side by side; standardise;
    dropout; projection. A clip's mean needs the whole clip before its first step is read, so inputs
    that use it are not causal.

    Args:
        in_features: D, the encoder's ``out_features``.
        difference: also give the change since the step ``gap`` before, ``signed`` or ``absolute``.
            Within the first ``gap`` steps it is the change since step 0, and 0 at step 0 itself.
        deviation: also give the distance to the mean over the sequence: ``absolute``, |x - m|, or
            ``relative``, q = |x - m| / (|m| + 0.1), brought near mean 0 and deviation 1 as 3 q - 0.7
            and cut off at -2 and 8.
        keep: give the features themselves.
        gap: the number of steps that the difference looks back, ≥ 1.
        center: subtract from each feature its mean over the sequence. A single step becomes 0.
        scale: center, and divide by the standard deviation over the sequence or by ``SMALLEST``,
            whichever is larger, so that features that hardly change are not blown up.
        standardize: bring each input to mean 0 and deviation 1 over the training steps, which `fit`
            measures, and cut it off at ±8. Relative deviations, which have no unit, are left out. It
            needs features that stay the same: a frozen encoder.
        dropout: share of the inputs that is zeroed while training.
        project: the size that a trained linear map brings the inputs to; None: no map. No layer
            normalisation comes before it, since it would hide how much has changed.

    Raises:
        OptionError: neither features nor difference nor deviation; a gap below 1.
    """

    SMALLEST = 1e-2
    LARGEST = 8.0

    shift: Tensor
    spread: Tensor

    def __init__(
        self,
        in_features: int,
        *,
        difference: Difference = "none",
        deviation: Deviation = "none",
        keep: bool = True,
        gap: int = 1,
        center: bool = False,
        scale: bool = False,
        standardize: bool = False,
        dropout: float = 0.0,
        project: int | None = None,
    ) -> None:
        super().__init__()
        if difference not in ("none", "signed", "absolute"):
            raise OptionError(f"difference={difference}: give none, signed or absolute")
        if deviation not in ("none", "absolute", "relative"):
            raise OptionError(f"deviation={deviation}: give none, absolute or relative")
        num_parts = keep + (difference != "none") + (deviation != "none")
        if num_parts == 0:
            raise OptionError(
                "keep=false, difference=none and deviation=none leave no inputs; change one of them"
            )
        if gap < 1:
            raise OptionError(f"gap={gap}: a difference looks at least 1 step back")
        self.difference, self.deviation, self.keep, self.gap = difference, deviation, keep, gap
        self.center, self.scale, self.standardize = center, scale, standardize
        self.out_features = in_features * num_parts
        if standardize:
            self.register_buffer("shift", torch.zeros(self.out_features))
            self.register_buffer("spread", torch.ones(self.out_features))
        self.dropout = Dropout(dropout)
        self.project: nn.Module = nn.Identity()
        if project is not None:
            self.project = nn.Linear(self.out_features, project)
            self.out_features = project

    @property
    def is_causal(self) -> bool:
        """Whether the inputs of a step depend on no later step."""
        return not (self.center or self.scale or self.deviation != "none")

    def forward(self, features: Tensor, lengths: Tensor) -> Tensor:
        """Features (N, D) and lengths (B,), each ≥ 1, summing to N → (N, out_features)."""
        return self.finish(self._gather(features, lengths))

    def finish(self, inputs: Tensor) -> Tensor:
        """Standardise, drop and project inputs (…, parts · D) that stand side by side."""
        if self.standardize:
            inputs = (inputs - self.shift) / self.spread
            inputs = inputs.clamp(-self.LARGEST, self.LARGEST)
        return self.project(self.dropout(inputs))

    @torch.no_grad()
    def fit(self, batches: Iterable[tuple[Tensor, Tensor]]) -> None:
        """Measure means and deviations for `standardize` over batches of features and lengths."""
        count, total, squares = 0, torch.zeros(()), torch.zeros(())
        for features, lengths in batches:
            # The difference of large squares has few digits left, hence float64.
            inputs = self._gather(features, lengths).double()
            count += len(inputs)
            total = total.to(inputs) + inputs.sum(0)
            squares = squares.to(inputs) + inputs.square().sum(0)
        mean = total / count
        variance = (squares / count - mean.square()).clamp(min=0)
        measured = len(mean) - (features.shape[1] if self.deviation == "relative" else 0)
        self.shift[:measured] = mean[:measured]
        # An input that never changes while training says nothing, and stays near 0.
        self.spread[:measured] = variance.sqrt().clamp(min=self.SMALLEST)[:measured]

    def _gather(self, features: Tensor, lengths: Tensor) -> Tensor:
        """Features (N, D) → the parts that are asked for, side by side (N, …)."""
        if features.dtype in (torch.bfloat16, torch.float16):
            features = features.float()  # since sums and small differences need the digits
        row_of = rows_of(lengths, len(features))
        if self.center or self.scale:
            features = self._normalize(features, lengths, row_of)
        parts = [features] if self.keep else []
        if self.difference != "none":
            step = torch.arange(len(features), device=lengths.device)
            first = (lengths.cumsum(0) - lengths)[row_of]
            change = features - features[torch.maximum(step - self.gap, first)]
            parts.append(change.abs() if self.difference == "absolute" else change)
        if self.deviation != "none":
            parts.append(self.deviation_of(features, _means(features, lengths)[row_of]))
        return parts[0] if len(parts) == 1 else torch.cat(parts, dim=1)

    def deviation_of(self, features: Tensor, mean: Tensor) -> Tensor:
        """Distance (…, D) of features from the mean over their sequence, as is asked for."""
        distance = (features - mean).abs()
        if self.deviation == "relative":
            distance = (3 * distance / (mean.abs() + 0.1) - 0.7).clamp(-2.0, self.LARGEST)
        return distance

    def _normalize(self, features: Tensor, lengths: Tensor, row_of: Tensor) -> Tensor:
        centered = features - _means(features, lengths)[row_of]
        if not self.scale:
            return centered
        variance = _means(centered.square(), lengths)
        # Clamped before the root, whose slope at 0 is infinite.
        return centered / variance.clamp(min=self.SMALLEST**2).sqrt()[row_of]


def _means(features: Tensor, lengths: Tensor) -> Tensor:
    """The mean over the steps of each sequence: (N, D) → (B, D)."""
    return torch.segment_reduce(features, "mean", lengths=lengths)
