"""Where people keep running text: a file, a folder of .txt files, a table → texts, and their parts.

A language model asks for no label. What it is measured on is the end of the text, or the last of
the documents, so that no sentence stands on two sides.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np

from data.files.encodings import clean, read_text
from data.files.errors import InputError
from data.files.folders import text_files, why_absent
from data.tables.table_folders import tables_below
from data.tables.table_format import READABLE, UNSAID, TableFormat, is_table_file
from data.text.sources import read_texts

# A cut that would fall within a line is moved to its end, and within a word before the next one,
# where such a place is near.
NEAR_CHARACTERS = 1000


class Documents(NamedTuple):
    """The texts of a source, in its order."""

    texts: list[str]
    is_whole: bool
    """Whether they are one running text and not documents that have nothing to do with each other."""
    num_repeated: int
    """How many further documents there were that repeat one of these."""


def read_documents(
    path: Path | str, *, text_column: str, cache: Path, format: TableFormat = UNSAID
) -> Documents:
    """The texts of a file, a folder of .txt files, or a table, or a folder of tables, of texts.

    Documents without a word are left out, and so are those that repeat another to the letter (see
    `documents_of`).

    Args:
        path: a table is known by its ending (.csv, .tsv, .jsonl, .json, .parquet); any other
            file is one text.
        text_column: of a table.
        cache: where `datasets` may keep what it makes of a table.
        format: encoding of texts, and what tables do not say of themselves.

    Raises:
        InputError: nothing there, nothing in it, a column that is missing, a broken table, bytes
            that are no characters.
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
    """Texts without those that hold no word or repeat another, and how many repeated one.

    Lee et al. 2022, "Deduplicating Training Data Makes Language Models Better": they would be read
    in training and asked for again in the test.
    """
    told = [text for text in map(clean, texts) if text.strip()]
    unique = list(dict.fromkeys(told))
    return unique, len(told) - len(unique)


def divide(
    documents: Documents, *, val_share: float, test_share: float, where: str
) -> dict[str, list[str]]:
    """The texts of ``train``, ``test`` and ``val``, in this order from the first to the last.

    The shares are of the characters. One running text is cut there (`cut_after` says where
    exactly); of documents, each is in the part in which its last character lies.

    Args:
        documents: what to divide.
        val_share: of the end.
        test_share: of what comes before it; with 0 there is no part ``test``.
        where: what to call the source in an error.

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
        # Half a character of grace, so that rounding never moves a document.
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
    """Where to cut a text near a place: after the line, or before the next word, or just there."""
    if not 0 < place < len(text):
        return min(max(place, 0), len(text))
    limit = place + NEAR_CHARACTERS
    line_end = text.find("\n", place - 1, limit)
    if line_end >= 0:
        return line_end + 1
    blank = text.find(" ", place, limit)
    return blank if blank >= 0 else place


def pieces(texts: Sequence[str], *, num_characters: int) -> Iterator[tuple[str, bool]]:
    """The texts in pieces of about so many characters, each with whether a text ends with it."""
    for text in texts:
        start = 0
        while start < len(text):
            end = cut_after(text, start + num_characters)
            yield text[start:end], end == len(text)
            start = end
