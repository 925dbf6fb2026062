"""Classifiers that were trained before answer texts without a label, and another learns from them."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas
import pytest

from data.text.data_module import TextDataModule
from pipelines.cli.training import train
from pipelines.predict.predictor import load_predictor
from pipelines.predict.teaching import asked
from pipelines.tasks.checkpoints import load_task
from tests.pipelines.conftest import SENTIMENT, write_reviews

ONE_EPOCH = ["--trainer.max_epochs=1"]


@pytest.fixture
def teacher(sentiment_run):
    return str((sentiment_run / "runs/sentiment/first/checkpoints/best.ckpt").resolve())


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    texts = [f"another {word} film {'!' * k}" for k in range(9) for word in ("fine", "dull")]
    pandas.DataFrame({"text": texts}).to_csv("more.csv", index=False)
    write_reviews(tmp_path / "reviews.csv")
    return tmp_path


def student(*options):
    train("sentiment", [*SENTIMENT, *ONE_EPOCH, "--data.path=reviews.csv", *options])


@pytest.mark.usefixtures("with_pages")
def test_a_student_learns_from_its_teachers_answers(place, teacher):
    student("--data.unlabelled=more.csv", f"--teachers=[{teacher}]", "--run=taught")
    folder = Path("runs/sentiment/taught")
    report = json.loads((folder / "report/report.json").read_text())
    teachers = report["teachers"]
    assert teachers["checkpoints"] == [teacher]
    # The same texts in the same parts.
    assert teachers["read"] == [{"val": 0, "test": 0}]
    assert teachers["unanswered"] == 0
    assert report["unlabelled"] == {"texts": 18, "withheld": 0, "repeated": 0}
    assert "Without a label: 18 texts" in (folder / "report/report.html").read_text()
    # Parts that only training needed may be missing.
    (place / "more.csv").unlink()
    assert load_task(folder / "checkpoints/best.ckpt").training_loss.is_taught is False


def test_answers_are_those_of_prediction(place, teacher):
    model = load_predictor(teacher)
    data = TextDataModule(path="reviews.csv", unlabelled="more.csv")
    part = data.parts["unlabelled"]
    found = asked(model, part, [3, 0], classes=["positive", "negative"])
    expected = [model(text).probabilities for text in part.sources([3, 0])]
    np.testing.assert_allclose(found[:, 0], [one["positive"] for one in expected], atol=1e-6)
    np.testing.assert_allclose(found.sum(1), 1)


def test_what_a_teacher_cannot_read_has_no_answer(teacher):
    part = SimpleNamespace(sources=lambda some: ["a fine film", "<p></p>"])
    found = asked(load_predictor(teacher), part, [0, 1], classes=["positive", "negative"])
    assert np.isnan(found).tolist() == [[False, False], [True, True]]


@pytest.mark.usefixtures("with_pages")
def test_a_teacher_that_was_trained_on_what_is_measured_is_told(place, teacher, caplog):
    student(
        "--data.unlabelled=more.csv", f"--teachers=[{teacher}]", "--seed_everything=1", "--run=b"
    )
    report = json.loads(Path("runs/sentiment/b/report/report.json").read_text())
    [read] = report["teachers"]["read"]
    assert read["test"] > 0
    assert f"{read['test']} of the part 'test'" in caplog.text
    page = Path("runs/sentiment/b/report/report.html").read_text()
    assert f"has learnt from {read['test']} texts of the part “test”" in page


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--teachers=[TEACHER]"], "name some by --data.unlabelled"),
        (
            ["--data.unlabelled=more.csv", "--model.encoder.context_features=null"],
            "nothing is learnt from them; give --teachers",
        ),
        (
            ["--data.unlabelled=more.csv", "--teachers=[missing.ckpt]"],
            "--teachers=missing.ckpt: no such",
        ),
        (
            ["--data.unlabelled=more.csv", "--teachers=[TEACHER]", "--data.path=other.csv"],
            "knows the classes negative, positive, the data have",
        ),
    ],
)
def test_what_cannot_be_is_told_in_one_line(place, teacher, options, reason, capsys):
    reviews = pandas.read_csv("reviews.csv").replace({"negative": "bad"})
    reviews.to_csv("other.csv", index=False)
    with pytest.raises(SystemExit) as caught:
        student(*(option.replace("TEACHER", teacher) for option in options))
    assert caught.value.code == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert reason in error
