"""Part of texts without labels, to learn from."""

import numpy as np
from tokenizers import Tokenizer

from data.files.cache import cache_folder
from data.files.errors import InputError
from data.tables.table_format import UNSAID, TableFormat
from data.text.part import TextPart
from data.text.sources import read_texts
from data.tokens.tokenizing import contents_of, tokenize


def unlabelled_part(
    source: str,
    *,
    text_column: str,
    format: TableFormat = UNSAID,
    tokenizer: Tokenizer,
    measured: np.ndarray,
    max_tokens: int | None,
) -> tuple[TextPart, dict[str, int]]:
    """Read texts to learn from, without near duplicates of each other and of evaluation texts.

    Args:
        source, text_column, format: see `read_texts`.
        tokenizer: tokenizer of the texts.
        measured: content keys of the evaluation texts (see `content_of`).
        max_tokens: see `TextPart`.

    Returns:
        The part, and counts for the report: ``texts`` of the source, ``withheld`` as near duplicates
        of evaluation texts, and ``repeated`` as near duplicates of earlier ones.

    Raises:
        InputError: no text is left.
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
