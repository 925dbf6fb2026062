"""Attention of a decoder's outputs over remembered steps: a weighted mean of them for each token.

B sequences · T decoder steps · S remembered steps · H features of a query · D of a remembered step ·
A features that both are compared in
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

# The most values that additive attention holds at once (64 MiB of them); more are computed in chunks of
# decoder steps, and again for the gradients.
MAX_VALUES = 2**24


class Attended(NamedTuple):
    """Remembered steps of B sources, ready to be attended to."""

    values: Tensor
    """(B, S, D): the steps themselves, zeros behind each source's end."""
    keys: Tensor
    """(B, S, A): the same steps as queries are compared with them."""
    is_padding: Tensor
    """(B, S) bool: where a source has ended."""

    def rows(self, rows: Tensor) -> "Attended":
        """Select sources by index (R,), which may repeat them."""
        return Attended(*(part.index_select(0, rows) for part in self))


class Attention(nn.Module):
    """The contract of attention: weights over remembered steps for each query, and their mean.

    A subclass makes ``to_keys`` and defines `scores`.

    Args:
        query_features: H.
        features: D.
    """

    #: D → A
    to_keys: nn.Module

    def __init__(self, query_features: int, features: int) -> None:
        super().__init__()
        self.query_features, self.features = query_features, features

    def remember(self, values: Tensor, is_padding: Tensor) -> Attended:
        """Make the keys of steps (B, S, D) with padding (B, S), once for all calls of `forward`."""
        return Attended(values, self.to_keys(values), is_padding)

    def scores(self, queries: Tensor, keys: Tensor) -> Tensor:
        """Queries (B, T, H) and keys (B, S, A) → scores (B, T, S), before any softmax."""
        raise NotImplementedError(f"{type(self).__name__} must define scores(queries, keys)")

    def forward(self, queries: Tensor, attended: Attended) -> tuple[Tensor, Tensor]:
        """Queries (B, T, H) → contexts (B, T, D), and the weights (B, T, S), which sum to 1."""
        scores = self.scores(queries, attended.keys)
        scores = scores.masked_fill(attended.is_padding.unsqueeze(1), -torch.inf)
        weights = scores.float().softmax(2).to(attended.values.dtype)
        return weights @ attended.values, weights


class GeneralAttention(Attention):
    """Scores qᵀ W v (Luong et al. 2015, "Effective Approaches to Attention-based NMT", eq. 8)."""

    def __init__(self, query_features: int, features: int) -> None:
        super().__init__(query_features, features)
        self.to_keys = nn.Linear(features, query_features, bias=False)

    def scores(self, queries: Tensor, keys: Tensor) -> Tensor:
        return queries @ keys.transpose(1, 2)


class AdditiveAttention(Attention):
    """Scores uᵀ tanh(W q + V v) (Bahdanau et al. 2015, appendix A.1.2; Xu et al. 2015 for pictures).

    Args:
        query_features, features: see `Attention`.
        compared: A.
    """

    def __init__(self, query_features: int, features: int, *, compared: int = 256) -> None:
        super().__init__(query_features, features)
        self.to_keys = nn.Linear(features, compared)
        self.to_compared = nn.Linear(query_features, compared, bias=False)
        self.to_score = nn.Linear(compared, 1, bias=False)

    def scores(self, queries: Tensor, keys: Tensor) -> Tensor:
        queries = self.to_compared(queries)
        at_once = max(MAX_VALUES // max(keys.numel(), 1), 1)
        if queries.shape[1] <= at_once:
            return self._scores(queries, keys)
        chunks = queries.split(at_once, dim=1)
        if not torch.is_grad_enabled():
            return torch.cat([self._scores(chunk, keys) for chunk in chunks], dim=1)
        return torch.cat(
            [checkpoint(self._scores, chunk, keys, use_reentrant=False) for chunk in chunks], dim=1
        )

    def _scores(self, queries: Tensor, keys: Tensor) -> Tensor:
        return self.to_score((queries.unsqueeze(2) + keys.unsqueeze(1)).tanh()).squeeze(3)
