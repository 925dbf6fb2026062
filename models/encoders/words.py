"""Encoders: what turns one step of a sequence into features.

N steps in the batch · D features · V tokens in the vocabulary
"""

import copy

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.chance import Dropout, uniform


class Encoder(nn.Module):
    """Turns every step of a sequence into features.

    A subclass sets ``out_features`` and defines `forward`, which sees each step alone. One that
    looks back at earlier steps overrides `encode_ragged` as well, and says in ``looks_back`` how
    far. No encoder looks ahead, or at another sequence: the features of a step stay the same
    wherever its sequence is cut off, and in any batch.
    """

    out_features: int
    #: how many steps before a step its features depend on
    looks_back: int = 0

    def forward(self, steps: Tensor) -> Tensor:
        """(N, …) → (N, out_features): each step alike and alone, whatever others come with it."""
        raise NotImplementedError(f"{type(self).__name__} must define forward(steps)")

    def encode_ragged(self, steps: Tensor, lengths: Tensor) -> Tensor:
        """Steps (N, …) of sequences end to end and their lengths (B,) → (N, out_features)."""
        return self(steps)


class WordEmbedding(Encoder):
    """A learned vector for each token.

    Args:
        num_tokens: size V of the vocabulary; tokens are 0 … V - 1.
        features: size D of the vectors.
        dropout: share of the *features* that are zeroed while training.
        word_dropout: share of the *words types* whose whole vector is dropped for one batch
            (Gal & Ghahramani 2016, "A Theoretically Grounded Application of Dropout in Recurrent
            Neural Networks", §4.2); the vectors that stay are scaled up to keep the mean.
        normalize: whether vectors are used with mean 0 and variance 1 over running words, by
            `frequencies`: what a perturbation of a given size means stays the same, however large
            the network would like to make its vectors (Miyato et al. 2017, "Adversarial Training
            Methods for Semi-Supervised Text Classification", eq. 1).
    """

    #: (V,) the share of each token in running text; equal shares until they are known
    frequencies: Tensor

    def __init__(
        self,
        num_tokens: int,
        *,
        features: int = 100,
        dropout: float = 0.0,
        word_dropout: float = 0.0,
        normalize: bool = False,
    ) -> None:
        super().__init__()
        self.out_features = features
        self.normalize = normalize
        if normalize:
            self.register_buffer("frequencies", torch.full((num_tokens,), 1 / num_tokens))
        self.embedding = nn.Embedding(num_tokens, features)
        self.dropout = Dropout(dropout)
        self.word_dropout = word_dropout
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the vectors anew."""
        # Unit variance is the scale of pretrained vectors, far too large to learn beside an LSTM
        # whose own weights start at 1/√H (Merity 2018 uses U(-0.1, 0.1)).
        nn.init.uniform_(self.embedding.weight, -0.1, 0.1)

    def forward(self, steps: Tensor) -> Tensor:
        """Tokens (N,) int64 → (N, D)."""
        return self.dropout(self.words(steps))

    def words(self, steps: Tensor) -> Tensor:
        """As `forward`, before dropout of features."""
        features = functional.embedding(steps, self.vectors())
        if self.training and self.word_dropout > 0:
            keep = uniform(self.embedding.num_embeddings, 1, device=steps.device)
            kept = (keep >= self.word_dropout).to(features.dtype) / (1 - self.word_dropout)
            features = features * functional.embedding(steps, kept)
        return features

    def vectors(self) -> Tensor:
        """(V, D): the vectors as they are used."""
        weight = self.embedding.weight
        if not self.normalize:
            return weight
        centered = weight - self.frequencies @ weight
        return centered * (self.frequencies @ centered.square() + 1e-8).rsqrt()


class OneHot(Encoder):
    """Each token as a unit vector: nothing learned, as in the lecture's character model."""

    def __init__(self, num_tokens: int) -> None:
        super().__init__()
        self.out_features = num_tokens

    def forward(self, steps: Tensor) -> Tensor:
        """Tokens (N,) int64 → (N, V) float32, a single 1 in each row."""
        return functional.one_hot(steps, self.out_features).float()


class Several(Encoder):
    """Encoders of one kind, each from its own start; their features stand side by side.

    Args:
        encoder: the first; it has a ``reset_parameters``.
        copies: M, how many there are with it.
    """

    def __init__(self, encoder: Encoder, *, copies: int) -> None:
        super().__init__()
        self.out_features = copies * encoder.out_features
        self.looks_back = encoder.looks_back
        self.encoders = nn.ModuleList([encoder])
        for _ in range(copies - 1):
            other = copy.deepcopy(encoder)
            other.reset_parameters()  # type: ignore[operator]
            self.encoders.append(other)

    def forward(self, steps: Tensor) -> Tensor:
        """(N, …) → (N, M · D)."""
        return torch.cat([encoder(steps) for encoder in self.encoders], dim=1)

    def encode_ragged(self, steps: Tensor, lengths: Tensor) -> Tensor:
        """Steps (N, …) and lengths (B,) → (N, M · D)."""
        each = [encoder.encode_ragged(steps, lengths) for encoder in self.encoders]  # type: ignore[operator]
        return torch.cat(each, dim=1)


def encoders_of(encoder: Encoder) -> list[Encoder]:
    """Those that stand side by side, or the only one."""
    return list(encoder.encoders) if isinstance(encoder, Several) else [encoder]  # type: ignore[arg-type]
