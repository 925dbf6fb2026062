"""Opinions in English: what lessons, unread words and behaviour tests are for."""

import re
from collections.abc import Sequence

#: our names of the classes
CLASSES = ("positive", "negative")
_NAMES = {"positive": ("positive", "pos"), "negative": ("negative", "neg")}
# A quarter of the words of English prose are among these, of short exclamations a tenth, of other
# languages next to none.
_FREQUENT = {
    *("the", "and", "this", "of", "to", "is", "it", "was"),
    *("for", "with", "but", "not", "i", "you", "that", "my"),
}
_LEAST_FREQUENT = 0.08


def opinion_classes(classes: Sequence[str]) -> dict[str, str] | None:
    """Find a model's names of ``positive`` and ``negative``, by these; None if it has others."""
    found = {
        ours: theirs
        for ours, names in _NAMES.items()
        for theirs in classes
        if theirs.casefold() in names
    }
    return found if len(found) == len(classes) == len(CLASSES) else None


def is_english(texts: Sequence[str]) -> bool:
    """Whether the words of texts are those of English, as far as the most frequent ones tell."""
    words = re.findall(r"\w+", " ".join(texts[:1000]).lower())
    return sum(word in _FREQUENT for word in words) >= _LEAST_FREQUENT * max(len(words), 1)


def are_english_opinions(texts: Sequence[str], classes: Sequence[str]) -> bool:
    """Whether texts are English and their classes those of an opinion."""
    return opinion_classes(classes) is not None and is_english(texts)
