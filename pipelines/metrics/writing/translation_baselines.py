"""Baselines of translation: what copying, and looking up the nearest known sentence, would give."""

from collections.abc import Sequence

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer

# So many sentences to translate are compared with all known ones at once.
_ROWS_AT_ONCE = 256


def nearest_known(
    sources: Sequence[str], *, known_sources: Sequence[str], known_targets: Sequence[str]
) -> list[str]:
    """Answer each source by the target of the nearest known one.

    Sources are compared by the cosine of their TF-IDF weights of words and pairs of words; signs
    alone have none, and get the first target.
    """
    weights = TfidfVectorizer(ngram_range=(1, 2), token_pattern=r"\w+|[^\w\s]", sublinear_tf=True)
    known = weights.fit_transform(known_sources).T.tocsr()
    asked = weights.transform(sources)
    found: list[str] = []
    for start in range(0, asked.shape[0], _ROWS_AT_ONCE):
        similar = asked[start : start + _ROWS_AT_ONCE] @ known
        found += [known_targets[k] for k in np.asarray(similar.argmax(axis=1)).ravel()]
    return found
