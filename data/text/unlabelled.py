"""Texts to learn from whose labels are not known."""

import numpy as np
from tokenizers import Tokenizer

from data.files.cache import cache_folder
from data.files.errors import InputError
from data.tables.table_format import UNSAID, TableFormat
from data.text.part import TextPart
from data.text.sources import read_texts
from data.text.tokenizing import contents_of, tokenize


def unlabelled_part(
    source: str,
    *,
    text_column: str,
    format: TableFormat = UNSAID,
    tokenizer: Tokenizer,
    measured: np.ndarray,
    max_tokens: int | None,
) -> tuple[TextPart, dict[str, int]]:
    """Texts to learn from, each once, but those that read as one that the model is measured on.

    Args:
        source, text_column, format: see `read_texts`.
        tokenizer: cuts them.
        measured: what `content_of` says of the texts that are measured on.
        max_tokens: see `TextPart`.

    Returns:
        The part, and for the report: ``texts`` of the source, ``withheld`` of them because they are
        measured on, and ``repeated``, those that read as one before.

    Raises:
        InputError: none is left.
    """
    texts = read_texts(source, text_column=text_column, cache=cache_folder(), format=format)
    tokens = tokenize(texts, tokenizer)
    contents = contents_of(texts)
    is_withheld = np.isin(contents, measured)
    is_first = np.zeros(len(texts), bool)
    is_first[np.unique(contents, return_index=True)[1]] = True
    ids = np.flatnonzero((tokens.lengths > 0) & is_first & ~is_withheld)
    if len(ids) == 0:
        reason = "no text holds a word"
        if is_withheld.any():
            reason = "all texts are such as the model is measured on"
        raise InputError(f"--data.unlabelled={source}: {reason}; name other texts")
    part = TextPart(
        tokens.table.select(ids),
        ids=ids,
        labels=np.zeros(len(ids), np.int64),
        lengths=tokens.lengths[ids],
        max_tokens=max_tokens,
    )
    repeated = np.count_nonzero(~is_first & ~is_withheld & (tokens.lengths > 0))
    counts = {"texts": len(texts), "withheld": int(is_withheld.sum()), "repeated": int(repeated)}
    return part, counts
