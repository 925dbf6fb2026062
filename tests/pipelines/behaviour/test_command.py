"""The command, the page, and the section of a report, with a small model."""

import json

import pandas
import pytest

from data.lessons.opinions import is_english, opinion_classes
from pipelines import evaluate
from pipelines.behaviour.answers import named_classes
from pipelines.behaviour.command import main
from pipelines.cli.training import train
from tests.pipelines.conftest import SENTIMENT
from tests.pipelines.saved_models import language_model, sentiment_model, tokenizer, write_saved

SMALL = """
words: {thing: [film, bore, "<b>"], first_name: [Anna, Paul], town: [Rome], country: [Peru]}
tests:
  - name: "<script>alert(1)</script>"
    kind: minimum functionality
    positive: ["A fine {thing}.", "A poor {thing}."]
    negative: ["A fine {thing}!", "A poor {thing}!"]
  - {name: link, kind: invariance, change: url, texts: ["A fine {thing}."]}
  - {name: things, kind: group invariance, vary: thing, texts: ["A dull {thing}."]}
  - {name: more, kind: direction, towards: positive, texts: ["A {thing}."], add: ["Great fun."]}
  - {name: nothing, kind: restraint, most: 0.5, texts: ["{first_name}", "<br>"]}
"""


@pytest.fixture
def small(in_folder, monkeypatch):
    """A checkpoint, and a suite of few cases in the place of the program's."""
    (in_folder / "small.yaml").write_text(SMALL)
    monkeypatch.setattr("pipelines.behaviour.suite.OWN", in_folder / "small.yaml")
    write_saved(in_folder / "a.ckpt")
    return in_folder


def run(*args):
    main(["--ckpt=a.ckpt", *args])


def save_with_classes(path, classes):
    inputs = {"classes": classes, "tokenizer": tokenizer().to_str()}
    write_saved(path, model=sentiment_model(classes=classes), inputs=inputs)


def refused(capsys, *args):
    with pytest.raises(SystemExit) as left:
        main([*args])
    error = capsys.readouterr().err
    assert left.value.code == 2
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    return error


def test_the_table_the_figures_and_the_page(small, capsys):
    run("--output=out")
    found = json.loads((small / "out/behaviour.json").read_text())
    by_name = {one["name"]: one for one in found["tests"]}
    # Half of the texts have either class whatever the answer to a word is.
    assert by_name["<script>alert(1)</script>"]["cases"] == 12
    assert by_name["link"]["cases"] == 3
    assert by_name["nothing"]["unanswered"] == 1
    assert found["classes"] == {"positive": "positive", "negative": "negative"}
    assert found["num_learnt"] is None
    shown = capsys.readouterr().out
    assert "minimum functionality" in shown
    assert "Page: out/behaviour.html" in shown
    page = (small / "out/behaviour.html").read_text()
    assert "<script" not in page
    assert "<b>" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert (
        by_name["<script>alert(1)</script>"]["failed"][0]["texts"][0].replace("<b>", "&lt;b&gt;")
        in page
    )
    again = json.loads((small / "out/behaviour.json").read_text())
    run("--run=second")
    there = json.loads((small / "runs/behave/second/behaviour.json").read_text())
    assert there["tests"] == again["tests"]


def test_tests_and_texts_of_ones_own(small):
    (small / "mine.yaml").write_text(
        "words: {thing: [film]}\n"
        "tests: [{name: mine, kind: minimum functionality, negative: ['A dull {thing}.']}]\n"
    )
    texts = [f"a fine film {k}" for k in range(25)]
    pandas.DataFrame({"said": texts}).to_csv(small / "texts.csv", index=False)
    run("--output=out", "--suite=mine.yaml", "--texts=texts.csv", "--text_column=said")
    found = json.loads((small / "out/behaviour.json").read_text())
    assert [(one["name"], one["originals"], one["cases"]) for one in found["tests"][1:4]] == [
        ("link", "templates", 1), ("link", "texts", 25), ("things", "templates", 1),
    ]  # fmt: skip
    assert [one["name"] for one in found["tests"] if not one["is_own"]] == ["mine"]
    assert "Word lists of mine.yaml stand in" in (small / "out/behaviour.html").read_text()


def test_classes_of_other_names(small, capsys):
    save_with_classes(small / "b.ckpt", ["bad", "good"])
    assert "say which is which" in refused(capsys, "--ckpt=b.ckpt")
    main(["--ckpt=b.ckpt", "--classes.positive=good", "--output=good"])
    main(["--ckpt=b.ckpt", "--classes.negative=good", "--output=bad"])
    good, bad = (
        json.loads((small / one / "behaviour.json").read_text()) for one in ("good", "bad")
    )
    assert good["classes"] == {"negative": "bad", "positive": "good"}
    first = "<script>alert(1)</script>"
    [a], [b] = ([t for t in one["tests"] if t["name"] == first] for one in (good, bad))
    assert a["failures"] + b["failures"] == a["cases"]
    save_with_classes(small / "c.ckpt", [str(k) for k in range(1, 6)])
    assert "5 in all" in refused(capsys, "--ckpt=c.ckpt", "--classes.positive=5")


def test_names_of_classes():
    assert opinion_classes(["Neg", "POS"]) == {"positive": "POS", "negative": "Neg"}
    assert opinion_classes(["negative", "neutral", "positive"]) is None
    assert opinion_classes(["pos", "positive"]) is None
    typed = {"positive": "a", "negative": None}
    assert named_classes(["a", "b"], typed) == {"positive": "a", "negative": "b"}


def test_refusals(small, capsys):
    assert "CKPT is missing" in refused(capsys)
    assert "no such class" in refused(capsys, "--ckpt=a.ckpt", "--classes.positive=x")
    assert "name a YAML file" in refused(capsys, "--ckpt=a.ckpt", "--suite=none.yaml")
    assert "TEXTS=none.csv" in refused(capsys, "--ckpt=a.ckpt", "--texts=none.csv")
    (small / "empty.txt").write_text("\n\n")
    assert "holds no text" in refused(capsys, "--ckpt=a.ckpt", "--texts=empty.txt")
    (small / "t.csv").write_text("x,y\n1,2\n")
    assert "TEXTS=t.csv" in refused(capsys, "--ckpt=a.ckpt", "--texts=t.csv", "--text_column=z")
    run("--output=out")
    assert "never overwritten" in refused(capsys, "--ckpt=a.ckpt", "--output=out")
    write_saved(small / "v.ckpt", "language", model=language_model())
    assert "v.ckpt" in refused(capsys, "--ckpt=v.ckpt")
    # Nothing is left of what was refused.
    assert not (small / "runs").exists()


def test_the_section_of_a_report(small, with_pages):
    words = ["this is a fine film", "it was the dull bore of the year", "it is not for you"]
    rows = [(f"{words[k % 3]}, and {k}", ["positive", "negative"][k % 2]) for k in range(40)]
    pandas.DataFrame(rows, columns=["text", "label"]).to_csv(small / "reviews.csv", index=False)
    quick = "--trainer.enable_progress_bar=false"
    evaluate.main(["--ckpt=a.ckpt", "--data.path=reviews.csv", "--run=one", quick])
    report = json.loads((small / "runs/sentiment/one/report/report.json").read_text())
    found = report["behaviour"]
    assert max(len(one["failed"]) for one in found["tests"]) == 3
    assert [one["name"] for one in found["tests"] if one["originals"] == "texts"] == [
        "link",
        "more",
    ]
    page = (small / "runs/sentiment/one/report/report.html").read_text()
    assert "How does it behave on sentences of known meaning?" in page
    assert "<script" not in page
    assert "its checkpoint does not tell" in page


@pytest.mark.parametrize(
    ("text", "is_so"),
    [
        ("great phone, the battery is good and it works. love this!", True),
        ("der Film war leider sehr langweilig und viel zu lang, das Ende gut", False),
        ("le film est très long et je ne le recommande pas à mes amis", False),
        ("정말 재미있는 영화", False),
        ("", False),
    ],
)
def test_other_languages_and_exclamations(text, is_so):
    assert is_english([text, text]) == is_so
    assert not is_english([])


@pytest.mark.parametrize(
    ("option", "is_there"),
    [("--behaviour=true", True), ("--behaviour=false", False), ("--trainer.fast_dev_run=1", False)],
)
def test_the_section_may_be_left_out(small, option, is_there):
    rows = [(f"this is the film {k}", ["positive", "negative"][k % 2]) for k in range(40)]
    pandas.DataFrame(rows, columns=["text", "label"]).to_csv(small / "reviews.csv", index=False)
    train("sentiment", ["--data.path=reviews.csv", "--run=one", *SENTIMENT, option])
    report = json.loads((small / "runs/sentiment/one/report/report.json").read_text())
    assert ("behaviour" in report) == is_there
    if is_there:
        assert report["behaviour"]["num_learnt"] == 0
