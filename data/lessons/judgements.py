"""Judgements: short clauses of texts that say of something how it is, “the plot was thin”."""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from data.plain_text.content import MARKUP

_MARKUP = re.compile(MARKUP)
_STARTS = r"^|[.!?;:,(]\s+|\b(?:and|but|because|although|though|while)\s"
_ENDS = (
    r"\s?[.!?;:,)]|$"
    r"|\s(?:and|but|or|yet|so|because|although|though|while|when|where|which|who|as|if|since)\b"
)
_POINTS = r"(?:the|this|that|these|those|its|his|her|their|my|our|both|each|every|some|most)"
_ALONE = r"(?:i|we|it|he|she|they|this|that|all|everything|everyone)"
_CLAUSE = re.compile(
    rf"(?:{_STARTS})(?P<subject>{_POINTS}(?:\s[a-z'-]+){{1,3}}?|{_ALONE})"
    rf"\s(?P<verb>is|was|are|were)\s(?P<rest>[a-z'-]+(?:\s[a-z'-]+){{0,4}}?)(?={_ENDS})",
    re.IGNORECASE,
)
# With these a clause is denied already, or says how it is only by what stands after it.
_UNFIT = {
    *("not", "no", "never", "nothing", "none", "nobody", "cannot", "without", "hardly", "barely"),
    *("only", "too", "so", "as", "like", "than", "less", "least", "more", "most", "far"),
    *("if", "that", "what", "why", "how", "who", "when", "supposed", "going"),
}
# With these at its end it is cut short: “it is one of” those that …
_UNFINISHED = {
    *("a", "an", "the", "of", "to", "for", "in", "on", "at", "by", "with", "from", "about", "this"),
    *("very", "really", "quite", "just", "also", "still", "simply", "totally", "his", "her", "its"),
}


class Clause(NamedTuple):
    """A clause that may judge."""

    subject: str
    verb: str
    """``is``, ``was``, ``are`` or ``were``."""
    rest: str

    def __str__(self) -> str:
        return f"{self.subject} {self.verb} {self.rest}"


def clauses_of(text: str) -> Iterator[Clause]:
    """Find short clauses of a subject, a form of “to be” and what is said, without denials."""
    for match in _CLAUSE.finditer(_MARKUP.sub(". ", text)):
        words = f"{match['subject']} {match['rest']}".lower().split()
        is_fit = not any(word in _UNFIT or word.endswith("n't") for word in words)
        if is_fit and words[-1] not in _UNFINISHED:
            yield Clause(match["subject"].lower(), match["verb"].lower(), match["rest"])


def clauses_by_row(texts: Iterable[str]) -> dict[Clause, int]:
    """Find the clauses of several texts, each with the first text that has it."""
    found: dict[Clause, int] = {}
    for row, text in enumerate(texts):
        for clause in clauses_of(text):
            found.setdefault(clause, row)
    return found
