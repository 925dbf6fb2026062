"""Tokens and content keys of a table of texts, cached on disk."""

import hashlib
import json
import logging
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tokenizers
from datasets import Dataset
from tokenizers import Tokenizer

from data.files.atomic_write import written_whole
from data.files.checkpoint import read_saved
from data.files.errors import InputError
from data.plain_text.content import clean, content
from data.tokens.unread import Unread, rewritten, rules_of, unread_words
from data.tokens.vocabulary import UNKNOWN, VERSION, learn_tokenizer

log = logging.getLogger(__name__)

# Raise the first when this module gives other results for the same texts than before.
_VERSIONS = (3, VERSION, tokenizers.__version__)
_ROWS_AT_ONCE, _BYTES_AT_ONCE = 1_000, 2**24


class Tokens(NamedTuple):
    """Tokens of n texts."""

    table: Dataset
    """Table of texts with the column ``tokens``."""
    lengths: np.ndarray
    """(n,) int64: number of tokens of each text."""
    unknown: np.ndarray
    """(n,) int64: number of out-of-vocabulary tokens of each text."""


def tokenizer_for(texts: Dataset, *, given: str | None, cache: Path, **options: Any) -> Tokenizer:
    """Load a given tokenizer (see `given_tokenizer`), or else learn one from texts.

    Args:
        texts, cache, options: see `learnt_tokenizer`.
        given: path of a tokenizer; None learns one.
    """
    if given is not None:
        return given_tokenizer(Path(given))
    log.info("Learning the vocabulary of %s texts", f"{len(texts):,}")
    return learnt_tokenizer(texts, cache=cache, **options)


def learnt_tokenizer(
    texts: Dataset, *, cache: Path, unread: Sequence[Unread] = (), **options: Any
) -> Tokenizer:
    """Call `learn_tokenizer` on the column ``text``, or take its result from the cache.

    Args:
        texts: texts of the training part, and no others.
        cache: cache folder.
        unread: kinds of words to leave out.
        options: see `learn_tokenizer`.
    """
    key = _key(texts, options | ({"unread": rules_of(unread)} if unread else {}))
    file = cache / "tokenizers" / f"{key}.json"
    if file.exists():
        return Tokenizer.from_file(str(file))
    words = unread_words(_cleaned(texts), unread)
    learnt = learn_tokenizer(_cleaned(texts), unread=words, rewritten=rewritten(unread), **options)
    with written_whole(file) as place:
        learnt.save(str(place), pretty=False)
    return learnt


def _cleaned(texts: Dataset) -> Iterator[str]:
    for batch in texts.iter(_rows_at_once(texts)):
        yield from (clean(text or "") for text in batch["text"])


def tokenize(texts: Dataset, tokenizer: Tokenizer) -> Tokens:
    """Tokenize texts. The result is cached by a key of the texts and the tokenizer."""
    # The tokenizer is passed as text, which becomes part of the cache key.
    table = _map(texts, _tokens_of, desc="Tokenizing", options={"tokenizer": tokenizer.to_str()})
    counts = table.select_columns(["length", "unknown"]).with_format("numpy")
    return Tokens(
        table,
        np.asarray(counts["length"][:], dtype=np.int64),
        np.asarray(counts["unknown"][:], dtype=np.int64),
    )


def _map(texts: Dataset, function: Any, *, options: dict[str, Any], **more: Any) -> Dataset:
    """Call `Dataset.map` with a cache key that does not depend on the code's path."""
    rows = _rows_at_once(texts)
    return texts.map(
        function,
        batched=True,
        batch_size=rows,
        writer_batch_size=rows,
        fn_kwargs=options,
        new_fingerprint=_key(texts, {**options, "function": function.__name__}),
        **more,
    )


def _key(texts: Dataset, options: dict[str, Any]) -> str:
    what = [_VERSIONS, texts._fingerprint, sorted(options.items())]
    return hashlib.blake2b(json.dumps(what).encode(), digest_size=16).hexdigest()


def _rows_at_once(texts: Dataset) -> int:
    """Number of rows of a chunk, such that chunks are fast and fit in memory."""
    mean_bytes = texts.data.nbytes // max(texts.data.num_rows, 1)
    return max(min(_ROWS_AT_ONCE, _BYTES_AT_ONCE // max(mean_bytes, 1)), 1)


# Parsing a tokenizer takes longer than tokenizing a batch.
_read_tokenizer = lru_cache(maxsize=1)(Tokenizer.from_str)


def _tokens_of(batch: dict[str, list[Any]], tokenizer: str) -> dict[str, list[Any]]:
    cut = _read_tokenizer(tokenizer)
    unknown = unknown_of(cut)
    encoded = cut.encode_batch_fast([clean(text or "") for text in batch["text"]])
    tokens = [np.asarray(one.ids, np.int32) for one in encoded]
    return {
        "tokens": tokens,
        "length": [len(one) for one in tokens],
        "unknown": [int((one == unknown).sum()) if unknown is not None else 0 for one in tokens],
    }


def unknown_of(tokenizer: Tokenizer) -> int | None:
    """Id of the tokenizer's unknown token; None if it has none.

    A given tokenizer may have another name for it.
    """
    found: int | None = tokenizer.token_to_id(
        getattr(tokenizer.model, "unk_token", None) or UNKNOWN
    )
    return found


def contents_of(texts: Dataset) -> np.ndarray:
    """Key the content of each text (see `content_of`): (n,) int64."""
    table = _map(
        texts, _contents_of, options={}, remove_columns=texts.column_names, desc="Comparing texts"
    )
    return np.asarray(table.with_format("numpy")["content"][:], dtype=np.int64)


def _contents_of(batch: dict[str, list[Any]]) -> dict[str, list[int]]:
    return {"content": [content_of(text or "") for text in batch["text"]]}


def content_of(text: str) -> int:
    """Key the content of a text, regardless of case, blanks and markup; 0 for a blank text."""
    plain = content(text)
    if not plain:
        return 0
    digest = hashlib.blake2b(plain.encode(), digest_size=8).digest()
    # 0 is reserved for blank texts. The chance of a collision is negligible.
    return int.from_bytes(digest, "big", signed=True) or 1


def given_tokenizer(path: Path) -> Tokenizer:
    """Load a tokenizer from a file of Hugging Face, or from a checkpoint of this project.

    Raises:
        InputError: a missing file, or one of neither kind.
    """
    option = "--data.tokenizer_from"
    if path.suffix != ".json":
        text = read_saved(path, option=option).description["inputs"].get("tokenizer", "")
    elif path.is_file():
        text = path.read_text(encoding="utf-8", errors="replace")
    else:
        raise InputError(f"{option}={path}: no such file; give a tokenizer.json or a checkpoint")
    try:
        return Tokenizer.from_str(text)
    except Exception as error:  # the library raises nothing more special
        raise InputError(
            f"{option}={path}: holds no tokenizer; give a tokenizer.json of Hugging Face, or a"
            " checkpoint of a model of texts"
        ) from error
