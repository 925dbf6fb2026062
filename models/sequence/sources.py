"""Sources: a sequence read once, as the steps that a decoder attends to and a summary to start from.

B sequences · N steps in the batch · R remembered steps · P places of a picture · D features
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from models.chance import Dropout
from models.encoders.words import Encoder, refuse_places
from models.recurrence.layout import rows_of
from models.recurrence.recurrences import Recurrence


class Remembered(NamedTuple):
    """Sources that were read."""

    steps: Tensor
    """(R, D): the steps to attend to, those of all sources end to end."""
    lengths: Tensor
    """(B,) int64: remembered steps of each source."""
    summary: Tensor
    """(B, ``summary_features``): each source in one vector."""


class Source(nn.Module):
    """The contract of sources. A subclass sets the two sizes and defines `forward`."""

    #: D
    out_features: int
    summary_features: int

    encoder: Encoder

    def forward(self, steps: Tensor, lengths: Tensor, *, is_encoded: bool = False) -> Remembered:
        """Read sources.

        Args:
            steps: (N, …) of all sources end to end.
            lengths: (B,) their numbers of steps.
            is_encoded: whether the steps are features that the encoder has made before.
        """
        raise NotImplementedError(f"{type(self).__name__} must define forward(steps, lengths)")

    def encode(self, steps: Tensor, lengths: Tensor, *, is_encoded: bool) -> Tensor:
        """Steps (N, …) → features (N, D), or (N, P, D) of places."""
        return steps if is_encoded else self.encoder.encode_ragged(steps, lengths)


class ReadSource(Source):
    """An encoder and a recurrence: each step is remembered as it was read, best in two directions.

    The summary is the last layer's state at the end of its reading, both directions side by side
    (Bahdanau et al. 2015, "Neural Machine Translation by Jointly Learning to Align and Translate",
    §3.2).

    Args:
        encoder: turns a step into features.
        recurrence: reads the features.
        with_features: whether a step is remembered by its features too, beside its reading. What
            can be seen in the step alone is learnt faster then.
        dropout: share of the remembered features that is zeroed while training.

    Raises:
        OptionError: an encoder that gives places: a recurrence reads one vector a step.
    """

    def __init__(
        self,
        encoder: Encoder,
        recurrence: Recurrence,
        *,
        with_features: bool = False,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        refuse_places(encoder)
        self.encoder, self.recurrence, self.with_features = encoder, recurrence, with_features
        self.dropout = Dropout(dropout)
        self.out_features = self.summary_features = recurrence.out_features
        if with_features:
            self.out_features += encoder.out_features

    def forward(self, steps: Tensor, lengths: Tensor, *, is_encoded: bool = False) -> Remembered:
        features = self.encode(steps, lengths, is_encoded=is_encoded)
        outputs, state = self.recurrence(features, lengths, carry=True)
        last = state[0][-self.recurrence.num_directions :]
        steps = torch.cat([features, outputs], dim=1) if self.with_features else outputs
        return Remembered(self.dropout(steps), lengths, torch.cat(tuple(last), dim=1))


class SeenSource(Source):
    """An encoder alone: a picture by its places, or by one vector; the summary is their mean.

    The encoder gives (N, D), a vector for each frame, or (N, P, D), each frame's places (Xu et al.
    2015, "Show, Attend and Tell", §3.1.1; the mean is its §3.1.2).

    Args:
        encoder: turns a frame into features.
        features: D after a learned map with ReLU, which suits the features of a frozen encoder to
            the task; None leaves them as they are.
        dropout: share of the features that is zeroed while training.
    """

    def __init__(
        self, encoder: Encoder, *, features: int | None = None, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.dropout = Dropout(dropout)
        self.out_features = self.summary_features = features or encoder.out_features
        if features is not None:
            self.suit = nn.Sequential(nn.Linear(encoder.out_features, features), nn.ReLU())

    def forward(self, steps: Tensor, lengths: Tensor, *, is_encoded: bool = False) -> Remembered:
        features = self.encode(steps, lengths, is_encoded=is_encoded)
        if hasattr(self, "suit"):
            features = self.suit(features)
        if features.ndim == 3:
            lengths = lengths * features.shape[1]
            features = features.flatten(0, 1)
        features = self.dropout(features)
        sums = features.new_zeros(len(lengths), features.shape[1])
        sums = sums.index_add(0, rows_of(lengths, len(features)), features)
        return Remembered(features, lengths, sums / lengths.unsqueeze(1))
