"""Baselines of captions: what the nearest known picture, and people would say.

n examples · m known ones · D features
"""

from collections.abc import Sequence

import numpy as np

from pipelines.metrics.writing.captions import caption_measures

# So many examples are compared with all known ones at once.
_ROWS_AT_ONCE = 256


def nearest_caption(
    features: np.ndarray, *, known_features: np.ndarray, known_captions: Sequence[str]
) -> list[str]:
    """The caption of the known example with the nearest features, by their cosine.

    Args:
        features: (n, D).
        known_features: (m, D).
        known_captions: m of them.
    """
    # Features of ReLUs all point the same way: what they have in common tells nothing.
    center = known_features.mean(0)
    known = _of_length_one(known_features - center).T
    found: list[str] = []
    for start in range(0, len(features), _ROWS_AT_ONCE):
        asked = _of_length_one(features[start : start + _ROWS_AT_ONCE] - center)
        found += [known_captions[k] for k in (asked @ known).argmax(1).tolist()]
    return found


def people(references: Sequence[Sequence[str]]) -> dict[str, float] | None:
    """Measure the first reference of each example against the others; None: nobody said more than one.

    It is what people reach, against one reference fewer than the model has.
    """
    several = [some for some in references if len(some) > 1]
    if not several:
        return None
    return caption_measures([some[0] for some in several], [some[1:] for some in several])


def _of_length_one(rows: np.ndarray) -> np.ndarray:
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
