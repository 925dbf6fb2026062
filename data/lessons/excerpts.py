"""Excerpts: single sentences of longer texts, which teach a model to answer short ones."""

import re
from collections.abc import Iterable, Iterator
from random import Random

from data.lessons.templates import shuffled
from data.plain_text.content import MARKUP

_MARKUP = re.compile(MARKUP)
# A sentence ends with its sign and the blank after it; in scripts without blanks, with the sign.
_END = re.compile(r"(?<=[.!?…])[\"')\]]*\s+|(?<=[。！？])|\n+")
# Shorter ones, as "Hm." and initials, say little; longer ones are no short texts.
_FEWEST_WORDS, _MOST_WORDS = 4, 60


def excerpts(texts: Iterable[str], *, most: int, seed: str) -> Iterator[list[str]]:
    """Draw for each text at most so many of its sentences, without very short and very long ones.

    A text that is one sentence gives itself, as it is.
    """
    for row, text in enumerate(texts):
        every = sentences_of(text)
        if len(every) > 1:
            some = [one for one in every if _FEWEST_WORDS <= len(one.split()) <= _MOST_WORDS]
            yield shuffled(Random(f"{seed} {row}"), some)[:most]
        else:
            yield [text][:most]


def sentences_of(text: str) -> list[str]:
    """Cut a text into sentences, without its tags."""
    every = (one.strip() for one in _END.split(_MARKUP.sub("\n", text)))
    return [one for one in every if one]
