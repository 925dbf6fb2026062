"""Interpolated n-gram models, the baselines of a language model.

n tokens in a text · V tokens in the vocabulary
"""

import numpy as np

# Counting sorts all tokens once for each order; more tokens than this change little.
MAX_TRAIN_TOKENS = 10_000_000


def ngram_losses(
    train: np.ndarray, test: np.ndarray, *, num_tokens: int, max_order: int
) -> list[float]:
    """Nats per token of the text ``test`` for n-gram models of orders 1 (unigram) to ``max_order``.

    Each order is interpolated with the next lower one, down to 1 / V, with the weights of Witten &
    Bell 1991 (Chen & Goodman 1999, "An empirical study of smoothing techniques for language
    modeling", §2.5):

        p_k(w | h) = (c(h w) + t(h) p_{k-1}(w | h')) / (c(h) + t(h))

    c is the count in the training text, t(h) the number of different tokens that follow h there, and
    h' is h without its first token. Where h does not occur, p_k = p_{k-1}. All tokens of ``test`` but
    the first are predicted, as by the network.

    Args:
        train, test: (n,) integers below V; only the first `MAX_TRAIN_TOKENS` of ``train`` are used.
        num_tokens: V.
        max_order: the longest n-gram.
    """
    train = np.asarray(train[:MAX_TRAIN_TOKENS], np.int64)
    test = np.asarray(test, np.int64)
    probability = np.full(len(test) - 1, 1 / num_tokens)
    # Index of the context before each token among the contexts of the training text; -1 for a context
    # that does not occur there. Order 1 has a single context, the empty one.
    context, asked = np.zeros(len(train), np.int64), np.zeros(len(test), np.int64)
    losses: list[float] = []
    for order in range(1, max_order + 1):
        if len(train) < order:  # no n-gram of this order: the loss of the shorter ones
            losses.append(losses[-1])
            continue
        grams, gram, counts = np.unique(
            context * num_tokens + train[order - 1 :], return_inverse=True, return_counts=True
        )
        followed = np.bincount(grams // num_tokens, weights=counts)
        kinds = np.bincount(grams // num_tokens)
        is_known = (asked >= 0) & (asked < len(kinds))
        wanted = asked * num_tokens + test
        place = np.minimum(np.searchsorted(grams, wanted), len(grams) - 1)
        is_found = is_known & (grams[place] == wanted)
        history = np.where(is_known, asked, 0)[1:]
        count = np.where(is_found, counts[place], 0)[1:]
        interpolated = (count + kinds[history] * probability) / (followed[history] + kinds[history])
        probability = np.where(is_known[1:] & (followed[history] > 0), interpolated, probability)
        losses.append(float(-np.log(probability).mean()))
        context = gram[:-1]
        asked = np.concatenate([[-1], np.where(is_found, place, -1)[:-1]])
    return losses
