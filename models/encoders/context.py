"""Vectors of context: fixed vectors of words and n-grams, which say beside which words each stands.

N steps in the batch · V tokens in the vocabulary · R n-grams with a vector · C features
"""

import torch
from torch import Tensor, nn


class ContextVectors(nn.Module):
    """Vectors of words and n-grams, fitted before training and left as they are by it.

    Words that stand between the same words have like vectors, so that what is learnt of one holds for
    the others. The program fits them to the co-occurrences in its texts, with labels and without
    (`pipelines.preparation.cooccurrence`). Until then all are 0.

    Args:
        num_tokens: V.
        num_ngrams: R.
        features: C.
    """

    #: (V, C) and (R + 1, C), whose last row stays 0; of half precision, which is exact enough
    words: Tensor
    ngrams: Tensor

    def __init__(self, num_tokens: int, num_ngrams: int, *, features: int) -> None:
        super().__init__()
        self.features = features
        self.register_buffer("words", torch.zeros(num_tokens, features, dtype=torch.float16))
        self.register_buffer("ngrams", torch.zeros(num_ngrams + 1, features, dtype=torch.float16))

    def take(self, words: Tensor, ngrams: Tensor) -> None:
        """Have these vectors: of words (V, C), and of the first n-grams, at most R."""
        self.words.copy_(words)
        self.ngrams.zero_()
        self.ngrams[: len(ngrams)] = ngrams

    def of_words(self, tokens: Tensor) -> Tensor:
        """Tokens (N,) int64 → (N, C) float32."""
        return self.words[tokens].float()

    def of_ngrams(self, places: Tensor) -> Tensor:
        """Rows (N,) int64, R for none → (N, C) float32."""
        return self.ngrams[places].float()
