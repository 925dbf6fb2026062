"""Part of short texts that are learnt beside the training part: excerpts of its texts, and lessons."""

from collections.abc import Sequence
from random import Random

import numpy as np
from datasets import Dataset
from tokenizers import Tokenizer

from data.lessons.excerpts import excerpts
from data.lessons.lessons import english_lessons
from data.lessons.opinions import opinion_classes
from data.lessons.templates import shuffled
from data.plain_text.content import clean
from data.text.evidence import Evidence, TokenRows
from data.text.part import TextPart
from data.tokens.tokenizing import contents_of, tokenize

# Texts that the evidence is learnt from: of ten times as many it would take minutes.
_MOST_READ = 30_000
_TEXTS_AT_ONCE = 10_000

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
        with_lessons: whether there are lessons.
        max_tokens: see `TextPart`.
        seed: seed of the draw of excerpts.

    Returns:
        The part, None where there is nothing to learn, and the counts for the report: ``excerpts`` and
        ``lessons``.
    """
    found: list[Taught] = []
    if num_excerpts:
        found += _doubtful_excerpts(
            part, num_classes=len(classes), tokenizer=tokenizer, most=num_excerpts, seed=seed
        )
    counts = {"excerpts": len(found)}
    if with_lessons:
        names = opinion_classes(classes)
        assert names is not None
        # The label of a text that says nothing does not matter.
        of = {ours: list(classes).index(theirs) for ours, theirs in names.items()} | {None: 0}
        lessons = [(one.text, of[one.label], one.doubt) for one in english_lessons()]
        # Few texts are not to be outnumbered by lessons.
        lessons = shuffled(Random(seed), lessons)[: len(part)]
        counts["lessons"] = len(lessons)
        found += lessons
    if not found:
        return None, counts
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
    return taught, counts


def _doubtful_excerpts(
    part: TextPart, *, num_classes: int, tokenizer: Tokenizer, most: int, seed: int
) -> list[Taught]:
    """Draw some sentences of each text; the doubt in their label is what their words leave.

    A sentence of a praising text may blame, or tell the story (see `Evidence`). Sentences are drawn and
    not chosen: those whose words bear out the label best have no denials.

    A text that is one sentence comes once more, without doubt, if excerpts would else outnumber such
    texts.
    """
    draw = np.random.default_rng(seed)
    halves = draw.integers(0, 2, len(part))
    read = np.sort(draw.permutation(len(part))[:_MOST_READ]).tolist()
    batch = part.__getitems__(read)
    evidence = Evidence(
        TokenRows(batch.steps.numpy(), batch.lengths.numpy()),
        labels=part.labels[read],
        halves=halves[read],
        num_tokens=tokenizer.get_vocab_size(),
        num_classes=num_classes,
    )
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
        encoded = tokenizer.encode_batch_fast([clean(one) for one in sentences])
        tokens = [np.array(one.ids, np.int64) for one in encoded]
        lengths = np.array([len(one) for one in tokens])
        labels = part.labels[of]
        shares = evidence.shares(
            TokenRows(np.concatenate(tokens), lengths), labels=labels, halves=halves[of]
        )
        # Rounded, so that all processors learn the same.
        doubts = ((1 - shares) * num_classes / (num_classes - 1)).round(2)
        found += zip(sentences, labels.tolist(), doubts.tolist(), strict=True)
    return found + whole if len(whole) <= len(found) else found
