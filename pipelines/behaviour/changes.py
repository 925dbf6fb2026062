"""Changes of a text that leave its judgement as it is, by name: a text → some changed ones.

Each change draws from a generator of its own for each text, so that the same text is always changed
alike. Only `Random.random` is drawn from, which gives the same in each version of Python.
"""

import re
from collections.abc import Callable, Mapping
from functools import partial
from random import Random

from data.lessons.templates import Words, chosen, shuffled

Change = Callable[[str, Random, Words], list[str]]

#: the most changed texts of an original
VARIANTS = 3

# Where neighbours are swapped, another word would stand there.
_OTHER_WORDS = {"trail", "trial", "form", "from", "united", "untied", "casual", "causal", "angel"}
_OTHER_WORDS |= {"angle", "quiet", "quite", "diary", "dairy", "sacred", "scared", "wells", "bets"}
_LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"
_SITES = (
    "https://t.co/",
    "http://bit.ly/",
    "https://youtu.be/",
    "www.example.org/",
    "https://fb.me/",
)
_HANDLES = ("user", "mr_", "the_real_", "jo", "cat", "hello", "its", "team")
# A rating is part of the judgement.
_RATING = re.compile(r"\d\s*(/|out of|of|stars?\b|points?\b|%|-star)|\bof\s+\d", re.IGNORECASE)
_NUMBER = re.compile(r"(?<![\w.,:])(\d{1,4})(?![\w:]|[.,]\d)")
_YEARS = (1990, 2024)
_SHORT = {
    "is not": "isn't", "are not": "aren't", "was not": "wasn't", "were not": "weren't",
    "do not": "don't", "does not": "doesn't", "did not": "didn't", "have not": "haven't",
    "has not": "hasn't", "had not": "hadn't", "will not": "won't", "would not": "wouldn't",
    "could not": "couldn't", "should not": "shouldn't", "cannot": "can't",
    "I am": "I'm", "we are": "we're", "they are": "they're", "you are": "you're",
    "I have": "I've", "I will": "I'll",
}  # fmt: skip
_LONG = {short: long for long, short in _SHORT.items()}
# "Isn't it" is no "Is not it", and what is short cannot end a sentence: "here I am".
_PRONOUNS = r"(?!\s+(?:it|he|she|they|you|we|I|this|that|there)\b)"
_GOES_ON = r"(?=\s+\w)"


def _swapped(name: str) -> Change:
    """Make the change that puts another word of a list in the place of each of its words."""

    def change(text: str, draw: Random, words: Words) -> list[str]:
        every = words[name]
        pattern = re.compile(rf"\b(?:{'|'.join(map(re.escape, every))})\b", re.IGNORECASE)
        found = sorted({word.lower() for word in pattern.findall(text)})
        if not found:
            return []
        others = shuffled(draw, [word for word in every if word.lower() not in found])
        made = []
        for k in range(min(VARIANTS, len(others) // len(found))):
            new = dict(zip(found, others[k * len(found) :], strict=False))
            made.append(pattern.sub(partial(_in_its_case, new), text))
        return made

    return change


def _in_its_case(table: Mapping[str, str], match: re.Match[str]) -> str:
    """Look a word up by its small letters, and write the other one as large as it."""
    old, new = match[0], table[match[0].lower()]
    return new.lower() if old.islower() else new.upper() if old.isupper() else new


def numbers(text: str, draw: Random, words: Words) -> list[str]:
    """Change whole numbers, of 2 and more; a text with a rating stays as it is."""
    if _RATING.search(text):
        return []

    def other(match: re.Match[str]) -> str:
        value = int(match[1])
        if value < 2 or match[1].startswith("0"):
            return match[1]
        first, last = (2, 9) if value < 10 else (10 ** (len(match[1]) - 1), 10 ** len(match[1]) - 1)
        if 10 <= value <= 28:  # it may be a day
            first, last = 10, 28
        if 1900 <= value <= 2030:
            first, last = _YEARS
        drawn = first + int(draw.random() * (last - first))
        return str(drawn + (drawn >= value))

    return [_NUMBER.sub(other, text) for _ in range(VARIANTS)]


def url(text: str, draw: Random, words: Words) -> list[str]:
    """Add a random URL at the end, or before the text."""
    made = []
    for k in range(VARIANTS):
        letters = "".join(chosen(draw, _LETTERS) for _ in range(8))
        link = chosen(draw, _SITES) + letters
        made.append(f"{link} {text}" if k == VARIANTS - 1 else f"{text} {link}")
    return made


def handle(text: str, draw: Random, words: Words) -> list[str]:
    """Add a random user's handle before the text, or at the end."""
    made = []
    for k in range(VARIANTS):
        letters = "".join(chosen(draw, _LETTERS) for _ in range(4))
        name = f"@{chosen(draw, _HANDLES)}{letters}"
        made.append(f"{text} {name}" if k == VARIANTS - 1 else f"{name} {text}")
    return made


def typos(text: str, draw: Random, words: Words) -> list[str]:
    """Swap two neighbouring letters inside one word of five letters or more."""
    places = [
        k
        for word in re.finditer(r"[A-Za-z]{5,}", text)
        for k in range(word.start() + 1, word.end() - 2)
        if text[k] != text[k + 1]
        and _with_swap(word[0], k - word.start()).lower() not in _OTHER_WORDS
    ]
    return [_with_swap(text, k) for k in shuffled(draw, places)[:VARIANTS]]


def _with_swap(text: str, k: int) -> str:
    return f"{text[:k]}{text[k + 1]}{text[k]}{text[k + 2 :]}"


def punctuation(text: str, draw: Random, words: Words) -> list[str]:
    """Leave out the mark at the end, or put another one there; a question keeps its mark."""
    plain = re.sub(r"[\s.!…]+$", "", text)
    if not plain or plain.endswith("?"):
        return []
    return [plain, f"{plain}.", f"{plain}!", f"{plain} ."]


def contractions(text: str, draw: Random, words: Words) -> list[str]:
    """Contract what is written out, and write out what is contracted."""
    short = _replaced(text, _SHORT, after=_GOES_ON)
    long = _replaced(text, _LONG, after=_PRONOUNS)
    return [short, long]


def _replaced(text: str, table: Mapping[str, str], *, after: str) -> str:
    by_key = {key.lower(): value for key, value in table.items()}

    def other(match: re.Match[str]) -> str:
        new = by_key[match[0].lower()]
        return new[0].upper() + new[1:] if match[0][0].isupper() else new

    # A question's "Are you not" is not touched: the words do not stand together.
    pattern = rf"\b(?:{'|'.join(map(re.escape, table))})\b{after}"
    return re.sub(pattern, other, text, flags=re.IGNORECASE)


def case(text: str, draw: Random, words: Words) -> list[str]:
    """Write all letters small, all large, and the first one of each word large."""
    title = re.sub(r"\b[a-z](?<!['’].)", lambda match: match[0].upper(), text)
    return [text.lower(), text.upper(), title]


CHANGES: dict[str, Change] = {
    "first names": _swapped("first_name"),
    "towns": _swapped("town"),
    "countries": _swapped("country"),
    "numbers": numbers,
    "url": url,
    "handle": handle,
    "typos": typos,
    "punctuation": punctuation,
    "contractions": contractions,
    "case": case,
}


def changed(name: str, text: str, words: Words) -> list[str]:
    """Make the changed texts of an original: each once, and none that is the original itself."""
    made = CHANGES[name](text, Random(f"{name} {text}"), words)
    return [one for one in dict.fromkeys(made) if one != text][:VARIANTS]
