"""Tokens of many texts, end to end, and the END that a decoder reads first and writes last."""

import logging
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from data.files.errors import InputError
from data.tokens.tokenizing import given_tokenizer
from data.tokens.vocabulary import END, learn_tokenizer

log = logging.getLogger(__name__)

_TEXTS_AT_ONCE = 10_000


class TokenRows:
    """Tokens of n texts, end to end.

    Args:
        texts: the texts.
        tokenizer: cuts them.
        max_tokens: the most tokens of a text that are kept; None: all.
    """

    def __init__(
        self, texts: Sequence[str], tokenizer: Tokenizer, *, max_tokens: int | None
    ) -> None:
        pieces, lengths, self.num_cut_off = [np.empty(0, np.int32)], [], 0
        for start in range(0, len(texts), _TEXTS_AT_ONCE):
            for one in tokenizer.encode_batch_fast(list(texts[start : start + _TEXTS_AT_ONCE])):
                tokens = np.asarray(one.ids, np.int32)
                kept = tokens[:max_tokens]
                self.num_cut_off += len(tokens) - len(kept)
                pieces.append(kept)
                lengths.append(len(kept))
        self.lengths = np.asarray(lengths, np.int64)
        self._tokens = np.concatenate(pieces)
        self._ends = self.lengths.cumsum()

    def __getitem__(self, row: int) -> np.ndarray:
        end = self._ends[row]
        return self._tokens[end - self.lengths[row] : end]


def tokenizer_with_end(texts: Iterable[str], *, given: str | None, **learning: Any) -> Tokenizer:
    """Learn a tokenizer, or take a given one, whose last token is END.

    Args:
        texts: see `learn_tokenizer`, as for ``learning``.
        given: path of a tokenizer or a checkpoint (``--data.tokenizer_from``); None: one is learnt.

    Raises:
        InputError: see `learn_tokenizer` and `given_tokenizer`; one that has END in another place.
    """
    if given is not None:
        tokenizer = given_tokenizer(Path(given))
    else:
        log.info("Learning the vocabulary")
        tokenizer = learn_tokenizer(texts, **learning)
    tokenizer.add_special_tokens([END])
    if end_of(tokenizer) != tokenizer.get_vocab_size() - 1:
        raise InputError(
            f"--data.tokenizer_from={given}: {END} is not its last token; give another tokenizer"
        )
    return tokenizer


def end_of(tokenizer: Tokenizer) -> int:
    """Id of END in a tokenizer that has one."""
    found = tokenizer.token_to_id(END)
    assert found is not None
    return found
