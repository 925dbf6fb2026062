"""Softmax over tokens, from features to the probability of every token and the loss of the right.

N steps in the batch · D features · E features of an embedding · V tokens in the vocabulary
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.utils.checkpoint import checkpoint

from models.errors import OptionError

# The most scores that are computed at once (64 MiB of them). A larger batch is taken in chunks of
# steps, whose scores are computed again for the gradients. On a CPU, for 6,400 steps and 30,000 tokens,
# that takes 0.6 GiB in place of 2.2, and a third more time.
MAX_SCORES = 2**24


class TokenHead(nn.Module):
    """The contract of heads that say how probable each of V tokens is after a step.

    A subclass defines `log_probabilities` and `_losses`.

    Args:
        width: the number of scores held for each step.
    """

    def __init__(self, *, width: int) -> None:
        super().__init__()
        self.chunk_steps = max(MAX_SCORES // width, 1)

    def log_probabilities(self, features: Tensor) -> Tensor:
        """Features (N, D) → natural logarithms of probabilities (N, V)."""
        raise NotImplementedError(f"{type(self).__name__} must define log_probabilities(features)")

    def losses(self, features: Tensor, targets: Tensor) -> Tensor:
        """Losses -ln p of the right tokens, in nats: features (N, D), targets (N,) → (N,) float32.

        Never more than `MAX_SCORES` scores are computed at once. Those of a larger batch are
        computed twice for it (Chen et al. 2016, "Training Deep Nets with Sublinear Memory Cost", §4).
        """
        return in_chunks(self._losses, features, targets, chunk_steps=self.chunk_steps)

    def _losses(self, features: Tensor, targets: Tensor) -> Tensor:
        raise NotImplementedError(f"{type(self).__name__} must define _losses(features, targets)")


class Softmax(TokenHead):
    """A linear map and a softmax over all tokens.

    Args:
        in_features: D.
        num_tokens: V.
        tied: the encoder's vectors (V, E), to use as the map's weights too (Press & Wolf 2017,
            "Using the Output Embedding to Improve Language Models"; Inan et al. 2017, "Tying Word
            Vectors and Word Classifiers"). Features of another size are projected to E first.
            None: the map has weights of its own.
        label_smoothing: share of the right token's probability that is spread over all tokens, in
            losses while training (Szegedy et al. 2016, "Rethinking the Inception Architecture", §7).
    """

    def __init__(
        self,
        in_features: int,
        num_tokens: int,
        *,
        tied: nn.Embedding | None = None,
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(width=num_tokens)
        self.label_smoothing = label_smoothing
        size = in_features if tied is None else tied.embedding_dim
        self.project = None if size == in_features else nn.Linear(in_features, size, bias=False)
        self.linear = nn.Linear(size, num_tokens)
        if tied is not None:
            self.linear.weight = tied.weight
            nn.init.zeros_(self.linear.bias)

    def log_probabilities(self, features: Tensor) -> Tensor:
        return self._scores(features).float().log_softmax(1)

    def _scores(self, features: Tensor) -> Tensor:
        return self.linear(features if self.project is None else self.project(features))

    def _losses(self, features: Tensor, targets: Tensor) -> Tensor:
        smoothing = self.label_smoothing if self.training else 0.0
        scores = self._scores(features).float()
        return cross_entropy(scores, targets, reduction="none", label_smoothing=smoothing)


class AdaptiveSoftmax(TokenHead):
    """A softmax over frequent tokens and clusters of rare ones, which are computed only at need.

    Grave et al. 2017, "Efficient softmax approximation for GPUs", §4: exact probabilities, at a cost
    that hardly grows with V. Rare tokens are told apart by fewer features, a quarter for each
    cluster. Tokens must be numbered from the frequent to the rare, as a vocabulary of words is.

    Args:
        in_features: D.
        num_tokens: V.
        cutoffs: the first token of each cluster, rising, all between 1 and V - 1.

    Raises:
        OptionError: so few features that a cluster would have none left.
    """

    # Each cluster has so many times fewer features than the one before.
    DIVISOR = 4

    def __init__(self, in_features: int, num_tokens: int, *, cutoffs: Sequence[int]) -> None:
        super().__init__(width=cutoffs[0] + len(cutoffs))
        if in_features < self.DIVISOR ** len(cutoffs):
            raise OptionError(
                f"adaptive_cutoffs={list(cutoffs)}: {in_features} features are too few for"
                f" {len(cutoffs)} clusters, which need {self.DIVISOR ** len(cutoffs)}; raise"
                " hidden_size, or give fewer cutoffs"
            )
        self.adaptive = nn.AdaptiveLogSoftmaxWithLoss(
            in_features,
            num_tokens,
            cutoffs=list(cutoffs),
            div_value=self.DIVISOR,
            head_bias=True,
        )

    def log_probabilities(self, features: Tensor) -> Tensor:
        with torch.autocast(features.device.type, enabled=False):
            return self.adaptive.log_prob(features.float())

    def _losses(self, features: Tensor, targets: Tensor) -> Tensor:
        # PyTorch's layer does not take the mixed types of mixed precision.
        with torch.autocast(features.device.type, enabled=False):
            losses = -self.adaptive(features.float(), targets).output
        if not self.training:
            return losses
        # A cluster without a token in the batch takes no part. Its weights get a gradient of 0 all
        # the same, since other processes may be waiting for it.
        return losses + sum(p.sum() * 0 for p in self.adaptive.tail.parameters())


def in_chunks(
    losses: Callable[[Tensor, Tensor], Tensor],
    features: Tensor,
    targets: Tensor,
    *,
    chunk_steps: int,
) -> Tensor:
    """Compute losses (N,) of features (N, D) and targets (N,), so many steps at a time."""
    if len(features) <= chunk_steps:
        return losses(features, targets)
    chunks = zip(features.split(chunk_steps), targets.split(chunk_steps), strict=True)
    if not torch.is_grad_enabled():
        return torch.cat([losses(*chunk) for chunk in chunks])
    return torch.cat([checkpoint(losses, *chunk, use_reentrant=False) for chunk in chunks])
