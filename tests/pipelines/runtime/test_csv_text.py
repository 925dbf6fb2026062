"""CSV for spreadsheets: no cell is run as a formula, and every cell can be had back."""

import csv
import io

import pytest

from pipelines.runtime.escaping import csv_text, undefused

FORMULAS = [
    *("=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\tx", "\rx", "\nx", "=", "＝1", "－"),
    *("'=1+1", "''@x", "-a film", "+49 30 1", "-1,000 of them"),
]
HARMLESS = [
    "",
    "a",
    "a = b",
    "'",
    "'a",
    "''",
    "-1",
    "+1.5",
    "-0.5e-3",
    "-,5",
    " =1",
    "'tis",
    "l'eau",
]


def cells(text):
    return next(csv.reader(io.StringIO(text, newline="")))


@pytest.mark.parametrize("text", FORMULAS)
def test_a_formula_is_defused_and_had_back(text):
    (cell,) = cells(csv_text([[text]]))
    assert cell == f"'{text}"
    assert undefused(cell) == text
    assert cells(csv_text([[text]], is_exact=True)) == [text]


@pytest.mark.parametrize("text", HARMLESS)
def test_other_texts_stay(text):
    (cell,) = cells(csv_text([[text]]))
    assert cell == text
    assert undefused(cell) == text


def test_numbers_stay_numbers():
    text = csv_text([[-0.5, -3, 1e-9, None, "-0.5"]])
    assert text == '-0.5,-3,1e-09,"","-0.5"\n'


def test_what_csv_cannot_hold_is_escaped():
    assert cells(csv_text([["a\0b", "\udcff"]])) == ["a\\x00b", "\\udcff"]
