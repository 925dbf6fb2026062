"""Report, test metrics and prediction give one label for one item, also where a bias decides."""

import json
from pathlib import Path

import pytest
import torch
from pytorch_lightning import Trainer

from pipelines.compare.finished_runs import read_run
from pipelines.predict import load
from pipelines.report.classification_report import report_test
from pipelines.runtime.library_warnings import ignore_noise
from pipelines.tasks.checkpoints import data_module, load_task
from tests.pipelines.conftest import read_predictions


def add_bias(path, to, bias):
    """Copy a checkpoint, with other biases."""
    checkpoint = torch.load(path, weights_only=True)
    checkpoint["state_dict"]["probabilities.bias"] = torch.tensor(bias)
    torch.save(checkpoint, to)


def outcome_of(ckpt, table, folder):
    """Metrics of a test, the report, and the rows of its predictions."""
    ignore_noise()  # as the commands do
    model = load_task(ckpt)
    data = data_module(model.description, path=str(table))
    data.reported_part = "all"
    trainer = Trainer(
        accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False
    )
    [metrics] = trainer.test(model, datamodule=data, verbose=False)
    report_test(model, data, folder=folder, train_seconds=1.0, behaviour=False)
    return (
        metrics,
        json.loads((folder / "report/report.json").read_text()),
        read_predictions(folder),
    )


def test_the_bias_decides_everywhere_alike(sentiment_run, tmp_path):
    saved = Path(sentiment_run, "runs/sentiment/first/checkpoints/best.ckpt")
    table, ckpt = sentiment_run / "reviews.csv", tmp_path / "biased.ckpt"
    add_bias(saved, tmp_path / "plain.ckpt", [0.0, 0.0])
    texts = [
        row["text"] for row in outcome_of(tmp_path / "plain.ckpt", table, tmp_path / "plain")[2]
    ]
    plain = [answer.probabilities for answer in load(tmp_path / "plain.ckpt").many(texts)]
    # A threshold amid the answers, so that some labels change and others do not.
    first, second = load(saved).classes
    odds = torch.tensor([one[first] / one[second] for one in plain]).log().unique()
    shift = -float(odds[len(odds) // 4 : len(odds) // 4 + 2].mean()) / 2
    add_bias(saved, ckpt, [shift, -shift])

    metrics, report, rows = outcome_of(ckpt, table, tmp_path / "biased")
    answers = list(load(ckpt).many(texts))
    labels = [answer.label for answer in answers]
    changed = sum(a != max(b, key=b.get) for a, b in zip(labels, plain, strict=True))
    assert 0 < changed < len(texts)
    assert [row["text"] for row in rows] == texts
    assert [row["predicted"] for row in rows] == labels
    compared = read_run(str(tmp_path / "biased"))
    assert [compared.classes[k] for k in compared.probabilities.argmax(1)] == labels
    shares = [[float(row[f"probability_{name}"]) for name in (first, second)] for row in rows]
    due = [[answer.probabilities[name] for name in (first, second)] for answer in answers]
    assert [one for row in shares for one in row] == pytest.approx(
        [one for row in due for one in row], abs=1e-6
    )
    accuracy = sum(row["label"] == row["predicted"] for row in rows) / len(rows)
    for found in (
        report["accuracy"], metrics["test/accuracy"], report["order"]["whole"],
        report["calibration"]["after"]["accuracy"],
    ):  # fmt: skip
        assert found == pytest.approx(accuracy)
    assert metrics["test/macro_f1"] == pytest.approx(report["macro_f1"])
    assert metrics["test/loss"] == pytest.approx(report["log_loss"], rel=1e-5)
    assert report["calibration"]["bias"] == pytest.approx({first: shift, second: -shift})
