"""Failures and figures, by answers made by hand."""

import pytest

from pipelines.behaviour.cases import Case
from pipelines.behaviour.measures import Asked, asked_of, by_kind, measure
from pipelines.behaviour.suite import (
    DIRECTION,
    GROUP,
    INVARIANCE,
    MINIMUM,
    RESTRAINT,
    Suite,
    Test,
    read_suite,
)
from pipelines.metrics.intervals import wilson


def measured(kind, cases, shares, **options):
    asked = Asked(Test(name="x", kind=kind, **options), False, [Case(*one) for one in cases])
    [found] = measure([asked], shares)
    return found


def test_minimum_functionality():
    cases = [(("a",), "positive"), (("b",), "positive"), (("c",), "negative"), (("d",), "negative")]
    found = measured(MINIMUM, cases, {"a": 0.9, "b": 0.5, "c": 0.7, "d": 0.2})
    assert (found["cases"], found["failures"], found["share"]) == (4, 2, 0.5)
    assert found["interval"] == list(wilson(2, 4))
    assert found["mean"] == pytest.approx((0.9 + 0.5 + 0.3 + 0.8) / 4)
    # The worst comes first.
    assert [one["texts"] for one in found["failed"]] == [["c"], ["b"]]
    assert found["failed"][0] == {"texts": ["c"], "positive": [0.7], "expected": "negative"}


def test_a_case_of_invariance_fails_by_any_of_its_texts():
    cases = [(("a", "b", "c"),), (("d", "e", "f"),)]
    shares = {"a": 0.6, "b": 0.9, "c": 0.4, "d": 0.1, "e": 0.4, "f": 0.1}
    found = measured(INVARIANCE, cases, shares, change="url")
    assert found["failures"] == 1
    assert found["failed"][0]["texts"] == ["a", "c"]
    assert found["mean"] == pytest.approx(((0.3 + 0.2) / 2 + 0.3 / 2) / 2)


def test_a_group_fails_unless_all_its_words_lead_to_one_class():
    cases = [(("a", "b", "c"),), (("d", "e", "f"),)]
    shares = {"a": 0.6, "b": 0.9, "c": 0.4, "d": 0.1, "e": 0.4, "f": 0.1}
    found = measured(GROUP, cases, shares, vary="w")
    assert found["failures"] == 1
    assert found["failed"][0]["texts"] == ["c", "b"]
    assert found["mean"] == pytest.approx((1 / 3 + 0) / 2)


def test_direction_has_a_tolerance():
    cases = [((k, k * 2), "negative") for k in ("a", "b", "c")]
    shares = {"a": 0.5, "aa": 0.59, "b": 0.5, "bb": 0.65, "c": 0.9, "cc": 0.1}
    found = measured(DIRECTION, cases, shares, towards="negative")
    assert [one["texts"] for one in found["failed"]] == [["b", "bb"]]
    assert found["mean"] == pytest.approx((-0.09 - 0.15 + 0.8) / 3)


def test_restraint_holds_for_both_classes():
    found = measured(
        RESTRAINT, [(("a",),), (("b",),), (("c",),)], {"a": 0.95, "b": 0.05, "c": 0.89}
    )
    assert found["failures"] == 2


def test_cases_without_an_answer_are_counted_apart():
    found = measured(INVARIANCE, [(("a", "b"),), (("c", "d"),)], {"a": 1, "b": 1, "c": 1})
    assert (found["cases"], found["unanswered"], found["share"]) == (1, 1, 0)
    found = measured(INVARIANCE, [(("a", "b"),)], {})
    assert (found["cases"], found["share"], found["interval"], found["mean"]) == (
        0,
        None,
        None,
        None,
    )
    assert by_kind([found]) == {}


def test_kinds_are_summed_up():
    one = {"kind": MINIMUM, "cases": 10, "failures": 3}
    two = {"kind": MINIMUM, "cases": 30, "failures": 1}
    [(kind, found)] = by_kind([one, two]).items()
    assert kind == MINIMUM
    assert found == {"cases": 40, "failures": 4, "share": 0.1, "interval": list(wilson(4, 40))}


def test_texts_have_rows_of_their_own_where_there_are_enough():
    own = read_suite()
    tests = tuple(test for test in own.tests if test.change in ("towns", "url"))
    suite = Suite(own.words, tests)
    texts = [f"a fine film number {k}" for k in range(30)] + ["seen in Rome"]
    found = asked_of(suite, texts)
    assert [(one.test.change, one.is_of_texts) for one in found] == [
        ("towns", False), ("url", False), ("url", True),
    ]  # fmt: skip
    assert {case.texts[0] for case in found[-1].cases} == set(texts)
    assert [case.texts[0] for case in found[-1].cases] != texts
