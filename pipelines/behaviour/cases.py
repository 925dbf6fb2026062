"""Cases of a test: its templates with words in their places, the same at each call."""

import re
from collections.abc import Iterator, Sequence
from itertools import islice, product
from math import prod
from random import Random
from typing import NamedTuple

from pipelines.behaviour.changes import Words, changed, chosen, shuffled
from pipelines.behaviour.suite import (
    CLASSES,
    DIRECTION,
    GROUP,
    INVARIANCE,
    MINIMUM,
    SLOT,
    Suite,
    Test,
)

# Templates with more texts are drawn from, and not listed first.
_MOST_LISTED = 5_000
_VOWEL = re.compile(r"(?!uni|use|euro|one\b|once)[aeiou]|hour|honest|heir", re.IGNORECASE)
_AN = re.compile(r"\b([Aa])\(n\)(\s+)(\w+)")
_IN_SLOT = re.compile(r"\{(\w+(?:#\d)?)\}")


class Case(NamedTuple):
    """Texts that are answered, and what is expected of the answers."""

    texts: tuple[str, ...]
    """The text; or the original, and those that were made of it; or one for each word of a list."""
    expected: str | None = None
    """The class that the text has, or whose probability may not fall."""


def cases_of(test: Test, suite: Suite) -> list[Case]:
    """Make the cases of a test, evenly of its templates; none twice.

    The user's own originals are not among them; see `cases_of_texts`.
    """
    words = suite.words
    if test.kind == MINIMUM:
        named = [name for name in CLASSES if getattr(test, name)]
        found: list[Case] = []
        for name in named:
            texts = _evenly(test, getattr(test, name), words, most=test.cases // len(named))
            found += [Case((text,), name) for text in texts]
        return found
    if test.kind == GROUP:
        assert test.vary is not None
        frames = _evenly(test, test.texts, words, most=test.cases, kept=test.vary)
        return [
            Case(tuple(_filled(frame, {test.vary: word}) for word in words[test.vary]))
            for frame in frames
        ]
    if test.pairs:
        return [Case(pair, test.towards) for pair in _pairs(test, words)]
    if test.kind in (INVARIANCE, DIRECTION):
        # Some texts have nothing to change.
        texts = _evenly(test, test.texts, words, most=2 * test.cases)
        return cases_of_texts(test, texts, suite)
    return [Case((text,)) for text in _evenly(test, test.texts, words, most=test.cases)]


def cases_of_texts(test: Test, texts: Sequence[str], suite: Suite) -> list[Case]:
    """Make cases of originals, in their order, as far as there is something to change in them."""
    made = ((text, _made_of(test, text, suite)) for text in dict.fromkeys(texts))
    cases = (Case((text, *others), test.towards) for text, others in made if others)
    return list(islice(cases, test.cases))


def _made_of(test: Test, text: str, suite: Suite) -> list[str]:
    if test.change is not None:
        return changed(test.change, text, suite.words)
    # Between two sentences there is a mark, whatever the first one ends with.
    ended = text if text.rstrip().endswith((".", "!", "?", "…")) else f"{text.rstrip()}."
    return [f"{ended} {chosen(Random(f'{test.name} {text}'), test.add)}"]


def _evenly(
    test: Test, templates: Sequence[str], words: Words, *, most: int, kept: str = ""
) -> list[str]:
    """Texts of several templates in turn; the place of the list ``kept`` is not filled in."""
    left = [_texts_of(template, words, seed=test.name, kept=kept) for template in templates]
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
    for chosen_words in _drawn(template, words, seed=seed, kept=kept):
        yield _filled(template, chosen_words)


def _pairs(test: Test, words: Words) -> list[tuple[str, str]]:
    left = [
        (_drawn(f"{original} {other}", words, seed=test.name, kept=""), original, other)
        for original, other in test.pairs
    ]
    found: dict[tuple[str, str], None] = {}
    while left and len(found) < test.cases:
        for one in list(left):
            drawn, original, other = one
            made = ((_filled(original, some), _filled(other, some)) for some in drawn)
            pair = next((pair for pair in made if pair not in found), None)
            if pair is None:
                left.remove(one)
            elif len(found) < test.cases:
                found[pair] = None
    return list(found)


def _drawn(template: str, words: Words, *, seed: str, kept: str) -> Iterator[dict[str, str]]:
    """Words for the places of a template, in a drawn order; two places of one list differ."""
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


def _filled(template: str, chosen_words: dict[str, str]) -> str:
    """Put words in their places, and write the first letter large and ``a(n)`` as it must be."""

    def word(match: re.Match[str]) -> str:
        return chosen_words.get(match[0][1:-1], match[0])

    text = SLOT.sub(word, template)
    if SLOT.search(text):
        return text  # a frame: what stands before its place is not known yet
    text = _AN.sub(lambda m: f"{m[1]}{'n' if _VOWEL.match(m[3]) else ''}{m[2]}{m[3]}", text)
    return text[0].upper() + text[1:]
