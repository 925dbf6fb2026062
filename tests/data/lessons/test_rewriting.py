"""Clauses of texts are denied, asked and set against others, and the label follows."""

import re
from collections import Counter

from data.lessons.judgements import Clause
from data.lessons.lessons import described
from data.lessons.opinions import CLASSES
from data.lessons.rewriting import rewritten

PRAISE = [Clause("the plot", "was", "superb"), *[Clause("they", "are", "a joy")] * 2]
BLAME = [Clause("it", "is", "a mess"), *[Clause("the songs", "were", "dire")] * 2]
JUDGED = {"positive": PRAISE, "negative": BLAME}
FRAMES = described()["rewrites"]


def labels_of(pattern, *, most=2_000):
    found = [one for one in rewritten(JUDGED, most=most, seed="0") if re.search(pattern, one.text)]
    return {(one.text.rstrip(" .!"), one.label) for one in found}


def test_what_is_denied_has_the_other_label():
    found = labels_of(r"^(It|The \w+|They) (isn't|wasn't|aren't|weren't) [^,]*$")
    assert found == {
        ("The plot wasn't superb", "negative"),
        ("They aren't a joy", "negative"),
        ("It isn't a mess", "positive"),
        ("The songs weren't dire", "positive"),
    }


def test_a_question_has_the_label_of_its_answer():
    yes = tuple(str(one).rstrip("!") for one in described()["words"]["yeah"])
    found = labels_of(r"\?")
    assert len(found) > 10
    for text, label in found:
        clause, _, answer = text.partition("? ")
        praised = "superb" in clause or "joy" in clause
        said = answer.lower() in yes
        assert label == ("positive" if praised == said else "negative")


def test_of_two_judgements_that_of_the_whole_counts():
    for text, label in labels_of(r"^(It|The|They) .*, but "):
        first, _, second = text.partition(", but ")
        assert ("superb" in second or "joy" in second) == (label == "positive")
        assert ("superb" in first or "joy" in first) == (label == "negative")


def test_each_class_is_there_as_often_and_no_text_twice():
    found = rewritten(JUDGED, most=1_000, seed="0")
    assert found == rewritten(JUDGED, most=1_000, seed="0")
    assert len({one.text for one in found}) == len(found) <= 1_000
    counts = Counter(one.label for one in found)
    assert set(counts) == set(CLASSES)
    assert 0.9 < counts["positive"] / counts["negative"] < 1.1
    assert all(0 < one.doubt < 0.5 for one in found)
    assert not any("{" in one.text for one in found)


def test_many_places_are_filled_by_all_clauses_in_turn():
    many = [Clause("it", "is", f"fine{k}") for k in range(300)]
    found = rewritten({"positive": many, "negative": BLAME}, most=3_000, seed="0")
    said = {word for one in found for word in re.findall(r"fine\d+", one.text)}
    assert len(said) == len(many)


def test_without_clauses_of_both_classes_there_is_nothing_to_set_against():
    assert rewritten({"positive": PRAISE, "negative": []}, most=1_000, seed="0") == []
    few = len(FRAMES["kept"]) + len(FRAMES["turned"])
    assert rewritten(JUDGED, most=few, seed="0") == []
