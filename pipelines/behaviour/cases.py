"""Cases of a test: its templates with words in their places, the same at each call."""

from collections.abc import Sequence
from itertools import islice
from random import Random
from typing import NamedTuple

from data.lessons.opinions import CLASSES
from data.lessons.templates import Words, chosen, drawn, evenly, filled
from pipelines.behaviour.changes import changed
from pipelines.behaviour.suite import (
    DIRECTION,
    GROUP,
    INVARIANCE,
    MINIMUM,
    Suite,
    Test,
)


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
            texts = evenly(
                getattr(test, name), words, most=test.cases // len(named), seed=test.name
            )
            found += [Case((text,), name) for text in texts]
        return found
    if test.kind == GROUP:
        assert test.vary is not None
        frames = evenly(test.texts, words, most=test.cases, seed=test.name, kept=test.vary)
        return [
            Case(tuple(filled(frame, {test.vary: word}) for word in words[test.vary]))
            for frame in frames
        ]
    if test.pairs:
        return [Case(pair, test.towards) for pair in _pairs(test, words)]
    if test.kind in (INVARIANCE, DIRECTION):
        # Some texts have nothing to change.
        texts = evenly(test.texts, words, most=2 * test.cases, seed=test.name)
        return cases_of_texts(test, texts, suite)
    return [Case((text,)) for text in evenly(test.texts, words, most=test.cases, seed=test.name)]


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


def _pairs(test: Test, words: Words) -> list[tuple[str, str]]:
    left = [
        (drawn(f"{original} {other}", words, seed=test.name), original, other)
        for original, other in test.pairs
    ]
    found: dict[tuple[str, str], None] = {}
    while left and len(found) < test.cases:
        for one in list(left):
            every, original, other = one
            made = ((filled(original, some), filled(other, some)) for some in every)
            pair = next((pair for pair in made if pair not in found), None)
            if pair is None:
                left.remove(one)
            elif len(found) < test.cases:
                found[pair] = None
    return list(found)
