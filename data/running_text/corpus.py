"""Corpus of a language model: the texts of each part, kept apart from a later test."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from data.files.cache import cache_folder
from data.files.errors import InputError
from data.running_text.documents import divide, documents_of, read_documents
from data.tables.table_format import UNSAID, TableFormat
from data.text.data_module import TextDataModule
from data.text.sources import read_texts
from data.tokens.tokenizing import content_of


class Corpus(NamedTuple):
    """Texts by part, with counts for the report."""

    parts: dict[str, list[str]]
    """``train``, ``val`` and, unless its share is 0, ``test``."""
    is_whole: bool
    """Whether they are one running text, and not separate documents."""
    num_repeated: int
    """Number of documents that were dropped as exact duplicates."""
    num_withheld: int
    """Number of unlabelled texts that were withheld as near duplicates of texts to evaluate on."""


def running_corpus(
    path: str,
    *,
    text_column: str,
    val_share: float,
    test_share: float,
    where: str,
    format: TableFormat = UNSAID,
) -> Corpus:
    """Read the texts of any source, in its order; the end is set aside (see `divide`)."""
    documents = read_documents(path, text_column=text_column, cache=cache_folder(), format=format)
    parts = divide(documents, val_share=val_share, test_share=test_share, where=where)
    return Corpus(parts, documents.is_whole, documents.num_repeated, 0)


def labelled_corpus(data: TextDataModule) -> Corpus:
    """Take the texts of a classifier's training, validation and test part for the same parts here.

    The language model then never reads the classifier's test texts, not even without labels.
    Training texts are shuffled, since tables are often sorted by label.
    """
    parts, num_repeated = {}, 0
    for name, table in data.texts().items():
        texts, repeated = documents_of(text or "" for text in table["text"])
        parts[name], num_repeated = texts, num_repeated + repeated
    _mix(parts["train"], data.seed)
    return Corpus(parts, is_whole=False, num_repeated=num_repeated, num_withheld=0)


def with_further(
    corpus: Corpus, source: str, *, text_column: str, seed: int, format: TableFormat = UNSAID
) -> Corpus:
    """Add texts to the training part, except near duplicates of texts to evaluate on.

    Args:
        corpus: corpus of documents; its training part is shuffled with the new texts.
        source, text_column, format: see `read_texts`.
        seed: seed of the shuffling.

    Raises:
        InputError: a corpus of one running text; see also `read_texts`.
    """
    if corpus.is_whole:
        raise InputError(
            f"--data.unlabelled={source}: goes with documents, and the text is a single one; put"
            " all into one folder of .txt files"
        )
    found = read_texts(source, text_column=text_column, cache=cache_folder(), format=format)
    measured = set(
        contents(text for n, part in corpus.parts.items() if n != "train" for text in part)
    )
    more, withheld = [], 0
    for text in found["text"]:
        if content_of(text or "") in measured:
            withheld += 1
        else:
            more.append(text or "")
    texts, repeated = documents_of([*corpus.parts["train"], *more])
    _mix(texts, seed)
    return Corpus({**corpus.parts, "train": texts}, False, corpus.num_repeated + repeated, withheld)


def contents(texts: Iterable[str]) -> list[int]:
    """Key the content of each text, equal for near duplicates (see `content_of`)."""
    return [content_of(text) for text in texts]


def _mix(texts: list[str], seed: int) -> None:
    np.random.default_rng(seed).shuffle(texts)
