"""Classifiers as they are exported: whole sequences, or one step and the state.

B sequences · T steps of the longest · D features · K classes
"""

import copy

import torch
from torch import Tensor, nn

from models.encoders.foreground import WithForeground
from models.forms.operators import OperatorRecurrence
from models.forms.padded import encoded, gated, inputs_of, pooled, share_ngrams
from models.sequence.classifier import Classifier
from models.sequence.ensemble import together
from models.sequence.many_to_one import ManyToOne
from models.sequence.stepwise import Stepper, StepState


class WholeForm(nn.Module):
    """A classifier of padded sequences.

    Args:
        classifier: the trained model.

    Raises:
        OptionError: a recurrence or an encoder that cannot be exported.
    """

    def __init__(self, classifier: Classifier) -> None:
        super().__init__()
        share_ngrams(classifier.model.encoders)
        self.encoder, self.votes = classifier.model.encoder, classifier.model.votes
        self.members = nn.ModuleList(map(_WholeMember, classifier.members))
        self.softmax = classifier.probabilities

    def forward(self, steps: Tensor, lengths: Tensor) -> Tensor:
        """Classify B sequences.

        Args:
            steps: (B, T) tokens int64, (B, T, C) vectors, or (B, T, D) features of encoded frames;
                any that the model takes on padding.
            lengths: (B,) int64, from 1 to T.

        Returns:
            probabilities (B, K) float32.
        """
        mask = torch.arange(steps.shape[1], device=steps.device) < lengths.unsqueeze(1)
        features = encoded(self.encoder, steps)
        each = [member(features, lengths, mask) for member in self.members]
        scores = each[0] if len(each) == 1 else together(torch.stack(each), self.votes)
        return self.softmax.unchecked(scores, lengths).softmax(1).float()


class StepForm(nn.Module):
    """A causal classifier, one step at a time; see `Stepper`.

    Args:
        classifier: the trained model.

    Raises:
        OptionError: a model that looks ahead, or cannot be exported.
    """

    def __init__(self, classifier: Classifier) -> None:
        super().__init__()
        self.stepper = Stepper(with_operators(classifier).model)
        self.softmax = classifier.probabilities

    def forward(self, steps: Tensor, state: StepState) -> tuple[Tensor, StepState]:
        """A step (B, …) and the state before it → probabilities (B, K) so far, the state after."""
        scores, after = self.stepper(steps, state)
        return self.softmax.unchecked(scores, after["steps_read"]).softmax(1).float(), after


class EncoderForm(nn.Module):
    """An encoder of frames.

    Args:
        encoder: the trained encoder.
    """

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, frames: Tensor) -> Tensor:
        """Frames (N, S, S, 3) uint8 → features (N, D), or (N, P, D) of places."""
        return self.encoder.encode(frames.permute(0, 3, 1, 2).float() / 255)  # type: ignore[operator]


class ForegroundForm(nn.Module):
    """An encoder of frames and of their foreground; see `WithForeground`.

    Args:
        encoder: the trained encoder.
    """

    def __init__(self, encoder: WithForeground) -> None:
        super().__init__()
        self.each = EncoderForm(encoder.encoder)

    def forward(self, frames: Tensor, background: Tensor) -> Tensor:
        """Frames (N, S, S, 3) and the background (S, S, 3) of their clip → features (N, …, 2 D)."""
        shown = (frames.float() - background.float() + 128).clamp(0, 255)
        return torch.cat([self.each(frames), self.each(shown)], dim=-1)


def with_operators(classifier: Classifier) -> Classifier:
    """A copy whose recurrences are operators."""
    made = copy.deepcopy(classifier)
    share_ngrams(made.model.encoders)
    for member in made.members:
        member.recurrence = OperatorRecurrence(member.recurrence)  # type: ignore[assignment]
    return made


class _WholeMember(nn.Module):
    """A model that reads encoded steps."""

    def __init__(self, member: ManyToOne) -> None:
        super().__init__()
        self.member = member
        self.recurrence = OperatorRecurrence(member.recurrence)

    def forward(self, features: Tensor, lengths: Tensor, mask: Tensor) -> Tensor:
        """Features (B, T, D), lengths (B,), mask (B, T) → scores (B, K)."""
        reads = self.member.reads
        chosen = features if reads is None else features[:, :, reads]
        inputs = inputs_of(self.member.inputs, chosen, mask)
        outputs, state = self.recurrence.read(inputs.transpose(0, 1), lengths)
        # An order-blind member has no state, and its mean needs no end.
        ends = state[0][-self.recurrence.num_directions :] if state else outputs[:1]
        if self.member.gated is not None:
            outputs, ends = gated(self.member.gated, inputs.transpose(0, 1), outputs, lengths)
        return self.member.head(pooled(self.member.pooling, outputs, ends, mask))
