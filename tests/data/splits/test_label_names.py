"""Spellings of labels: which are one class, what it is called, how classes are ordered."""

import unicodedata
from decimal import Decimal

import pytest

from data.splits.label_names import (
    in_order,
    key_of,
    listed,
    look_alikes,
    matched,
    merged_numbers,
    number_of,
    places,
    shown_name,
    written,
)


@pytest.mark.parametrize(
    "spellings",
    [
        ("1", "001", "1.0", "+1", "1.", "1.00", "1e0", "١"),
        ("-1", "-01", "-1.0", "\N{MINUS SIGN}1"),
        ("0.5", ".5", "0.50", "+.5", "5e-1"),
        ("0", "-0", "0.0", "-0.0", "000"),
        ("9007199254740993", "9007199254740993.0", "09007199254740993"),
        ("10000000000000000", "1e16", "1E+16"),
        ("True", "true", "TRUE"),
        ("caf\u00e9", unicodedata.normalize("NFD", "caf\u00e9"), " caf\u00e9\u00a0"),
    ],
)
def test_spellings_of_one_class(spellings):
    assert len({key_of(written(spelling)) for spelling in spellings}) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1", "-1"),
        ("9007199254740993", "9007199254740992"),
        ("Positive", "positive"),
        ("1", "true"),
        ("1", "one"),
        ("1_0", "10"),
        ("1,5", "1.5"),
        ("1", "1a"),
    ],
)
def test_what_is_not_one_class(one, other):
    assert key_of(written(one)) != key_of(written(other))


def test_no_other_text_is_a_number():
    texts = ["", ".", "+", "e5", "1e", "1e9999", "nan", "inf", "0x1", "1 0", "1-2", "--1"]
    assert [number_of(text) for text in texts] == [None] * len(texts)
    assert number_of("-0.50") == Decimal("-0.5")


@pytest.mark.parametrize(
    ("label", "name"),
    [
        (None, ""),
        (float("nan"), ""),
        (" ", ""),
        (0, "0"),
        (1.0, "1.0"),
        (0.5, "0.5"),
        (True, "True"),
        ("\tpos\u00a0", "pos"),
    ],
)
def test_labels_as_text(label, name):
    assert written(label) == name


@pytest.mark.parametrize(
    ("spellings", "name"),
    [
        ({"001"}, "001"),
        ({"001", "1"}, "1"),
        ({"1.0"}, "1"),
        ({"1."}, "1"),
        ({"-0.0"}, "0"),
        ({"0.50"}, "0.50"),
        ({"0.50", ".5"}, "0.5"),
        ({"+1"}, "+1"),
        ({"-1", "-1.0"}, "-1"),
        ({"1e+16"}, "10000000000000000"),
        ({"100", "1e2"}, "100"),
        ({"TRUE"}, "TRUE"),
        ({"positive"}, "positive"),
    ],
)
def test_what_a_class_is_called(spellings, name):
    assert shown_name(spellings) == name


def test_numbers_by_size_then_names_by_alphabet():
    names = ["b", "10", "-1", "9", "0.5", "a", "-2"]
    assert in_order(names) == ["-2", "-1", "0.5", "9", "10", "a", "b"]


def test_a_name_goes_before_a_number_and_two_classes_of_one_number_are_no_answer():
    assert matched(["01", "1", "x"], ["1", "01", "y"]) == {"01": 1, "1": 0}
    assert matched(["001"], ["1", "01"]) == {}
    assert matched(["1.0"], ["001", "002"]) == {"1.0": 0}


def test_places_are_those_of_the_same_classes():
    assert places(["b", "1.0"], ["1", "b"]) == [1, 0]
    assert places(["a", "b"], ["a", "c"]) is None
    assert places(["a"], ["a", "b"]) is None
    assert places(["a", "b"], ["a"]) is None


def test_look_alikes_differ_in_case_blanks_or_what_is_not_seen():
    names = ["Positive", "positive", "very good", "very  good", "neg\u200b", "neg", "other"]
    assert look_alikes(names) == [
        ["Positive", "positive"],
        ["neg", "neg\u200b"],
        ["very  good", "very good"],
    ]


def test_numbers_that_are_merged_are_told_unless_a_program_wrote_them():
    assert merged_numbers(["1", "1.0", "+1", "2"]) == []
    assert merged_numbers(["1.10", "1.1", "2"]) == ["1.1 = 1.10"]
    assert merged_numbers(["01", "1"]) == ["01 = 1"]


def test_a_long_list_is_cut():
    assert listed(["a", "b"], most=2) == "a, b"
    assert listed(["a", "b", "c"], most=2) == "a, b and 1 more"
