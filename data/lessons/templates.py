"""Templates: texts with places for words of lists, filled in the same way at each call.

``{thing}`` is the place of a word of the list ``thing``, ``{thing#2}`` that of another word of it, and
``a(n)`` becomes the article that the next word asks for. Only `Random.random` is drawn from, which gives
the same in each version of Python.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from math import prod
from random import Random
from typing import TypeVar

Words = Mapping[str, tuple[str, ...]]
One = TypeVar("One")

#: a place for a word of a list
SLOT = re.compile(r"\{(\w+)(?:#(\d))?\}")

# Templates with more texts are drawn from, and not listed first.
_MOST_LISTED = 5_000
_VOWEL = re.compile(r"(?!uni|use|euro|one\b|once)[aeiou]|hour|honest|heir", re.IGNORECASE)
_AN = re.compile(r"\b([Aa])\(n\)(\s+)(\w+)")
_IN_SLOT = re.compile(r"\{(\w+(?:#\d)?)\}")


def chosen(draw: Random, some: Sequence[One]) -> One:
    """Draw one of several."""
    return some[int(draw.random() * len(some))]


def shuffled(draw: Random, some: Sequence[One]) -> list[One]:
    """Put several in a drawn order."""
    return sorted(some, key=lambda _: draw.random())


def evenly(
    templates: Sequence[str], words: Words, *, most: int, seed: str, kept: str = ""
) -> list[str]:
    """Make texts of several templates in turn, at most so many, none twice.

    Args:
        templates: the templates.
        words: the word lists.
        most: the most texts.
        seed: seed of the draws.
        kept: name of a list whose places are not filled.
    """
    left = [_texts_of(template, words, seed=seed, kept=kept) for template in templates]
    found: dict[str, None] = {}
    while left and len(found) < most:
        for texts in list(left):
            text = next((text for text in texts if text not in found), None)
            if text is None:
                left.remove(texts)
            elif len(found) < most:
                found[text] = None
    return list(found)


def _texts_of(template: str, words: Words, *, seed: str, kept: str) -> Iterator[str]:
    for chosen_words in drawn(template, words, seed=seed, kept=kept):
        yield filled(template, chosen_words)


def drawn(template: str, words: Words, *, seed: str, kept: str = "") -> Iterator[dict[str, str]]:
    """Draw words for the places of a template, by place; two places of one list differ."""
    slots = [slot for slot in dict.fromkeys(_IN_SLOT.findall(template)) if slot != kept]
    lists = [words[slot.partition("#")[0]] for slot in slots]
    draw = Random(f"{seed} {template}")
    if prod(map(len, lists)) <= _MOST_LISTED:
        every: Iterator[Sequence[str]] = iter(shuffled(draw, list(product(*lists))))
    else:
        every = ([chosen(draw, some) for some in lists] for _ in range(_MOST_LISTED))
    for some in every:
        found = dict(zip(slots, some, strict=True))
        if len({(slot.partition("#")[0], word) for slot, word in found.items()}) == len(found):
            yield found


def filled(template: str, chosen_words: Mapping[str, str]) -> str:
    """Put words in their places, and write the first letter large and ``a(n)`` as it must be."""

    def word(match: re.Match[str]) -> str:
        return chosen_words.get(match[0][1:-1], match[0])

    text = SLOT.sub(word, template)
    if SLOT.search(text):
        return text  # a frame: what stands before its place is not known yet
    text = _AN.sub(lambda m: f"{m[1]}{'n' if _VOWEL.match(m[3]) else ''}{m[2]}{m[3]}", text)
    return text[0].upper() + text[1:]
