"""Encoders of words, and the contract of all encoders: from a step of a sequence to features.

B sequences · N steps in the batch · D features · V tokens in the vocabulary · M encoders
"""

import copy

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.chance import Dropout, uniform
from models.errors import OptionError


class Encoder(nn.Module):
    """The contract of encoders, which turn every step of a sequence into features.

    A subclass sets ``out_features`` and defines `forward`, which sees each step alone. An encoder
    that looks back at earlier steps overrides `encode_ragged` as well, and says in ``looks_back``
    how far. One that needs the whole sequence says so in ``looks_ahead``, and defines `encode_ragged`
    alone; the features of any other are the same wherever a sequence ends. No encoder looks at
    another sequence, so they are the same in any batch.
    """

    out_features: int
    #: the number of steps before a step that its features depend on
    looks_back: int = 0
    #: whether the features of a step depend on all steps of its sequence
    looks_ahead: bool = False
    #: whether `forward` gives (N, P, out_features), a vector for each of P places of a frame
    gives_places: bool = False

    def fixed_parts(self) -> list[nn.Module]:
        """Parts that training leaves as they are, and that copies of the encoder share."""
        return []

    def forward(self, steps: Tensor) -> Tensor:
        """Steps (N, …) → (N, out_features), each by itself, whatever others come with it."""
        raise NotImplementedError(f"{type(self).__name__} must define forward(steps)")

    def encode_ragged(self, steps: Tensor, lengths: Tensor) -> Tensor:
        """Steps (N, …) of sequences end to end and their lengths (B,) → (N, out_features)."""
        return self(steps)


def refuse_places(encoder: Encoder) -> None:
    """Refuse an encoder that gives places: a recurrence reads one vector a step.

    Raises:
        OptionError: it gives places.
    """
    if encoder.gives_places:
        raise OptionError(
            f"{type(encoder).__name__} with places=true: a recurrence reads one vector a frame; set"
            " places=false, or, for captions, recurrence=null to attend to the places themselves"
        )


class WordEmbedding(Encoder):
    """A learned vector for each token.

    Args:
        num_tokens: size V of the vocabulary; tokens are 0 … V - 1.
        features: size D of the vectors.
        dropout: share of the *features* that are zeroed while training.
        word_dropout: share of the *word types* whose whole vector is dropped for one batch
            (Gal & Ghahramani 2016, "A Theoretically Grounded Application of Dropout in Recurrent
            Neural Networks", §4.2). The vectors that stay are scaled up to keep the mean.
        unknown_dropout: share of the *tokens* that are read as unknown ones, token 0, while training:
            so the model learns what an unknown word may be, and leans less on any single one.

    Raises:
        OptionError: a share below 0, or of 1 and more.
    """

    def __init__(
        self,
        num_tokens: int,
        *,
        features: int = 100,
        dropout: float = 0.0,
        word_dropout: float = 0.0,
        unknown_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if not 0 <= unknown_dropout < 1:
            raise OptionError(
                f"--model.encoder.unknown_dropout={unknown_dropout}: from 0 to below 1"
            )
        self.out_features = features
        self.unknown_dropout = unknown_dropout
        self.embedding = nn.Embedding(num_tokens, features)
        self.dropout = Dropout(dropout)
        self.word_dropout = word_dropout
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the vectors anew."""
        # Unit variance, the scale of pretrained vectors, is far too large to learn beside an LSTM
        # whose own weights start at 1/√H. Merity et al. 2018 use U(-0.1, 0.1).
        nn.init.uniform_(self.embedding.weight, -0.1, 0.1)

    def forward(self, steps: Tensor) -> Tensor:
        """Tokens (N,) int64 → (N, D)."""
        return self.dropout(self.words(steps))

    def encode_ragged(self, steps: Tensor, lengths: Tensor) -> Tensor:
        """Tokens (N,) int64 of sequences of lengths (B,) → (N, D)."""
        return self(self.with_unknown(steps))

    def with_unknown(self, tokens: Tensor) -> Tensor:
        """Tokens (N,) int64, of which some are unknown while training."""
        if not self.training or self.unknown_dropout == 0:
            return tokens
        draw = uniform(len(tokens), device=tokens.device)
        return tokens.where(draw >= self.unknown_dropout, 0)

    def words(self, steps: Tensor) -> Tensor:
        """Encode as `forward` does, before dropout of features."""
        features = self.embedding(steps)
        if self.training and self.word_dropout > 0:
            keep = uniform(self.embedding.num_embeddings, 1, device=steps.device)
            kept = (keep >= self.word_dropout).to(features.dtype) / (1 - self.word_dropout)
            features = features * functional.embedding(steps, kept)
        return features


class OneHot(Encoder):
    """Unit vectors, one for each token: nothing is learnt, as in the lecture's character model."""

    def __init__(self, num_tokens: int) -> None:
        super().__init__()
        self.out_features = num_tokens

    def forward(self, steps: Tensor) -> Tensor:
        """Tokens (N,) int64 → (N, V) float32, a single 1 in each row."""
        return functional.one_hot(steps, self.out_features).float()


class Several(Encoder):
    """Encoders of one kind, each from its own start, with their features side by side.

    Args:
        encoder: the first of them, which has a ``reset_parameters``.
        copies: M, their number.
    """

    def __init__(self, encoder: Encoder, *, copies: int) -> None:
        super().__init__()
        self.out_features = copies * encoder.out_features
        self.looks_back, self.looks_ahead = encoder.looks_back, encoder.looks_ahead
        self.encoders = nn.ModuleList([encoder])
        for _ in range(copies - 1):
            other = copy.deepcopy(encoder, {id(part): part for part in encoder.fixed_parts()})
            other.reset_parameters()  # type: ignore[operator]
            self.encoders.append(other)

    def forward(self, steps: Tensor) -> Tensor:
        """Steps (N, …) → (N, M · D)."""
        return torch.cat([encoder(steps) for encoder in self.encoders], dim=1)

    def encode_ragged(self, steps: Tensor, lengths: Tensor) -> Tensor:
        """Steps (N, …) and lengths (B,) → (N, M · D)."""
        each = [encoder.encode_ragged(steps, lengths) for encoder in self.encoders]  # type: ignore[operator]
        return torch.cat(each, dim=1)


def encoders_of(encoder: Encoder) -> list[Encoder]:
    """The encoders that stand side by side in one, or that one alone."""
    return list(encoder.encoders) if isinstance(encoder, Several) else [encoder]  # type: ignore[arg-type]
