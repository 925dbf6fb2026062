"""N-grams: an encoder of tokens that looks back at the tokens just before each.

B sequences · N steps in the batch · G tokens of the longest n-gram · D features · V tokens in the
vocabulary · R n-grams with a vector · L features of these · C features of context
"""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from models.chance import Dropout, uniform
from models.encoders.context import ContextVectors
from models.encoders.words import WordEmbedding
from models.errors import OptionError

# An n-gram's code is a polynomial hash, modulo a prime below 2^31. With this factor products stay below
# 2^63. Among a million n-grams some hundred pairs share a code.
_MODULUS, _FACTOR = 2**31 - 1, 1_000_003
# Longer n-grams hardly ever occur twice, and each length costs a look-up for every token.
_LONGEST = 64


class NgramEmbedding(WordEmbedding):
    """A learned vector for each token, plus those of the 2- to G-grams that end with it.

    The n-grams are those of Joulin et al. 2017, "Bag of Tricks for Efficient Text Classification",
    §2.2, with two differences. A recurrence reads them step by step, where the paper averages them
    over the text. And only n-grams that are frequent in training have a vector, each its own, where
    in the paper all share some by a hash: rare ones, learnt by heart, would spoil the frequent ones.
    The vectors begin at 0, so that an n-gram that is seldom seen says little.

    Args:
        num_tokens: V.
        ngrams: G, the tokens of the longest n-grams.
        num_ngrams: R, the most n-grams that have a vector; `know` says which.
        ngram_features: L, the size of their vectors, which a learned linear map brings to D. With R
            rows of D the optimiser would take most of a training step. None: D, without a map.
        ngram_dropout: share of the n-grams that are left out while training, since they are the
            first to be learnt by heart.
        context_features: C, the size of fixed vectors of words and n-grams that stand beside the learnt
            ones (see `ContextVectors`): those of the token, then those of the n-grams, which make
            D + 2 C features in all. None: there are none.
        context_dropout: share of the features of context that are zeroed while training.
        features, dropout, word_dropout, unknown_dropout: see `WordEmbedding`.

    Raises:
        OptionError: n-grams of fewer than 2 tokens or of too many; no n-gram at all; a share below
            0, or of 1 and more.
    """

    #: (R,) int64, ascending: the codes of the n-grams that have a vector; none is below 0
    known: Tensor

    def __init__(
        self,
        num_tokens: int,
        *,
        ngrams: int = 4,
        features: int = 100,
        dropout: float = 0.0,
        word_dropout: float = 0.0,
        unknown_dropout: float = 0.0,
        num_ngrams: int = 100_000,
        ngram_features: int | None = None,
        ngram_dropout: float = 0.5,
        context_features: int | None = None,
        context_dropout: float = 0.3,
    ) -> None:
        if not 2 <= ngrams <= _LONGEST:
            raise OptionError(
                f"--model.encoder.ngrams={ngrams}: from 2 to {_LONGEST}; for single tokens give"
                " --model.encoder=models.encoders.WordEmbedding"
            )
        if num_ngrams < 1:
            raise OptionError(f"--model.encoder.num_ngrams={num_ngrams}: at least 1")
        if not 0 <= ngram_dropout < 1:
            raise OptionError(f"--model.encoder.ngram_dropout={ngram_dropout}: from 0 to below 1")
        super().__init__(
            num_tokens,
            features=features,
            dropout=dropout,
            word_dropout=word_dropout,
            unknown_dropout=unknown_dropout,
        )
        self.looks_back = ngrams - 1
        self.num_ngrams, self.ngram_dropout = num_ngrams, ngram_dropout
        self.register_buffer("known", torch.full((num_ngrams,), _MODULUS))
        # One more row, which stays 0, is for all n-grams that have none.
        size = ngram_features or features
        self.ngrams = nn.Embedding(num_ngrams + 1, size, padding_idx=num_ngrams)
        nn.init.zeros_(self.ngrams.weight)
        self.ngram_map: nn.Module = nn.Identity()
        if ngram_features is not None:
            self.ngram_map = nn.Linear(ngram_features, features, bias=False)
        self.context: ContextVectors | None = None
        if context_features is not None:
            self.context = ContextVectors(num_tokens, num_ngrams, features=context_features)
            self.context_dropout = Dropout(context_dropout)
            self.out_features = features + 2 * context_features

    def reset_parameters(self) -> None:
        """Draw the tokens' vectors anew, and set those of the n-grams to 0."""
        super().reset_parameters()
        if hasattr(self, "ngrams"):  # not yet, while the base class is made
            nn.init.zeros_(self.ngrams.weight)
            if isinstance(self.ngram_map, nn.Linear):
                self.ngram_map.reset_parameters()

    def fixed_parts(self) -> list[nn.Module]:
        """The vectors of context."""
        return [] if self.context is None else [self.context]

    def know(self, codes: Tensor) -> None:
        """Give vectors to the n-grams of at most R codes (see `codes_of`), all different."""
        self.known.fill_(_MODULUS)
        self.known[: len(codes)] = codes.sort().values

    @property
    def num_known(self) -> int:
        """The number of n-grams that have a vector."""
        return int((self.known < _MODULUS).sum())

    def windows(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        """Cut tokens (N,) int64 of sequences of lengths (B,) into windows (N, G), see `windows`."""
        return windows(tokens, lengths, size=self.looks_back + 1)

    @staticmethod
    def codes_of(steps: Tensor) -> Iterator[Tensor]:
        """Windows (N, G) int64 → for each length from 2 to G the n-grams' codes (N,) int64.

        A code is -1 where the n-gram would begin before the text.
        """
        code = steps[:, 0] + 1
        for previous in steps[:, 1:].unbind(1):
            code = (code * _FACTOR + previous + 1) % _MODULUS
            yield torch.where(previous < 0, -1, code)

    def encode_ragged(self, steps: Tensor, lengths: Tensor) -> Tensor:
        """Tokens (N,) int64 of sequences of lengths (B,) → (N, D)."""
        return self(self.windows(self.with_unknown(steps), lengths))

    def forward(self, steps: Tensor) -> Tensor:
        """Windows (N, G) int64, one for each step → (N, D), or (N, D + 2 C) with vectors of context."""
        vectors = context = steps.new_zeros((), dtype=self.ngrams.weight.dtype)
        for code in self.codes_of(steps):
            places = self.places_of(code)
            if self.context is not None:
                context = context + self.context.of_ngrams(places)
            if self.training and self.ngram_dropout > 0:
                draw = uniform(len(code), device=code.device)
                places = torch.where(draw < self.ngram_dropout, self.num_ngrams, places)
            vectors = vectors + self.ngrams(places)
        learnt = self.dropout(self.words(steps[:, 0]) + self.ngram_map(vectors))
        if self.context is None:
            return learnt
        fixed = torch.cat([self.context.of_words(steps[:, 0]), context], dim=1)
        return torch.cat([learnt, self.context_dropout(fixed)], dim=1)

    def places_of(self, codes: Tensor) -> Tensor:
        """Codes (N,) int64 → the row of each n-gram's vector, R where it has none."""
        places = torch.searchsorted(self.known, codes).clamp(max=self.num_ngrams - 1)
        return torch.where(self.known[places] != codes, self.num_ngrams, places)


def windows(tokens: Tensor, lengths: Tensor, *, size: int) -> Tensor:
    """Each token with those before it in its sequence, the nearest first.

    Args:
        tokens: (N,) int64, of sequences end to end.
        lengths: (B,) int64, of each sequence.
        size: G.

    Returns:
        (N, G) int64, -1 where the sequence has no token so far back.
    """
    steps = torch.arange(len(tokens), device=tokens.device)
    first = (lengths.cumsum(0) - lengths).repeat_interleave(lengths, output_size=len(tokens))
    place = steps - first
    columns = [tokens]
    columns += [torch.where(place < back, -1, tokens.roll(back)) for back in range(1, size)]
    return torch.stack(columns, dim=1)
