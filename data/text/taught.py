"""Part of short texts that are learnt beside the training part: excerpts of its texts, and lessons."""

from collections.abc import Mapping, Sequence
from random import Random

import numpy as np
from datasets import Dataset
from tokenizers import Tokenizer

from data.lessons.excerpts import excerpts
from data.lessons.judgements import Clause, clauses_by_row
from data.lessons.lessons import Lesson, english_lessons
from data.lessons.opinions import opinion_classes
from data.lessons.rewriting import rewritten
from data.lessons.templates import shuffled
from data.text.part import TextPart
from data.text.sentences import SentenceReader
from data.tokens.tokenizing import contents_of, tokenize

_TEXTS_AT_ONCE = 10_000
# A clause judges if its words say so as surely as this.
_LEAST_SURE = 0.9
_MOST_REWRITTEN = 14_000

Taught = tuple[str, int, float]
"""Text, class index, and doubt in it (see `Part.doubts`)."""


def taught_part(
    part: TextPart,
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
        part: the training part.
        classes: names of the classes; with lessons, those of an opinion (see `opinion_classes`).
        tokenizer: tokenizer of the texts.
        num_excerpts: the most sentences of each text.
        with_lessons: whether there are lessons, of our own and of clauses of the texts.
        max_tokens: see `TextPart`.
        seed: seed of all draws.

    Returns:
        The part, None where there is nothing to learn, and the counts for the report: ``excerpts``,
        ``lessons`` and ``rewritten``.
    """
    if not (num_excerpts or with_lessons):
        return None, {}
    reader = SentenceReader(part, num_classes=len(classes), tokenizer=tokenizer, seed=seed)
    found: list[Taught] = []
    if num_excerpts:
        found += _doubtful_excerpts(
            part, reader, num_classes=len(classes), most=num_excerpts, seed=seed
        )
    counts = {"excerpts": len(found)}
    if with_lessons:
        names = opinion_classes(classes)
        assert names is not None
        of = {ours: list(classes).index(theirs) for ours, theirs in names.items()}
        # Few texts are not to be outnumbered by lessons.
        own = shuffled(Random(seed), english_lessons())[: len(part)]
        judged = _judged(part, reader, of)
        most = min(_MOST_REWRITTEN, len(part))
        made = rewritten(judged, most=most, seed=str(seed))
        found += _with_labels([*own, *made], of)
        counts |= {"lessons": len(own), "rewritten": len(made)}
    if not found:
        return None, counts
    return _part_of(found, tokenizer, max_tokens=max_tokens), counts


def _with_labels(lessons: Sequence[Lesson], of: Mapping[str, int]) -> list[Taught]:
    # The label of a text that says nothing does not matter.
    return [(one.text, of[one.label] if one.label else 0, one.doubt) for one in lessons]


def _judged(
    part: TextPart, reader: SentenceReader, of: Mapping[str, int]
) -> dict[str, list[Clause]]:
    """Find the clauses that surely say what their texts say, by our names of the classes.

    What is said must judge by itself, and the subject must not say the contrary.
    """
    found = clauses_by_row(part.sources(reader.rows.tolist()))
    if not found:
        return {name: [] for name in of}
    clauses, rows = list(found), reader.rows[list(found.values())]
    by_rest = reader.shares([one.rest for one in clauses], rows)
    by_all = reader.shares([str(one) for one in clauses], rows)
    is_sure = np.minimum(by_rest, by_all).round(2) >= _LEAST_SURE
    return {
        name: [clauses[k] for k in np.flatnonzero(is_sure & (part.labels[rows] == label))]
        for name, label in of.items()
    }


def _doubtful_excerpts(
    part: TextPart, reader: SentenceReader, *, num_classes: int, most: int, seed: int
) -> list[Taught]:
    """Draw some sentences of each text; the doubt in their label is what their words leave.

    A sentence of a praising text may blame, or tell the story (see `Evidence`). Sentences are drawn and
    not chosen: those whose words bear out the label best have no denials.

    A text that is one sentence comes once more, without doubt, if excerpts would else outnumber such
    texts.
    """
    found: list[Taught] = []
    whole: list[Taught] = []
    blocks = [range(len(part))[k : k + _TEXTS_AT_ONCE] for k in range(0, len(part), _TEXTS_AT_ONCE)]
    for rows in blocks:
        texts = part.sources(rows)
        drawn = excerpts(texts, most=most, seed=f"{seed} {rows.start}")
        pairs = []
        for row, text, some in zip(rows, texts, drawn, strict=True):
            if some == [text]:
                whole.append((text, int(part.labels[row]), 0.0))
            else:
                pairs += [(row, one) for one in some]
        if not pairs:
            continue
        of, sentences = np.array([row for row, _ in pairs]), [one for _, one in pairs]
        # Rounded, so that all processors learn the same.
        doubts = (1 - reader.shares(sentences, of)) * num_classes / (num_classes - 1)
        labels = part.labels[of].tolist()
        found += zip(sentences, labels, doubts.round(2).tolist(), strict=True)
    return found + whole if len(whole) <= len(found) else found


def _part_of(found: Sequence[Taught], tokenizer: Tokenizer, *, max_tokens: int | None) -> TextPart:
    """Make a part of texts with class indices and doubts, without those that have no token."""
    some, indices, doubts = zip(*found, strict=True)
    table = Dataset.from_dict({"text": list(some)})
    tokens = tokenize(table, tokenizer)
    ids = np.flatnonzero(tokens.lengths > 0)
    taught = TextPart(
        tokens.table.select(ids),
        ids=ids,
        labels=np.array(indices, np.int64)[ids],
        lengths=tokens.lengths[ids],
        max_tokens=max_tokens,
    )
    taught.doubts = np.array(doubts, np.float32)[ids]
    taught.contents = contents_of(table)[ids]
    return taught
