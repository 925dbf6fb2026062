"""Lessons made of the clauses of texts: denied, asked, doubted, set against others.

A model learns from pairs that differ in what turns the label (Kaushik et al. 2020, "Learning the
Difference that Makes a Difference with Counterfactually-Augmented Data"; there people wrote them). The
words are those of the texts; what stands around them are the ``rewrites`` of english.yaml.
"""

from collections.abc import Mapping, Sequence
from random import Random

from data.lessons.judgements import Clause
from data.lessons.lessons import Lesson, described, ended
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
    words = {name: tuple(map(str, some)) for name, some in described()["words"].items()}
    draw = Random(seed)
    left = {label: shuffled(draw, some) for label, some in judged.items()}
    templates = [
        (template, turns)
        for name, turns in (("kept", False), ("turned", True))
        for template in described()["rewrites"][name]
    ]
    found: dict[str, Lesson] = {}
    rounds = most // (len(templates) * len(CLASSES))
    for k in range(rounds):
        for place, (template, turns) in enumerate(templates):
            for label in CLASSES:
                contrary = CLASSES[1 - CLASSES.index(label)]
                one = left[label][(place * rounds + k) % len(left[label])]
                other = chosen(draw, left[contrary])
                parts = {"sentence": str(one), "rest": one.rest, "subject": one.subject}
                parts |= {"verb": one.verb, "other": str(other), "contrary": other.rest}
                for slot, _ in SLOT.findall(template):
                    parts.setdefault(slot, chosen(draw, words[slot]) if slot in words else "")
                text = filled(template, parts)
                lesson = Lesson(ended(text), contrary if turns else label, _DOUBT)
                found.setdefault(text, lesson)
    return list(found.values())
