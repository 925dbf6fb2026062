"""Reports of more classes than a matrix has room for."""

import json
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from sklearn import metrics

from pipelines.compare.finished_runs import read_run
from pipelines.metrics import baselines, measures
from pipelines.metrics.measures import confusions, confusions_of, ranking
from pipelines.report.classification import Predictions, write_report
from pipelines.report.figures import draw_confusion_matrix, draw_curves
from pipelines.report.fitted_baselines import BaselineInputs, Learnt, fit_baselines


def predictions(n, num_classes):
    random = np.random.default_rng(0)
    labels = random.integers(num_classes, size=n)
    logits = random.normal(size=(n, num_classes))
    logits[np.arange(n), labels] += 4
    shares = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    return Predictions(
        ids=np.arange(n), sources=[f"text {k}" for k in range(n)], source_column="text",
        labels=labels, probabilities=shares, classes=[f"class {k}" for k in range(num_classes)],
    )  # fmt: skip


def write(folder, given):
    with pytest.MonkeyPatch.context() as patch:
        draw = "pipelines.report.classification.draw_confusion_matrix"
        patch.setattr(draw, lambda report: Figure((1, 1)))
        return write_report(
            folder, given, task="sentiment", data="a.csv", split="test", truncated_steps=0,
            skipped=[], train_seconds=1.0, baselines={},
        )  # fmt: skip


def test_files_do_not_grow_with_the_square_of_the_classes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    given = predictions(200, 3_000)
    folder = Path("runs/sentiment/a")
    report = write(folder / "report", given)
    assert sum(file.stat().st_size for file in (folder / "report").iterdir()) < 3 * 2**20
    predicted = given.probabilities.argmax(1)
    read = json.loads((folder / "report/report.json").read_text())
    assert "confusion_matrix" not in read
    for one in (report, read):
        true, answered, counts = confusions_of(one)
        assert counts.sum() == 200
        assert counts[true == answered].sum() == (predicted == given.labels).sum()
    run = read_run("a")
    rows = np.arange(200)
    assert np.array_equal(run.probabilities.argmax(1), predicted)
    np.testing.assert_allclose(
        run.probabilities[rows, given.labels], given.probabilities[rows, given.labels]
    )
    np.testing.assert_allclose(run.probabilities.sum(1), 1)


def test_cells_are_those_of_the_matrix(monkeypatch):
    given = predictions(100, 7)
    predicted = given.probabilities.argmax(1)
    matrix = metrics.confusion_matrix(given.labels, predicted, labels=range(7))
    found = confusions(given.labels, predicted, 7)
    for limit in (6, 7):
        monkeypatch.setattr(measures, "MOST_SQUARED", limit)
        report = json.loads(
            json.dumps(measures.confusion_figures(found, 7), default=lambda one: one.tolist())
        )
        assert ("confusions" in report) == (limit == 6)
        read = np.zeros((7, 7), int)
        true, answered, counts = confusions_of(report)
        read[true, answered] = counts
        assert np.array_equal(read, matrix)


def test_pictures_are_drawn():
    given = predictions(300, 1_500)
    cells = confusions(given.labels, given.probabilities.argmax(1), 1_500)
    report = {
        "classes": given.classes, "confusions": np.stack(cells, 1), "task": "sentiment",
        "data": "a", "split": "test", "accuracy": 0.5, "macro_f1": 0.5, "num_examples": 300,
    }  # fmt: skip
    assert draw_confusion_matrix(report).axes[0].get_xlim() == (0, 1_500)
    roc = draw_curves(given.labels, given.probabilities, given.classes).axes[0]
    assert len(roc.lines) == 200 + 2
    assert roc.get_legend().get_texts()[0].get_text() == "mean of 200 classes"


@pytest.mark.parametrize("digits", [1, 6])
def test_ranking_is_that_of_scikit_learn(digits):
    given = predictions(60, 5)
    shares = given.probabilities.round(digits)
    found = ranking(given.labels, shares, given.classes)
    for k, name in enumerate(given.classes):
        is_class = given.labels == k
        expected = metrics.average_precision_score(is_class, shares[:, k])
        assert found["average_precision"][name] == pytest.approx(expected, abs=1e-12)
        expected = metrics.roc_auc_score(is_class, shares[:, k])
        assert found["roc_auc"][name] == pytest.approx(expected, abs=1e-12)


def test_naive_bayes_takes_the_place_of_a_regression_too_large(tmp_path, monkeypatch):
    texts = [f"word{k % 4} other{k % 3}" for k in range(48)]
    none = np.empty((48, 0))
    learnt = Learnt(BaselineInputs(texts, none, none), np.arange(48) % 4)
    assert [one.name for one in fit_baselines(learnt, num_classes=6)] == [
        "majority", "tfidf_logistic_regression",
    ]  # fmt: skip
    monkeypatch.setattr(baselines, "MAX_ANSWERS", 48 * 6 - 1)
    fitted = fit_baselines(learnt, num_classes=6)
    assert [one.name for one in fitted] == ["majority", "tfidf_naive_bayes"]
    baselines.save(tmp_path / "a.npz", fitted)
    shares = baselines.load(tmp_path / "a.npz")[1].predict_proba(texts)
    assert np.array_equal(shares.argmax(1), learnt.labels)
    np.testing.assert_allclose(shares.sum(1), 1)
    assert not shares[:, 4:].any()
