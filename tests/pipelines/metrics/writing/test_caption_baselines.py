"""Baselines of captions by hand, and what may be wrong with answers."""

import numpy as np
import pytest

from pipelines.metrics.writing.caption_baselines import nearest_caption, people
from pipelines.metrics.writing.captions import cider_of_texts, resampled_cider
from pipelines.metrics.writing.generation import answer_shares, told_shares


def test_the_nearest_is_found_by_direction_from_the_centre():
    known = np.array([[10.0, 11.0], [11.0, 10.0], [9.0, 9.0]])
    asked = np.array([[10.0, 15.0], [14.0, 10.0], [5.0, 5.0]])
    found = nearest_caption(asked, known_features=known, known_captions=["up", "right", "back"])
    assert found == ["up", "right", "back"]


def test_people_are_measured_by_each_other():
    assert people([["a dog"], ["a cat"]]) is None
    references = [["a red dog", "a red dog"], ["one cat", "no"], ["alone"]]
    assert people(references)["exact_match"] == 0.5


def test_resampled_cider():
    references = [["a dog runs"], ["a cat sits"], ["red birds fly"]]
    right = [some[0] for some in references]
    found = resampled_cider({"right": right, "wrong": ["x y"] * 3}, references)
    assert found.values["right"] == pytest.approx(np.mean(cider_of_texts(right, references)))
    assert found.values["wrong"] == 0
    assert found.p_value("right", "wrong") == pytest.approx(2 / 1001)
    low, high = found.interval("right")
    assert low <= found.values["right"] <= high


def test_shares():
    answers, is_finished = ["a b c a b c", "a b", "a b", "x"], [True, True, False, True]
    shares = answer_shares(answers, is_finished, references=["a b c", "d e f d e f"] * 5)
    assert shares == {
        "unfinished_share": 0.25,
        "repeated_share": 0.25,
        "repeated_share_of_references": 0.5,
        "same_answer_share": 0.5,
    }
    report = shares | {"num_examples": 100}
    assert not any("repeat" in line for line in told_shares(report))
    told = " ".join(told_shares(report | {"repeated_share_of_references": 0.1}))
    assert "did not end" in told
    assert "25.0% of the answers repeat three words, and 10.0% of the references" in told
    assert "one and the same" in told
