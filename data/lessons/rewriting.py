"""Lessons made of the clauses of texts: denied, asked, doubted, set against others.

A model learns from pairs that differ in what turns the label (Kaushik et al. 2020, "Learning the
Difference that Makes a Difference with Counterfactually-Augmented Data"; there people wrote them). The
words are those of the texts; what stands around them are the ``rewrites`` of english.yaml.
"""

from collections.abc import Mapping, Sequence
from itertools import product
from random import Random

from data.lessons.judgements import Clause
from data.lessons.lessons import Lesson, described, ended, word_lists
from data.lessons.opinions import CLASSES
from data.lessons.templates import SLOT, chosen, filled, shuffled

# Share of a label that is spread over both classes: not everything that is denied is turned about.
_DOUBT = 0.15


def rewritten(judged: Mapping[str, Sequence[Clause]], *, most: int, seed: str) -> list[Lesson]:
    """Rewrite clauses, each template as often as the others, and as often of each class.

    Args:
        judged: clauses by class, ``positive`` and ``negative``.
        most: the most lessons.
        seed: seed of the draws.
    """
    if not all(judged.values()):
        return []
    words = word_lists()
    draw = Random(seed)
    left = {label: shuffled(draw, some) for label, some in judged.items()}
    templates = [
        (template, turns)
        for name, turns in (("kept", False), ("turned", True))
        for template in described()["rewrites"][name]
    ]
    rounds = most // (len(templates) * len(CLASSES))
    found: dict[str, Lesson] = {}
    for k, (place, (template, turns)), label in product(
        range(rounds), enumerate(templates), CLASSES
    ):
        contrary = CLASSES[1 - CLASSES.index(label)]
        # Each template has clauses of its own, so that all are used.
        one = left[label][(place * rounds + k) % len(left[label])]
        other = chosen(draw, left[contrary])
        parts = {"sentence": str(one), "other": str(other), "contrary": other.rest}
        parts |= one._asdict()
        for slot, _ in SLOT.findall(template):
            if slot not in parts:
                parts[slot] = chosen(draw, words[slot])
        text = filled(template, parts)
        found.setdefault(text, Lesson(ended(text), contrary if turns else label, _DOUBT))
    return list(found.values())
