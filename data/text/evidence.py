"""Evidence of words for the label of a sentence, by simple models of other texts than its own.

n texts · m sentences · N tokens of all of them end to end · V tokens in the vocabulary · K classes
"""

from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline

#: share of the sentences that are taken to say what their whole text says, before any is read
AGREEING = 0.7
# With more classes the models would take long, and labels are hardly opinions.
_MOST_CLASSES = 50
# Pairs share features by a hash.
_PAIRS, _FACTOR = 2**18, 1_000_003
# Words and pairs that fewer texts have say nothing.
_LEAST_OFTEN = 2
# Inverse regularisation, usual for TF-IDF rows, which have length 1.
_C = 10.0
# So small that all processors end with the same digits: each rank of a run chooses by itself.
_TOLERANCE = 1e-10


class TokenRows(NamedTuple):
    """Tokens of several texts."""

    tokens: np.ndarray
    """(N,) int64."""
    lengths: np.ndarray
    """(n,) int64, summing to N."""


class Evidence:
    """Logistic regressions on TF-IDF of words and pairs of words, each of half of the texts.

    Kotzias et al. 2015, "From Group to Individual Labels using Deep Features": labels of whole texts are
    enough to learn those of sentences. A sentence is read by the model of the half that its text is not
    in: the other would call each sentence of a text as the text is.

    Args:
        texts: n texts to learn from.
        labels: (n,) class indices.
        halves: (n,) 0 or 1.
        num_tokens: V.
        num_classes: K. With more than `_MOST_CLASSES` nothing is learnt, and all is left to the prior.
    """

    def __init__(
        self,
        texts: TokenRows,
        *,
        labels: np.ndarray,
        halves: np.ndarray,
        num_tokens: int,
        num_classes: int,
    ) -> None:
        self.num_tokens, self.num_classes = num_tokens, num_classes
        # By half the words and pairs that two of its texts have, and the model that reads them; None
        # where there are too few texts, or too many classes.
        self._models: list[tuple[np.ndarray, Pipeline] | None] = [None, None]
        if num_classes > _MOST_CLASSES:
            return
        counts = self._counts(texts)
        for half in (0, 1):
            rows = np.flatnonzero(halves == half)
            found = counts[rows]
            known = np.flatnonzero(np.bincount(found.indices) >= _LEAST_OFTEN)
            if len(known) and len(np.unique(labels[rows])) > 1:
                linear = LogisticRegression(C=_C, solver="newton-cg", tol=_TOLERANCE)
                model = make_pipeline(TfidfTransformer(sublinear_tf=True), linear)
                self._models[half] = known, model.fit(found[:, known], labels[rows])

    def shares(self, sentences: TokenRows, *, labels: np.ndarray, halves: np.ndarray) -> np.ndarray:
        """Probability that a sentence says what its text says, from 0 to 1: (m,) float64.

        Bayes' rule: the text's label has the prior `AGREEING`, the other classes have the rest.

        Args:
            sentences: m sentences.
            labels: (m,) label of the text of each.
            halves: (m,) half of that text.
        """
        found = np.full((len(labels), self.num_classes), 1 / self.num_classes)
        counts = self._counts(sentences)
        for half, fitted in enumerate(self._models):
            ours = np.flatnonzero(halves != half)
            if fitted is not None and len(ours):
                known, model = fitted
                # A class without a text in the half is left with nothing.
                found[ours] = 0
                places = np.ix_(ours, model.classes_)
                found[places] = model.predict_proba(counts[ours][:, known])
        said = found[np.arange(len(labels)), labels]
        other = (1 - said) / (self.num_classes - 1)
        return AGREEING * said / (AGREEING * said + (1 - AGREEING) * other)

    def _counts(self, texts: TokenRows) -> csr_array:
        """How often each text has each token, and each pair: (n, V + pairs)."""
        row_of = np.repeat(np.arange(len(texts.lengths)), texts.lengths)
        is_pair = row_of[1:] == row_of[:-1]
        pairs = (texts.tokens[:-1] * _FACTOR + texts.tokens[1:]) % _PAIRS + self.num_tokens
        rows = np.concatenate([row_of, row_of[1:][is_pair]])
        columns = np.concatenate([texts.tokens, pairs[is_pair]])
        shape = (len(texts.lengths), self.num_tokens + _PAIRS)
        found = csr_array((np.ones(len(rows)), (rows, columns)), shape=shape)
        found.sum_duplicates()
        return found
