"""Part of short texts that are learnt beside the training part: excerpts of its texts, and lessons."""

from collections.abc import Sequence
from random import Random

import numpy as np
from datasets import Dataset
from tokenizers import Tokenizer

from data.lessons.excerpts import DOUBT, excerpts
from data.lessons.lessons import english_lessons
from data.lessons.opinions import opinion_classes
from data.lessons.templates import shuffled
from data.text.part import TextPart
from data.tokens.tokenizing import contents_of, tokenize


def taught_part(
    texts: Dataset,
    labels: np.ndarray,
    *,
    classes: Sequence[str],
    tokenizer: Tokenizer,
    num_excerpts: int,
    with_lessons: bool,
    max_tokens: int | None,
    seed: int,
) -> tuple[TextPart | None, dict[str, int]]:
    """Make the part of excerpts and lessons.

    Args:
        texts: texts of the training part, in a column ``text``.
        labels: (n,) class indices of these.
        classes: names of the classes; with lessons, those of an opinion (see `opinion_classes`).
        tokenizer: tokenizer of the texts.
        num_excerpts: the most sentences of each text.
        with_lessons: whether there are lessons.
        max_tokens: see `TextPart`.
        seed: seed of the draw of excerpts.

    Returns:
        The part, None where there is nothing to learn, and the counts for the report: ``excerpts`` and
        ``lessons``.
    """
    read = (text or "" for text in texts["text"])
    every = zip(excerpts(read, most=num_excerpts, seed=seed), labels.tolist(), strict=True)
    found = [(one, label, DOUBT) for some, label in every for one in some]
    counts = {"excerpts": len(found)}
    if with_lessons:
        names = opinion_classes(classes)
        assert names is not None
        # The label of a text that says nothing does not matter.
        of = {ours: list(classes).index(theirs) for ours, theirs in names.items()} | {None: 0}
        lessons = [(one.text, of[one.label], one.doubt) for one in english_lessons()]
        # Few texts are not to be outnumbered by lessons.
        lessons = shuffled(Random(seed), lessons)[: len(labels)]
        counts["lessons"] = len(lessons)
        found += lessons
    if not found:
        return None, counts
    some, indices, doubts = zip(*found, strict=True)
    table = Dataset.from_dict({"text": list(some)})
    tokens = tokenize(table, tokenizer)
    ids = np.flatnonzero(tokens.lengths > 0)
    part = TextPart(
        tokens.table.select(ids),
        ids=ids,
        labels=np.array(indices, np.int64)[ids],
        lengths=tokens.lengths[ids],
        max_tokens=max_tokens,
    )
    part.doubts = np.array(doubts, np.float32)[ids]
    part.contents = contents_of(table)[ids]
    return part, counts
