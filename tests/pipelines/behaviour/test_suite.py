"""The suite that comes with the program, and files that add to it."""

import re

import pytest
import torch

from data.files.errors import InputError
from data.lessons.templates import SLOT
from data.tokens.tokenizing import content_of
from pipelines.behaviour.answers import count_learnt
from pipelines.behaviour.cases import cases_of, cases_of_texts
from pipelines.behaviour.changes import CHANGES
from pipelines.behaviour.suite import GROUP, KINDS, read_suite
from tests import ROOT

SUITE = read_suite()
TESTS = {test.name: test for test in SUITE.tests}
README = (ROOT / "pipelines/behaviour/README.md").read_text()


def texts_of(test, suite=SUITE):
    return [text for case in cases_of(test, suite) for text in case.texts]


def written(folder, text):
    (folder / "mine.yaml").write_text(text)
    return str(folder / "mine.yaml")


@pytest.mark.parametrize("name", TESTS)
def test_each_test_has_cases_without_blemish(name):
    test = TESTS[name]
    cases = cases_of(test, SUITE)
    assert len(cases) >= (100 if test.kind == GROUP else 200)
    assert len({case.texts for case in cases}) == len(cases)
    for case in cases:
        assert len(set(case.texts)) == len(case.texts)
    for text in texts_of(test):
        assert not re.search(r"[{}#]|\(n\)|  | [,;]", text)
        assert text[0] == text[0].upper() or test.change is not None
        assert (
            not re.search(r"\b[Aa] [aeio]|\b[Aa]n [^aeiouhAEIOUH]", text)
            or name == "a typing error"
        )
    assert texts_of(test) == texts_of(test)


def test_a_text_has_one_class():
    """No text is called positive by one test and negative by another."""
    found = {}
    for test in SUITE.tests:
        if test.positive or test.negative:
            for case in cases_of(test, SUITE):
                assert found.setdefault(content_of(case.texts[0]), case.expected) == case.expected


def test_classes_and_templates_have_like_many_cases():
    cases = cases_of(TESTS["but"], SUITE)
    assert [case.expected for case in cases].count("positive") == 150
    assert sum("flaws" in case.texts[0] for case in cases) in range(15, 30)


def test_all_kinds_and_changes_are_there_and_no_word_list_is_idle():
    assert {test.kind for test in SUITE.tests} == set(KINDS)
    assert {test.change for test in SUITE.tests} - {None} == set(CHANGES)
    templates = [
        template
        for test in SUITE.tests
        for template in (*test.positive, *test.negative, *test.texts, *sum(test.pairs, ()))
    ]
    assert {slot[1] for one in templates for slot in SLOT.finditer(one)} == set(SUITE.words)


def test_words_stand_in_their_places(tmp_path):
    path = written(
        tmp_path,
        """
words: {w: [old, new, honest, useful]}
tests:
  - {name: a, kind: restraint, texts: ["{w}, {w}: a(n) {w} and {w#2}"]}
  - {name: b, kind: group invariance, vary: w, texts: ["A(n) {w} film."]}
  - {name: c, kind: direction, towards: positive, pairs: [["{w}", "{w} {w#2}"]]}
""",
    )
    suite = read_suite(path)
    a, b, c = suite.tests[-3:]
    texts = texts_of(a, suite)
    assert len(texts) == 12
    assert "Honest, honest: an honest and useful" in texts
    [case] = cases_of(b, suite)
    assert case.texts == ("An old film.", "A new film.", "An honest film.", "A useful film.")
    assert ("Old", "Old new") in [case.texts for case in cases_of(c, suite)]
    assert not any(one.is_own for one in (a, b, c))
    assert suite.replaced == ()


def test_the_example_of_the_readme(tmp_path):
    example = re.search(r"```yaml\n(.*?)```", README, re.DOTALL)[1]
    suite = read_suite(written(tmp_path, example))
    added = [test for test in suite.tests if not test.is_own]
    assert [len(cases_of(test, suite)) > 0 for test in added] == [True] * 5
    assert "They served a raw curry." in texts_of(added[0], suite)
    # dish is a list of the program too, and its tests draw from the user's.
    assert suite.replaced == ("dish",)
    assert any("ramen" in text for text in texts_of(TESTS["a typing error"], suite))
    for word in (*KINDS, *CHANGES):
        assert f"`{word}`" in README


ONE = "tests: [{name: x, kind: restraint, texts: [a]}]"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("tests: [", "no YAML"),
        ("[1]", "holds no suite"),
        ("more: 1", "holds no suite"),
        ("tests: [1]", "has no name"),
        ("tests: [{name: x}]", "test 'x': kind is None; give one of minimum functionality"),
        ("tests: [{name: x, kind: restraint}]", "test 'x': lacks texts"),
        (ONE.replace("texts", "add: [b], texts"), "test 'x': has add"),
        (ONE.replace("[a]", "a"), "test 'x', texts: is a; give a list"),
        (ONE.replace("[a]", "[on, a]"), "give a list of one text or more"),
        (ONE.replace("[a]", "['{nothing}']"), "asks for {nothing}"),
        (ONE.replace("[a]", "['{thing} {']"), "has a brace"),
        (ONE.replace("x,", "words,"), "test 'words': there is another of that name"),
        (ONE.replace("texts", "most: 2, texts"), "most is 2; from 0.5 to 1.0"),
        (ONE.replace("texts", "cases: 1.5, texts"), "cases is 1.5; from 1 to 10000"),
        (ONE.replace("restraint", "invariance"), "give either texts and change, or pairs"),
        ("tests: [{name: x, kind: invariance, pairs: [[a]]}]", "[original, changed]"),
        ("tests: [{name: x, kind: invariance, change: y, texts: [a]}]", "change is y; give one of"),
        ("tests: [{name: x, kind: minimum functionality}]", "has no templates"),
        ("tests: [{name: x, kind: group invariance, vary: town, texts: [a]}]", "has no {town}"),
        ("words: {town: [a, a]}", "words, town: holds a word twice"),
        ("words: {a-b: [a]}", "words: a-b names a list"),
        (
            "words: {w: [a]}\n" + ONE.replace("[a]", "['{w} {w#2}']"),
            "asks for more words than w has",
        ),
    ],
)
def test_faulty_files_are_refused_in_one_line_with_the_place(tmp_path, text, said):
    with pytest.raises(InputError) as error:
        read_suite(written(tmp_path, text))
    assert str(error.value).startswith("SUITE=")
    assert "mine.yaml" in str(error.value)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match=r"SUITE=.*no such file.*name a YAML file"):
        read_suite(str(tmp_path / "other.yaml"))


def test_originals_without_anything_to_change_are_left_out():
    texts = ["No name here.", "I met Anna.", "I met Anna.", "a film by john"]
    cases = cases_of_texts(TESTS["another first name"], texts, SUITE)
    assert [case.texts[0] for case in cases] == ["I met Anna.", "a film by john"]
    [case] = cases_of_texts(TESTS["a praising sentence added"], ["fine"], SUITE)
    assert case.texts[1].startswith("fine. ")


def test_what_was_learnt_is_counted():
    text = texts_of(TESTS["but"])[0]
    learnt = torch.tensor([content_of(text.upper()), content_of("another text")])
    description = {"inputs": {"contents": learnt}}
    assert count_learnt(description, texts_of(TESTS["but"])) == 1
    assert count_learnt({"inputs": {}}, [text]) is None
