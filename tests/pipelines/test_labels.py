"""Labels through the commands: what a saved model's classes are matched with."""

import json
from pathlib import Path

import numpy as np
import pandas
import pytest
from datasets import ClassLabel, Dataset, Features, Value

from pipelines import evaluate
from pipelines.cli.training import train
from pipelines.compare import command as compare
from pipelines.predict import load
from pipelines.training.training_loss import TrainingLoss
from tests.pipelines.conftest import SENTIMENT, read_predictions, write_reviews


@pytest.fixture
def checkpoint(sentiment_run):
    return str((sentiment_run / "runs/sentiment/first/checkpoints/best.ckpt").resolve())


def reviews(count=5):
    return pandas.read_csv(write_reviews(Path("words.csv"), count))


def with_names(frame, path, names):
    """A Parquet file whose labels are numbers of these names."""
    features = Features({"text": Value("string"), "label": ClassLabel(names=names)})
    rows = {"text": frame.text, "label": [names.index(label) for label in frame.label]}
    Dataset.from_dict(rows, features=features).to_parquet(path)


def evaluated(checkpoint, path, run):
    quiet = "--trainer.enable_progress_bar=false"
    evaluate.main([f"--ckpt={checkpoint}", f"--data.path={path}", f"--run={run}", quiet])
    folder = Path("runs/sentiment", run)
    report = json.loads((folder / "report/report.json").read_text())
    return report["accuracy"], [row["label"] for row in read_predictions(folder)]


def test_a_source_that_numbers_its_classes_otherwise(in_folder, checkpoint, caplog):
    frame = reviews()
    with_names(frame, "other.parquet", ["positive", "negative"])
    by_words = evaluated(checkpoint, "words.csv", "words")
    assert evaluated(checkpoint, "other.parquet", "other") == by_words
    assert by_words[1] == frame.label.tolist()
    assert "0 =" not in caplog.text
    frame.label = frame.label.map({"negative": 0, "positive": 1})
    frame.to_csv("numbers.csv", index=False)
    assert evaluated(checkpoint, "numbers.csv", "numbers") == by_words
    assert caplog.text.count("0 = negative, 1 = positive") == 1
    compare.main(["--runs=words other numbers", "--run=all"])
    found = json.loads(Path("runs/compare/all/compare.json").read_text())
    assert found["num_examples"] == len(frame)
    assert {pair["only_first"] + pair["only_second"] for pair in found["pairs"]} == {0}


@pytest.mark.parametrize(
    ("labels", "says"),
    [
        ({"negative": "Negative", "positive": "Positive"}, "differ from a class in case"),
        ({"negative": 0, "positive": 2}, "labels are '0', '2', allowed are negative, positive"),
        ({"negative": -1, "positive": -1}, "a benchmark keeps the label back"),
    ],
)
def test_labels_of_no_class_are_one_line(in_folder, checkpoint, capsys, labels, says):
    reviews().replace({"label": labels}).to_csv("x.csv", index=False)
    with pytest.raises(SystemExit) as stop:
        evaluated(checkpoint, "x.csv", "x")
    assert stop.value.code == 2
    assert says in capsys.readouterr().err.strip().splitlines()[-1]
    assert not Path("runs").exists()


def test_nothing_is_resumed_with_other_classes(in_folder, sentiment_run, capsys):
    last = (sentiment_run / "runs/sentiment/first/checkpoints/last.ckpt").resolve()
    # The same texts: all else fits.
    frame = pandas.read_csv(sentiment_run / "reviews.csv")
    with_names(frame, "x.parquet", ["positive", "negative"])
    with pytest.raises(SystemExit) as stop:
        train("sentiment", [*SENTIMENT, "--data.path=x.parquet", f"--ckpt_path={last}"])
    assert stop.value.code == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert "its classes are negative, positive, the data's are positive, negative" in error


def test_a_teacher_s_answers_are_taken_by_name(in_folder, checkpoint, monkeypatch):
    with_names(reviews(40), "x.parquet", ["positive", "negative"])
    texts = ["another fine film", "another dull film", "a lovely one"]
    pandas.DataFrame({"text": texts}).to_csv("more.csv", index=False)
    taught = []
    teach = TrainingLoss.teach
    monkeypatch.setattr(
        TrainingLoss,
        "teach",
        lambda self, first, shares, **options: (
            taught.append(shares.numpy()) or teach(self, first, shares, **options)
        ),
    )
    options = ["--trainer.max_epochs=1", "--data.path=x.parquet", "--data.unlabelled=more.csv"]
    train("sentiment", [*SENTIMENT, *options, f"--teachers=[{checkpoint}]"])
    model = load(checkpoint)
    expected = [model(text).probabilities["positive"] for text in texts]
    np.testing.assert_allclose(taught[0][:, 0], expected, atol=1e-6)
