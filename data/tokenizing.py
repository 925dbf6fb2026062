"""A table of texts → a table of tokens, and what tells texts that read alike; kept on disk."""

import hashlib
import json
import re
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from datasets import Dataset
from tokenizers import Tokenizer

from data.errors import InputError
from data.vocabulary import MARKUP, UNKNOWN, clean


class Tokens(NamedTuple):
    """The tokens of n texts."""

    table: Dataset
    """The table with a column ``tokens``."""
    lengths: np.ndarray
    """(n,) int64: how many tokens each text has."""
    unknown: np.ndarray
    """(n,) int64: how many of these are not known."""


def tokenize(texts: Dataset, tokenizer: Tokenizer) -> Tokens:
    """Cut each text; kept by `datasets`, under a key of the texts and the tokenizer."""
    table = texts.map(
        _tokens_of,
        batched=True,
        # Given as text, the tokenizer is part of the key under which the result is kept.
        fn_kwargs={"tokenizer": tokenizer.to_str()},
        desc="Tokenizing",
    )
    counts = table.select_columns(["length", "unknown"]).with_format("numpy")
    return Tokens(
        table,
        np.asarray(counts["length"][:], dtype=np.int64),
        np.asarray(counts["unknown"][:], dtype=np.int64),
    )


def _tokens_of(batch: dict[str, list[Any]], tokenizer: str) -> dict[str, list[Any]]:
    cut = Tokenizer.from_str(tokenizer)
    unknown = cut.token_to_id(UNKNOWN)
    encoded = cut.encode_batch_fast([clean(text or "") for text in batch["text"]])
    tokens = [np.asarray(one.ids, np.int32) for one in encoded]
    return {
        "tokens": tokens,
        "length": [len(one) for one in tokens],
        "unknown": [int((one == unknown).sum()) if unknown is not None else 0 for one in tokens],
    }


def contents_of(texts: Dataset) -> np.ndarray:
    """(n,) int64: alike for texts that read alike, whatever their case, blanks and markup; 0: blank."""
    table = texts.map(
        _contents_of, batched=True, remove_columns=texts.column_names, desc="Comparing texts"
    )
    return np.asarray(table.with_format("numpy")["content"][:], dtype=np.int64)


def _contents_of(batch: dict[str, list[Any]]) -> dict[str, list[int]]:
    return {"content": [_content(text or "") for text in batch["text"]]}


def _content(text: str) -> int:
    plain = " ".join(re.sub(MARKUP, " ", clean(text)).lower().split())
    if not plain:
        return 0
    digest = hashlib.blake2b(plain.encode(), digest_size=8).digest()
    # 0 is taken; that one in 2^64 is another's neighbour harms nobody.
    return int.from_bytes(digest, "big", signed=True) or 1


def given_tokenizer(path: Path) -> Tokenizer:
    """A tokenizer from a file of Hugging Face, or from a checkpoint of this project.

    Raises:
        InputError: not there, or neither.
    """
    where = f"--data.tokenizer_from={path}"
    if not path.is_file():
        raise InputError(f"{where}: no such file; give a tokenizer.json or a checkpoint")
    try:
        if path.suffix == ".json":
            text = path.read_text(encoding="utf-8")
        else:
            checkpoint = torch.load(path, map_location="cpu", weights_only=True)
            text = checkpoint["manytoone"]["inputs"]["tokenizer"]
        json.loads(text)
        return Tokenizer.from_str(text)
    except Exception as error:  # damage surfaces as many types
        raise InputError(
            f"{where}: holds no tokenizer ({type(error).__name__}); give a tokenizer.json of"
            " Hugging Face or a checkpoint of this project"
        ) from error
