"""The embedded example of translation: phrases and their standard forms, by hand."""

import random
import re

import pytest

from data.examples.phrases import LANGUAGES, SIZES, amount, date, phrase_pairs, time

BY_HAND = {
    "a quarter to twelve in the evening": "23:45",
    "um halb drei morgens": "02:30",
    "une heure et quart du matin": "01:15",
    "a las once menos cuarto de la tarde": "22:45",
}


def test_no_source_is_in_two_parts():
    pairs = phrase_pairs()
    assert len({pair.source for pair in pairs}) == len(pairs) == sum(SIZES.values())
    counts = {part: sum(pair.part == part for pair in pairs) for part in SIZES}
    assert counts == SIZES


def test_standard_forms():
    forms = r"\d{4}-\d\d-\d\d|\d\d:\d\d|[A-Z]{3} \d+\.\d\d"
    assert all(re.fullmatch(forms, pair.target) for pair in phrase_pairs())


@pytest.mark.parametrize(("source", "target"), BY_HAND.items())
def test_times_in_words(source, target):
    found = {}
    for language in LANGUAGES:
        draw = random.Random(0)
        found |= dict(time(draw, language) for _ in range(20_000))
    assert found[source] == target


def test_amounts_and_dates_are_written_as_each_language_does():
    for maker, patterns in (
        (amount, {"en": r"1?\d,\d{3}\.\d\d (dollars|euros|pounds)", "de": r"1?\d\.\d{3},\d\d "}),
        (
            date,
            {"de": r"\d\d?\. März \d{4}", "en": r"the 2nd of May \d{4}", "es": r"\d de mayo de"},
        ),
    ):
        for language, pattern in patterns.items():
            draw = random.Random(0)
            found = [maker(draw, language)[0] for _ in range(5000)]
            assert any(re.match(pattern, one) for one in found), pattern
