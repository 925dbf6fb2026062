"""Lessons: balanced, certain where they should be, and none of them like a behaviour test."""

import re
from itertools import chain

from data.lessons.lessons import described, english_lessons, templates_of
from data.lessons.opinions import CLASSES
from data.lessons.templates import SLOT
from data.tokens.tokenizing import content_of
from pipelines.behaviour.measures import asked_of, texts_of
from pipelines.behaviour.suite import read_suite

SUITE = read_suite()
# Lists of the suite whose words judge; the others (things, jobs, towns) name what is judged.
JUDGING = (
    *("praise", "damn", "worthy", "dull", "faulty", "gradable_praise", "gradable_damn"),
    *("praising_verb", "damning_verb", "praised", "damned"),
)


def frame(template):
    """Write a template with a mark for each place, in small letters, without signs."""
    plain = SLOT.sub(" slot ", template.replace("a(n)", "a"))
    return " ".join(re.findall(r"\w+", plain.lower()))


def test_lessons_are_the_same_at_each_call_and_none_is_there_twice():
    found = english_lessons()
    assert found == english_lessons()
    assert len({content_of(one.text) for one in found}) > 0.99 * len(found) > 3_000


def test_both_classes_are_taught_about_as_often():
    labels = [one.label for one in english_lessons()]
    first, second = (labels.count(name) for name in CLASSES)
    assert 0.9 < first / second < 1.1
    assert labels.count(None) > 1_000


def test_a_mirrored_template_has_both_labels():
    lesson = {"mirrored": ["{damn} at first, {praise#2} by {when}"], "negative": ["no {praise}"]}
    assert templates_of(lesson) == {
        "positive": ["{damn} at first, {praise#2} by {when}"],
        "negative": ["{praise} at first, {damn#2} by {when}", "no {praise}"],
        None: [],
    }
    words, opposites = described()["words"], described()["opposites"]
    assert set(words) >= {*opposites.keys(), *opposites.values()}
    assert set(opposites.keys()).isdisjoint(opposites.values())


def test_a_text_without_an_opinion_says_nothing():
    for one in english_lessons():
        assert (one.doubt == 1) == (one.label is None)
        assert one.label is None or one.doubt < 0.5


def test_behaviour_tests_have_other_frames():
    templates = [chain(*templates_of(lesson).values()) for lesson in described()["lessons"]]
    templates += described()["rewrites"].values()
    ours = {frame(template) for template in chain(*templates)}
    theirs = {
        frame(template)
        for test in SUITE.tests
        for template in chain(test.positive, test.negative, test.texts, *test.pairs)
    }
    # A frame of nothing but places is a list of words.
    assert {one for one in ours & theirs if set(one.split()) != {"slot"}} == set()


def test_behaviour_tests_judge_by_other_words():
    judging = {word.lower() for name in JUDGING for word in SUITE.words[name]}
    words = described()["words"]
    assert judging.isdisjoint({str(word).lower() for some in words.values() for word in some})


def test_no_behaviour_test_is_learnt():
    learnt = {content_of(one.text) for one in english_lessons()}
    assert learnt.isdisjoint({content_of(text) for text in texts_of(asked_of(SUITE))})
