"""An encoder that knows which tokens came just before.

N steps in the batch · G tokens of each · D features · V tokens in the vocabulary
"""

import torch
from torch import Tensor, nn

from models.encoders import WordEmbedding
from models.errors import OptionError

# Of a polynomial hash: a prime below 2^31, and a factor with which products stay below 2^63.
_MODULUS, _FACTOR = 2**31 - 1, 1_000_003


class NgramEmbedding(WordEmbedding):
    """A learned vector for each token, plus those of the 2- to G-grams that end with it.

    Joulin et al. 2017, "Bag of Tricks for Efficient Text Classification": n-grams are many, so they
    share vectors by a hash. Unlike there they are not averaged over the text: a recurrence reads
    them step by step. They begin at nothing, so that one which is rarely seen says little.

    Args:
        num_tokens: V.
        buckets: how many vectors the n-grams share.
        ngram_dropout: share of the n-grams that are left out while training; they are what is
            learnt by heart first.
        options: what else `WordEmbedding` takes.
    """

    def __init__(
        self,
        num_tokens: int,
        *,
        features: int = 100,
        dropout: float = 0.0,
        word_dropout: float = 0.0,
        normalize: bool = False,
        buckets: int = 300_000,
        ngram_dropout: float = 0.5,
    ) -> None:
        if buckets < 1:
            raise OptionError(f"--model.encoder.buckets={buckets}: at least 1")
        if not 0 <= ngram_dropout < 1:
            raise OptionError(f"--model.encoder.ngram_dropout={ngram_dropout}: from 0 to below 1")
        super().__init__(
            num_tokens,
            features=features,
            dropout=dropout,
            word_dropout=word_dropout,
            normalize=normalize,
        )
        self.buckets, self.ngram_dropout = buckets, ngram_dropout
        # One more, which stays nothing, for n-grams that would begin before the text.
        self.ngrams = nn.Embedding(buckets + 1, features, padding_idx=buckets)
        nn.init.zeros_(self.ngrams.weight)

    def reset_parameters(self) -> None:
        """Draw the vectors anew; those of the n-grams begin at nothing."""
        super().reset_parameters()
        if hasattr(self, "ngrams"):  # not yet, while the base class is made
            nn.init.zeros_(self.ngrams.weight)

    def forward(self, steps: Tensor) -> Tensor:
        """(N, G) int64, each token and those before it, the nearest first, -1 for none → (N, D)."""
        features = self.words(steps[:, 0])
        code = steps[:, 0] + 1
        for previous in steps[:, 1:].unbind(1):
            code = (code * _FACTOR + previous + 1) % _MODULUS
            is_left_out = previous < 0
            if self.training and self.ngram_dropout > 0:
                draw = torch.rand(len(code), device=code.device)
                is_left_out = is_left_out | (draw < self.ngram_dropout)
            places = torch.where(is_left_out, self.buckets, code % self.buckets)
            features = features + self.ngrams(places)
        return self.dropout(features)
