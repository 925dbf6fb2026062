"""Sentences of the training texts, read for how far each says what its text says."""

from collections.abc import Sequence

import numpy as np
from tokenizers import Tokenizer

from data.plain_text.content import clean
from data.text.evidence import Evidence, TokenRows
from data.text.part import TextPart

# Texts that the evidence is learnt from: of ten times as many it would take minutes.
_MOST_READ = 30_000


class SentenceReader:
    """Reads pieces of the training texts by what other training texts tell of words (see `Evidence`).

    Args:
        part: the training part.
        num_classes: K.
        tokenizer: tokenizer of the texts.
        seed: decides which texts are read, and in which half each is.
    """

    #: rows (n,) of the training texts that the evidence is learnt from, ascending
    rows: np.ndarray

    def __init__(
        self, part: TextPart, *, num_classes: int, tokenizer: Tokenizer, seed: int
    ) -> None:
        draw = np.random.default_rng(seed)
        self._tokenizer, self._labels = tokenizer, part.labels
        self._halves = draw.integers(0, 2, len(part))
        self.rows = np.sort(draw.permutation(len(part))[:_MOST_READ])
        batch = part.__getitems__(self.rows.tolist())
        self._evidence = Evidence(
            TokenRows(batch.steps.numpy(), batch.lengths.numpy()),
            labels=part.labels[self.rows],
            halves=self._halves[self.rows],
            num_tokens=tokenizer.get_vocab_size(),
            num_classes=num_classes,
        )

    def shares(self, sentences: Sequence[str], rows: np.ndarray) -> np.ndarray:
        """Probability that each of m sentences says what its text says: (m,) float64.

        Args:
            sentences: pieces of texts.
            rows: (m,) the text of each.
        """
        encoded = self._tokenizer.encode_batch_fast([clean(one) for one in sentences])
        tokens = [np.array(one.ids, np.int64) for one in encoded]
        lengths = np.array([len(one) for one in tokens])
        read = TokenRows(np.concatenate([np.empty(0, np.int64), *tokens]), lengths)
        return self._evidence.shares(read, labels=self._labels[rows], halves=self._halves[rows])
