"""Lessons on how English sentences turn a judgement, and on what holds none.

They are made of templates, as tests are in Ribeiro et al. 2020, "Beyond Accuracy: Behavioral Testing of
NLP Models with CheckList". Denial, a change of mind, or a question and its answer are too rare in
reviews to be learnt from them.
"""

import re
from functools import cache
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import yaml

from data.lessons.templates import SLOT, Words, chosen, evenly

#: templates and word lists
ENGLISH = Path(__file__).with_name("english.yaml")
# Texts of each template; more of those that say nothing, which are shorter and more various.
_MOST, _MOST_NEUTRAL = 32, 40
# Ends of a text: what people type ends with a full stop, with another sign, or with none.
_ENDS = (".", ".", "", "!", "...", " .")
# Share of a label that is spread over all classes, where the YAML names no other.
_DOUBT = 0.05


class Lesson(NamedTuple):
    """A short text to learn."""

    text: str
    label: str | None
    """``positive``, ``negative``, or None: it says nothing."""
    doubt: float
    """Share of the label that is spread over all classes; 1 where the text says nothing."""


@cache
def described() -> dict[str, Any]:
    """Read the word lists (``words``), their ``opposites``, and the templates (``lessons``)."""
    found: dict[str, Any] = yaml.safe_load(ENGLISH.read_text(encoding="utf-8"))
    return found


def word_lists() -> Words:
    """The word lists by name."""
    return {name: tuple(map(str, some)) for name, some in described()["words"].items()}


def english_lessons() -> list[Lesson]:
    """Make the lessons, the same at each call, none twice."""
    words = word_lists()
    found: dict[str, Lesson] = {}
    for lesson in described()["lessons"]:
        for label, templates in templates_of(lesson).items():
            doubt = lesson.get("doubt", _DOUBT) if label else 1.0
            most = (_MOST if label else _MOST_NEUTRAL) * len(templates)
            for text in evenly(templates, words, most=most, seed=f"{lesson['name']} {label}"):
                found.setdefault(text, Lesson(ended(text), label, doubt))
    return list(found.values())


def templates_of(lesson: dict[str, Any]) -> dict[str | None, list[str]]:
    """Templates of a lesson by their label, those under ``mirrored`` with both; None: no opinion."""
    opposites = described()["opposites"]
    opposites = opposites | {other: name for name, other in opposites.items()}

    def mirror(slot: re.Match[str]) -> str:
        return slot[0].replace(slot[1], opposites.get(slot[1], slot[1]))

    mirrored = lesson.get("mirrored", [])
    return {
        "positive": mirrored + lesson.get("positive", []),
        "negative": [SLOT.sub(mirror, one) for one in mirrored] + lesson.get("negative", []),
        None: lesson.get("texts", []),
    }


def ended(text: str) -> str:
    """End a text as people do: with another sign than its full stop, or with none."""
    return text[:-1] + chosen(Random(text), _ENDS) if text.endswith(".") else text
