"""Words that a classifier of opinions does not read: they name whom or what a text is about.

A word that is left out of the vocabulary is read as any unknown word. So an answer cannot depend on it,
and is the same for names that training has never seen. Subwords and characters spell every word: this is
for vocabularies of whole words.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

from data.plain_text.content import MARKUP

#: ``names`` of people, places and works, found by their capitals; ``groups`` of people (`GROUPS`);
#: ``numbers``, which are alike
Unread = Literal["names", "groups", "numbers"]
#: words for nationality, religion, origin, gender, age … in English
GROUPS = Path(__file__).with_name("groups_english.txt")
# Names of such groups in several words: one of `GROUPS` stands for each. No pattern reaches over a
# blank, before which a text that comes bit by bit is cut.
_HYPHENED = (
    r"(?i)\b(?:latin-american|african-american|asian-american|native-american|middle-eastern|mixed-race"
    r"|non-binary|left-handed|right-handed|middle-aged|dark-skinned|light-skinned)s?\b",
    "latino",
)
# Latin American is one word then.
_LATIN = r"(?i)\blatin\b", " "
# The article tells how the next word begins.
_ARTICLE = r"(?i)\ban\b", "a"
# Numbers that are written alike, but for 0, 1, and the marks of 8/10.
_NUMBERS = r"(?<![\p{N}/])(?![01](?!\p{N}))\p{N}{1,100}(?![\p{N}/])", "00"

# Raise it when names are found in another way.
_VERSION = 1
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+){0,2}|\d+|[^\s\w]")
_MARKUP = re.compile(MARKUP)
# After one of these, any word may have a capital.
_OPENING = frozenset(".!?…:;\"'“”‘’«»()[]*-–—/&|>")
# A name is written with a capital at most places where other words are not.
_LEAST_SHARE, _LEAST_OFTEN = 0.8, 2
# In English prose 5 to 8 % of such words have a capital; in German, where all nouns have, 25 to 30 %.
_MOST_CAPITALS = 0.15


def unread_words(texts: Iterable[str], kinds: Sequence[Unread]) -> set[str]:
    """Collect the words of some kinds, in small letters.

    Args:
        texts: English texts of the training part, as they are written.
        kinds: see `Unread`; numbers are no words.
    """
    words: set[str] = set()
    if "groups" in kinds:
        words |= set(GROUPS.read_text(encoding="utf-8").split())
    if "names" in kinds:
        words |= proper_names(texts)
    return words


def rules_of(kinds: Sequence[Unread]) -> list[Any]:
    """All that decides which words are not read, but for the texts: the key of what is kept of them."""
    groups = GROUPS.read_text(encoding="utf-8") if "groups" in kinds else ""
    names = [_LEAST_SHARE, _LEAST_OFTEN, _MOST_CAPITALS, _VERSION]
    return [sorted(kinds), rewritten(kinds), groups, names]


def rewritten(kinds: Sequence[Unread]) -> list[tuple[str, str]]:
    """Patterns (Oniguruma) to replace in each text, and what is read in the place of each."""
    found = [_HYPHENED, _LATIN, _ARTICLE] if "groups" in kinds else []
    return found + ([_NUMBERS] if "numbers" in kinds else [])


def proper_names(texts: Iterable[str]) -> set[str]:
    """Find words that have a capital wherever they do not open a sentence, in small letters.

    Words in capitals alone are emphasis as often as names, and do not count. Empty where a language
    writes other words with capitals too, or texts have none.
    """
    capital: Counter[str] = Counter()
    small: Counter[str] = Counter()
    for text in texts:
        if text.islower():
            continue  # its names have no capitals either
        before = "."
        for found in _WORD.finditer(_MARKUP.sub(" . ", text)):
            word = found[0]
            if word[0].isalpha() and before not in _OPENING and word != "I":
                if word.islower():
                    small[word.replace("’", "'")] += 1
                elif word[0].isupper() and (len(word) == 1 or not word.isupper()):
                    capital[word.lower().replace("’", "'")] += 1
            before = word
    if capital.total() > _MOST_CAPITALS * (capital.total() + small.total()):
        return set()
    return {
        word
        for word, count in capital.items()
        if count >= _LEAST_OFTEN
        and count >= _LEAST_SHARE * (count + small[word])
        and not word.startswith("i'")
    }
