"""Vectors of co-occurrence, by hand and by what they are for."""

import math

import numpy as np
import pytest
from scipy.sparse import csr_array

from pipelines.preparation.cooccurrence import (
    Occurrences,
    _counted,
    _positive_information,
    cooccurrence_vectors,
)


def occurrences(*texts, pairs=()):
    """Occurrences of the words of texts, and of pairs of words, whose units come after them."""
    tokens = np.array([word for text in texts for word in text])
    lengths = [len(text) for text in texts]
    ends = np.repeat(np.cumsum(lengths), lengths)
    starts = ends - np.repeat(lengths, lengths)
    places = np.arange(len(tokens))
    found = [(word, place, place) for place, word in enumerate(tokens)]
    for k, pair in enumerate(pairs):
        found += [
            (tokens.max() + 1 + k, place - 1, place)
            for place in places[1:]
            if starts[place] == starts[place - 1] and tuple(tokens[place - 1 : place + 1]) == pair
        ]
    units, firsts, lasts = map(np.array, zip(*found, strict=True))
    return Occurrences(tokens, starts, ends, units, firsts, lasts)


def test_neighbours_are_counted_before_and_after_and_within_a_text():
    some = occurrences([0, 1, 2], [1, 0], pairs=[(0, 1)])
    neighbours = np.array([0, 1, 2])
    found = _counted(some, neighbours, (4, 6)).toarray()
    # Word 0 has 1 before it in the second text, and 1 and 2 after it in the first.
    assert found[0].tolist() == [0, 1, 0, 0, 1, 1]
    assert found[1].tolist() == [1, 0, 0, 1, 0, 1]
    assert found[2].tolist() == [1, 1, 0, 0, 0, 0]
    # The words of a pair are not its neighbours.
    assert found[3].tolist() == [0, 0, 0, 0, 0, 1]


def test_words_more_than_five_places_away_and_rare_ones_are_no_neighbours():
    some = occurrences([0, 1, 1, 1, 1, 2, 3])
    found = _counted(some, np.array([0, -1, 1, 2]), (4, 6)).toarray()
    assert found[0].tolist() == [0, 0, 0, 0, 1, 0]
    assert found[3].tolist() == [0, 1, 0, 0, 0, 0]


def test_information_by_hand():
    counts = np.array([[4, 0], [4, 1]], np.float32)
    found = _positive_information(csr_array(counts)).toarray()
    shares = np.array([8**0.75, 1])
    shares /= shares.sum()
    assert found[0, 0] == pytest.approx(math.log(1 / shares[0]))
    assert found[1, 1] == pytest.approx(math.log(0.2 / shares[1]))
    # Less often together than by chance: 0.
    assert found[1, 0] == 0 > math.log(0.8 / shares[0])
    assert found[0, 1] == 0


def test_words_in_like_company_have_like_vectors():
    draw = np.random.default_rng(0)
    # Words 0 and 1 stand beside 10 to 19, words 2 and 3 beside 20 to 29; so does the pair 4 5.
    texts = []
    for _ in range(400):
        word, others = (0, 10) if draw.random() < 0.5 else (2, 20)
        middle = [4, 5] if others == 20 and draw.random() < 0.3 else [word + draw.integers(2)]
        beside = others + draw.integers(0, 10, 6)
        texts.append([*beside[:3], *middle, *beside[3:]])
    counts = np.bincount(np.concatenate(texts), minlength=30)
    found = [occurrences(*some, pairs=[(4, 5)]) for some in (texts[:100], texts[100:])]
    vectors = cooccurrence_vectors(found, counts, num_units=31, size=8)
    assert vectors.shape == (31, 8)
    assert vectors[:30].std() == pytest.approx(0.3)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True).clip(1e-9)
    assert unit[0] @ unit[1] > 0.9
    assert unit[0] @ unit[2] < 0.5
    assert unit[30] @ unit[2] > 0.5 > 0.2 > unit[30] @ unit[0]
    assert not vectors[6:10].any()  # they do not occur


def test_more_numbers_than_the_words_have_are_0():
    some = occurrences([0, 1, 0, 1])
    vectors = cooccurrence_vectors([some], np.array([2, 2]), num_units=2, size=9)
    assert np.isfinite(vectors).all()
    assert not vectors[:, 2:].any()


@pytest.mark.parametrize("texts", [[[0], [1]], [[0, 0]]])
def test_words_that_stand_alone_or_only_by_themselves_have_finite_vectors(texts):
    some = occurrences(*texts)
    counts = np.bincount(some.tokens, minlength=2)
    vectors = cooccurrence_vectors([some], counts, num_units=2, size=3)
    assert vectors.shape == (2, 3)
    assert np.isfinite(vectors).all()
