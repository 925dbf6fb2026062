"""Counts of n-grams."""

import math

import numpy as np
import pytest

from pipelines.metrics.ngrams import ngram_losses


def test_ngrams_by_hand():
    train, test = np.array([0, 1, 0, 1, 0, 2]), np.array([0, 1, 2])
    unigram, bigram, trigram = ngram_losses(train, test, num_tokens=4, max_order=3)
    # Unigram: c = 3, 2, 1 of 6, and 3 different ones share a weight of 3 with 1 / 4 each.
    p1 = [(2 + 3 / 4) / 9, (1 + 3 / 4) / 9]
    assert unigram == pytest.approx(-np.log(p1).mean())
    # After 0 came 1 twice and 2 once; after 1 always 0, so of p(2 | 1) only the unigram's share.
    p2 = [(2 + 2 * p1[0]) / 5, (0 + 1 * p1[1]) / 3]
    assert bigram == pytest.approx(-np.log(p2).mean())
    # The first has no context of two; after 0 1 came 0 twice.
    p3 = [p2[0], (0 + 1 * p2[1]) / 3]
    assert trigram == pytest.approx(-np.log(p3).mean())


def test_ngrams_are_distributions():
    random = np.random.default_rng(0)
    train = random.integers(0, 5, 300)
    for order in (1, 2, 4):
        total = sum(_last(train, last, order) for last in range(6))
        assert total == pytest.approx(1)


def _last(train, last, order):
    """p of one last token: the text with it costs -ln p more than the text without."""
    before, whole = np.array([3, 1, 2, 0]), np.array([3, 1, 2, 0, last])
    short = 3 * ngram_losses(train, before, num_tokens=6, max_order=order)[-1]
    long = 4 * ngram_losses(train, whole, num_tokens=6, max_order=order)[-1]
    return math.exp(short - long)
