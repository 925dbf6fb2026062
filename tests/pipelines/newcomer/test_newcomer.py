"""A third kind of classification: one data file (`poses.py`), and one row of the table of kinds."""

import json

import numpy as np
import pytest
import torch

from models.encoders import Encoder
from pipelines import evaluate
from pipelines.cli.training import train
from pipelines.export import command as export
from pipelines.export.answer import load as load_exported
from pipelines.predict import command as predict
from pipelines.predict import load
from pipelines.tasks.kinds import CLASSIFICATION, CLASSIFICATION_REPORT, KINDS, Kind

POSES = Kind(
    "poses",
    task=CLASSIFICATION,
    data="tests.pipelines.newcomer.poses.PoseDataModule",
    report=CLASSIFICATION_REPORT,
)


class Doubled(Encoder):
    """Two numbers of each step, doubled: no map at all would leave no trace."""

    out_features = 2

    def __init__(self, num_inputs: int) -> None:
        super().__init__()
        self.factor = torch.nn.Parameter(torch.tensor(2.0))

    def forward(self, steps):
        return steps[:, :2] * self.factor


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Points on a circle that turn to the left or to the right: only their order tells."""
    monkeypatch.setitem(KINDS, "poses", POSES)
    monkeypatch.chdir(tmp_path)
    generator = np.random.default_rng(0)
    for name, sign in (("left", 1), ("right", -1)):
        (tmp_path / "poses" / name).mkdir(parents=True)
        for k in range(40):
            angles = generator.uniform(0, 6) + sign * np.arange(generator.integers(8, 20)) * 0.6
            steps = np.stack([np.cos(angles), np.sin(angles), np.ones_like(angles)], axis=1)
            np.save(tmp_path / "poses" / name / f"{k}.npy", steps.astype(np.float32))
    return tmp_path / "poses"


OPTIONS = ["--data.path=poses", "--trainer.enable_progress_bar=false", "--run=first"]


def test_it_is_trained_tested_reported_and_answers(folder, capsys):
    train("poses", [*OPTIONS, "--trainer.max_epochs=40", "--model.recurrence.hidden_size=16"])
    report = json.loads((folder.parent / "runs/poses/first/report/report.json").read_text())
    assert report["task"] == "poses"
    assert report["accuracy"] > 0.9
    # The mean pose and the middle one do not tell the direction.
    assert report["accuracy"] > report["baselines"]["mean_frame_logistic_regression"]["accuracy"]
    assert report["order"]["shuffled"] < report["accuracy"]
    checkpoint = "runs/poses/first/checkpoints/best.ckpt"
    evaluate.main([f"--ckpt={checkpoint}", "--run=again"])
    again = json.loads((folder.parent / "runs/poses/again/report/report.json").read_text())
    assert again["accuracy"] == report["accuracy"]
    capsys.readouterr()
    predict.main([f"--ckpt={checkpoint}", "--input=poses/left", "--format=json"])
    answers = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(answers) == 40
    assert np.mean([one["label"] == "left" for one in answers]) > 0.9
    due = load(checkpoint)(folder / "right" / "3.npy")
    assert due.label == "right"
    export.main([f"--ckpt={checkpoint}", "--run=first"])
    found = load_exported("runs/export/first")(folder / "right" / "3.npy")
    assert found["probabilities"] == pytest.approx(due.probabilities, abs=1e-5)


def test_steps_of_two_dimensions_go_through_an_encoder_of_one_s_own(folder):
    """Floating-point steps (N, C) are steps, not features that were computed before."""
    own = f"--model.encoder={__name__}.Doubled"
    train("poses", [*OPTIONS, own, "--trainer.max_epochs=1"])
    model = load("runs/poses/first/checkpoints/best.ckpt", trust=__name__).model
    assert model.model.encoder.factor != 2
