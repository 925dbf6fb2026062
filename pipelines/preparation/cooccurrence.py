"""Vectors of co-occurrence: units of text that stand between the same words have like ones.

N tokens · U units: words, and n-grams with a vector · V words in the vocabulary · C frequent words ·
D numbers of a vector
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from scipy.sparse import coo_array, csr_array
from sklearn.utils.extmath import randomized_svd

# Words farther away say more about the subject than about the unit.
_WINDOW = 5
# Rarer words say little as neighbours, and each is two columns.
_MOST_NEIGHBOURS = 10_000
# Rare neighbours would have too large a mutual information; the exponent of Levy et al. 2015, §3.2.
_SMOOTHING = 0.75
# Columns of the decomposition are weighted by the root of their singular value (ibid., §3.3).
_POWER = 0.5
# Standard deviation of the numbers, about that of vectors that were learnt.
_SCALE = 0.3


class Occurrences(NamedTuple):
    """Units in some texts that stand end to end."""

    tokens: np.ndarray
    """(N,) int64: words of the texts, 0 … V - 1."""
    text_starts: np.ndarray
    """(N,) int64: place of the first token of the text that each token is in."""
    text_ends: np.ndarray
    """(N,) int64: place after its last token."""
    units: np.ndarray
    """(M,) int64: the unit of each occurrence; words come first, as 0 … V - 1."""
    starts: np.ndarray
    """(M,) int64: place of the first token of each occurrence."""
    ends: np.ndarray
    """(M,) int64: place of its last token."""


def cooccurrence_vectors(
    found: Iterable[Occurrences], counts: np.ndarray, *, num_units: int, size: int
) -> np.ndarray:
    """Fit vectors to the words that stand up to five places before and after each unit.

    Positive pointwise mutual information of units and neighbours, those before and those after apart,
    is decomposed by singular values (Levy, Goldberg & Dagan 2015, "Improving Distributional Similarity
    with Lessons Learned from Word Embeddings"). The decomposition is that of the words; n-grams are
    mapped into it. A unit without neighbours has zeros, and so have numbers beyond the rank.

    Args:
        found: occurrences of the units, some texts at a time.
        counts: (V,) how often each word occurs, to choose the neighbours.
        num_units: U.
        size: D.

    Returns:
        (U, D) float32.
    """
    num_words = len(counts)
    num_neighbours = min(_MOST_NEIGHBOURS, num_words)
    neighbours = np.full(num_words, -1)
    neighbours[np.argsort(-counts, kind="stable")[:num_neighbours]] = np.arange(num_neighbours)
    shape = (num_units, 2 * num_neighbours)
    together = csr_array(shape, dtype=np.float32)
    for some in found:
        together = together + _counted(some, neighbours, shape)
    information = _positive_information(together)
    vectors = np.zeros((num_units, size), np.float32)
    rank = min(size, num_words, shape[1])
    of_words = information[:num_words]
    if of_words.nnz == 0:
        return vectors
    _, values, directions = randomized_svd(of_words, rank, n_iter=4, random_state=0)
    is_there = values > 1e-6 * values[0]
    weighted = directions[is_there].T * values[is_there] ** (_POWER - 1)
    vectors[:, : weighted.shape[1]] = information @ weighted.astype(np.float32)
    return vectors * np.float32(_SCALE / vectors[:num_words].std())


def _counted(some: Occurrences, neighbours: np.ndarray, shape: tuple[int, int]) -> csr_array:
    """How often each unit has each neighbour: (U, 2 C), those before it first."""
    rows, columns = [], []
    for distance in range(1, _WINDOW + 1):
        before, after = some.starts - distance, some.ends + distance
        for places, is_inside, shift in (
            (before, before >= some.text_starts[some.starts], 0),
            (after, after < some.text_ends[some.ends], shape[1] // 2),
        ):
            neighbour = neighbours[some.tokens[places[is_inside]]]
            is_frequent = neighbour >= 0
            rows.append(some.units[is_inside][is_frequent])
            columns.append(neighbour[is_frequent] + shift)
    row, column = (np.concatenate(each).astype(np.int32) for each in (rows, columns))
    return coo_array((np.ones(len(row), np.float32), (row, column)), shape=shape).tocsr()


def _positive_information(together: csr_array) -> csr_array:
    """Counts (U, 2 C) → positive pointwise mutual information in nats."""
    of_units = np.asarray(together.sum(axis=1), np.float64)
    smoothed = np.asarray(together.sum(axis=0), np.float64) ** _SMOOTHING
    shares = smoothed / max(smoothed.sum(), 1e-9)
    units = np.repeat(np.arange(together.shape[0]), np.diff(together.indptr))
    information = np.log(together.data / of_units[units] / shares[together.indices])
    found = csr_array(
        (information.clip(0).astype(np.float32), together.indices, together.indptr),
        shape=together.shape,
    )
    found.eliminate_zeros()
    return found
