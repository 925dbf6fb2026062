"""Sentences of the training part that are denied, affirmed, or opposed to each other.

Such counterfactual texts (Kaushik et al. 2020, "Learning the Difference that Makes a Difference with
Counterfactually-Augmented Data") teach denial with all the words of the training part, which word lists
cannot.
"""

from collections.abc import Sequence
from itertools import cycle, islice
from random import Random
from typing import NamedTuple

from data.lessons.lessons import described, word_lists
from data.lessons.templates import chosen, drawn, filled, shuffled

# Longer sentences say too many things to be denied as one.
_MOST_WORDS = 25
# The contrary of a mild praise is no blame.
_DOUBT = 0.2


class Sentence(NamedTuple):
    """A sentence of an opinion, of class 0 or 1."""

    text: str
    label: int
    doubt: float
    """See `Part.doubts`."""


def composed(sentences: Sequence[Sentence], *, most: int, seed: int) -> list[Sentence]:
    """Make texts of short sentences, at most so many: a third of them each denied, affirmed, opposed."""
    draw = Random(f"composed {seed}")
    short = [one for one in sentences if len(one.text.split()) <= _MOST_WORDS]
    short = list(islice(shuffled(draw, short), most))
    by_label = [[one for one in short if one.label == label] for label in (0, 1)]
    if not all(by_label):
        return []
    found = []
    frames = described()["composed"]
    for one, way in zip(short, cycle(("denied", "affirmed", "decided")), strict=False):
        other = chosen(draw, by_label[1 - one.label])
        text = _framed(chosen(draw, frames[way]), one.text, other.text, draw)
        label = one.label if way == "affirmed" else 1 - one.label
        # Where two are opposed, the second decides.
        doubt = {"denied": max(one.doubt, _DOUBT), "decided": other.doubt}.get(way, one.doubt)
        found.append(Sentence(text, label, doubt))
    return found


def _framed(frame: str, first: str, second: str, draw: Random) -> str:
    words = word_lists() | {"a": (first.rstrip(" ."),), "b": (second.rstrip(" ."),)}
    return filled(frame, next(drawn(frame, words, seed=f"{draw.random()}")))
