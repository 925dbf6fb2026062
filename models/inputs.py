"""What a recurrence is given of each step: its features, their change, how they differ in a clip.

B sequences · N steps in the batch · D features
"""

from typing import Literal

import torch
from torch import Tensor, nn

from models.errors import OptionError

#: the change since an earlier step: not given, with its sign, or only its size
Difference = Literal["none", "signed", "absolute"]


class StepInputs(nn.Module):
    """Makes the inputs of a recurrence from encoded steps; no sequence looks at another.

    Features of a frame tell above all where it was filmed. Two remedies for cameras that were never
    seen: normalise over the clip's own steps (of speech, to be free of the microphone: Atal 1974;
    Viikki & Laurila 1998, "Cepstral domain segmental feature vector normalization"), and give the
    change from step to step (Furui 1986; Wang 2016, "Temporal Segment Networks", §3.2).

    In this order: centre, scale, difference, projection, dropout. Centring and scaling need the
    whole clip before its first step is read, so the result is not causal.

    Args:
        in_features: D, the encoder's ``out_features``.
        difference: also give the change since the step ``gap`` before, ``signed`` or ``absolute``;
            within the first ``gap`` steps, the change since step 0, which is 0 at step 0 itself.
        keep: give the features themselves; without, only their difference.
        gap: how many steps back the difference looks, ≥ 1.
        center: subtract from each feature its mean over the sequence; of a single step, 0 is left.
        scale: center, and divide by the standard deviation over the sequence or by ``SMALLEST``,
            whichever is larger: what hardly changes is not blown up.
        project: size that a trained linear map and ReLU bring the inputs to; None: as they are.
            Not preceded by layer normalisation, which would hide how much has changed.
        dropout: share of the inputs that is zeroed while training.

    Raises:
        OptionError: neither features nor difference; a gap below 1.
    """

    SMALLEST = 1e-2

    def __init__(
        self,
        in_features: int,
        *,
        difference: Difference = "none",
        keep: bool = True,
        gap: int = 1,
        center: bool = False,
        scale: bool = False,
        project: int | None = None,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if difference not in ("none", "signed", "absolute"):
            raise OptionError(f"difference={difference}: give none, signed or absolute")
        if difference == "none" and not keep:
            raise OptionError("keep=false and difference=none leave no inputs; change one of them")
        if gap < 1:
            raise OptionError(f"gap={gap}: a difference looks at least 1 step back")
        self.difference, self.keep, self.gap = difference, keep, gap
        self.center, self.scale = center, scale
        self.out_features = in_features * (keep + (difference != "none"))
        self.project: nn.Module = nn.Identity()
        if project is not None:
            self.project = nn.Sequential(nn.Linear(self.out_features, project), nn.ReLU())
            self.out_features = project
        self.dropout = nn.Dropout(dropout)

    def forward(self, features: Tensor, lengths: Tensor) -> Tensor:
        """(N, D) and lengths (B,), each ≥ 1, summing to N → (N, out_features)."""
        if features.dtype in (torch.bfloat16, torch.float16):
            features = features.float()  # sums and small differences need the digits
        row_of = torch.arange(len(lengths), device=lengths.device)
        row_of = row_of.repeat_interleave(lengths, output_size=len(features))
        if self.center or self.scale:
            features = self._normalize(features, lengths, row_of)
        parts = [features] if self.keep else []
        if self.difference != "none":
            step = torch.arange(len(features), device=lengths.device)
            first = (lengths.cumsum(0) - lengths)[row_of]
            change = features - features[torch.maximum(step - self.gap, first)]
            parts.append(change.abs() if self.difference == "absolute" else change)
        inputs = parts[0] if len(parts) == 1 else torch.cat(parts, dim=1)
        return self.dropout(self.project(inputs))

    def _normalize(self, features: Tensor, lengths: Tensor, row_of: Tensor) -> Tensor:
        centered = features - torch.segment_reduce(features, "mean", lengths=lengths)[row_of]
        if not self.scale:
            return centered
        variance = torch.segment_reduce(centered.square(), "mean", lengths=lengths)
        # Clamped before the root, whose slope at 0 is infinite.
        return centered / variance.clamp(min=self.SMALLEST**2).sqrt()[row_of]
