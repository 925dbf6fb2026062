"""Sources of running text: a file, a folder of .txt files or a table, and their division.

A language model needs no labels. The end of the text, or the last documents, are set aside, so that
no sentence is on two sides.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np

from data.files.encodings import read_text
from data.files.errors import InputError
from data.files.folders import text_files, why_absent
from data.plain_text.content import clean
from data.tables.table_folders import tables_below
from data.tables.table_format import READABLE, UNSAID, TableFormat, is_table_file
from data.text.sources import read_texts

# The most characters by which a cut moves to the end of a line, or else to the next blank.
NEAR_CHARACTERS = 1000


class Documents(NamedTuple):
    """The texts of a source, in its order."""

    texts: list[str]
    is_whole: bool
    """Whether they are one running text, and not separate documents."""
    num_repeated: int
    """Number of documents that were dropped as exact duplicates."""


def read_documents(
    path: Path | str, *, text_column: str, cache: Path, format: TableFormat = UNSAID
) -> Documents:
    """Read the texts of a file, a folder of .txt files, a table, or a folder of tables.

    Documents without a word and exact duplicates are left out (see `documents_of`).

    Args:
        path: path of the source. A table is recognised by its suffix (.csv, .tsv, .jsonl, .json,
            .parquet); any other file is one text.
        text_column: column of texts in a table.
        cache: cache folder.
        format: encoding of texts, and options of tables.

    Raises:
        InputError: a missing or empty source, a missing column, a broken table, or a byte that
            cannot be decoded.
    """
    source = Path(path)
    is_table = is_table_file(source) if os.path.isfile(source) else tables_below(source)
    if is_table:
        table = read_texts(str(source), text_column=text_column, cache=cache, format=format)
        texts = [text or "" for text in table["text"]]
    elif os.path.isdir(source):
        files = text_files(source)
        if not files:
            raise InputError(f"{source}: no .txt file in this folder; add texts, or name a file")
        texts = [read_text(file, encoding=format.encoding) for file in files]
    elif not os.path.isfile(source):
        raise InputError(
            f"{source}: {why_absent(source)}; give a text file, a folder of .txt files, or a"
            f" table ({READABLE}) with a column of texts"
        )
    else:
        texts = [read_text(source, encoding=format.encoding)]
    is_whole = len(texts) == 1
    unique, num_repeated = documents_of(texts)
    if not unique:
        raise InputError(f"{source}: holds no text; give one with words in it")
    return Documents(unique, is_whole, num_repeated)


def documents_of(texts: Iterable[str]) -> tuple[list[str], int]:
    """Drop texts without a word, and exact duplicates; return the rest and the number of duplicates.

    Duplicates would leak from training into the test (Lee et al. 2022, "Deduplicating Training Data
    Makes Language Models Better").
    """
    told = [text for text in map(clean, texts) if text.strip()]
    unique = list(dict.fromkeys(told))
    return unique, len(told) - len(unique)


def divide(
    documents: Documents, *, val_share: float, test_share: float, where: str
) -> dict[str, list[str]]:
    """Divide texts into ``train``, ``test`` and ``val``, in this order from the first to the last.

    Shares refer to characters. One running text is cut near these places (see `cut_after`); a
    document belongs to the part in which its last character lies.

    Args:
        documents: texts to divide.
        val_share: share at the end.
        test_share: share before it; with 0 there is no part ``test``.
        where: name of the source in errors.

    Raises:
        InputError: shares that leave nothing for training, or a part without a text.
    """
    if val_share <= 0 or test_share < 0 or val_share + test_share >= 1:
        raise InputError(
            f"--data.val_share={val_share} and --data.test_share={test_share}: the first must be"
            " more than 0, and both together less than 1"
        )
    texts = documents.texts
    ends = [1 - val_share - test_share, 1 - val_share, 1.0]
    if documents.is_whole:
        (text,) = texts
        cuts = [0, *(cut_after(text, round(end * len(text))) for end in ends[:2]), len(text)]
        pieces = [[text[a:b]] if a < b else [] for a, b in pairwise(cuts)]
    else:
        totals = np.fromiter(accumulate(map(len, texts)), np.int64)
        # The half character keeps rounding from moving a document.
        cuts = [0, *np.searchsorted(totals, [end * totals[-1] + 0.5 for end in ends])]
        pieces = [texts[a:b] for a, b in pairwise(cuts)]
    parts = dict(zip(("train", "test", "val"), pieces, strict=True))
    if test_share == 0:
        del parts["test"]
    for name, members in parts.items():
        if not any(text.strip() for text in members):
            raise InputError(
                f"{where}: too little text to leave some for the part '{name}'; give more, put"
                " documents into one file, or change --data.val_share and --data.test_share"
            )
    return parts


def cut_after(text: str, place: int) -> int:
    """Find where to cut a text near a place: after the line, before the next word, or just there."""
    if not 0 < place < len(text):
        return min(max(place, 0), len(text))
    limit = place + NEAR_CHARACTERS
    line_end = text.find("\n", place - 1, limit)
    if line_end >= 0:
        return line_end + 1
    blank = text.find(" ", place, limit)
    return blank if blank >= 0 else place


def pieces(texts: Sequence[str], *, num_characters: int) -> Iterator[tuple[str, bool]]:
    """Yield texts in pieces of about so many characters, each with whether it ends its text."""
    for text in texts:
        start = 0
        while start < len(text):
            end = cut_after(text, start + num_characters)
            yield text[start:end], end == len(text)
            start = end
