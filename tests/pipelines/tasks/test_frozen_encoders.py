"""Frozen encoders: their checkpoints, inputs and ranks, and features that are none."""

import json
import os
import re
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
import torch
from torchvision.models import get_model

from data.batches.features import FeatureStore
from data.files.checkpoint import CHECKPOINT_KEY
from data.video.data_module import VideoDataModule
from models.encoders.backbones import Backbone
from models.encoders.frames import SmallCNN
from models.recurrence.recurrences import LSTM
from models.sequence.step_inputs import StepInputs
from pipelines.cli.training import train
from pipelines.tasks.checkpoints import load
from pipelines.tasks.classification import Classification
from tests import ROOT
from tests.clips import write_clip
from tests.pipelines.tasks.frozen import FROZEN, FrozenCNN, answer, read, said


def test_clips_whose_features_are_none_are_left_out(clips, capsys):
    write_clip(clips / "bright" / "glaring.mp4", num_frames=6, level=230)
    train(
        "video",
        [
            *FROZEN,
            "--model.encoder=tests.pipelines.tasks.frozen.OverflowingCNN",
            "--run=first",
        ],
    )
    report = json.loads(Path("runs/video/first/report/report.json").read_text())
    [skipped] = report["skipped"]
    assert skipped["path"].endswith("glaring.mp4")
    assert skipped["reason"] == "its features are not finite"


STANDARDIZED = [
    "--model.inputs=StepInputs",
    "--model.inputs.deviation=relative",
    "--model.inputs.standardize=true",
]


def test_inputs_are_standardized_by_the_training_part_and_a_checkpoint_keeps_it(clips, capsys):
    train("video", [*FROZEN, *STANDARDIZED, "--run=first"])
    inputs = load(Path("runs/video/first/checkpoints/last.ckpt")).model.inputs
    data = VideoDataModule(path="clips", size_px=16, steps_per_batch=60)
    expected = StepInputs(16, deviation="relative", standardize=True)
    encoder = FrozenCNN().eval()
    with torch.no_grad():
        expected.fit((encoder(batch.steps), batch.lengths) for batch in data.train_dataloader())
    torch.testing.assert_close(inputs.state_dict(), expected.state_dict())
    with pytest.raises(SystemExit) as left:
        train("video", [*FROZEN[1:], *STANDARDIZED, "--run=second"])
    assert left.value.code == 2
    assert "freeze it" in capsys.readouterr().err


def test_an_encoder_that_learns_keeps_nothing(clips, encoded, capsys):
    answer(encoder=SmallCNN(features=16, width=8))
    answer(encoder=SmallCNN(features=16, width=8))
    assert said(capsys) == []
    assert encoded[0] == 2 * sum(2 * (8 + k) for k in range(6))
    assert not Path("cache/features").exists()


def test_a_checkpoint_needs_no_file_of_weights(tmp_path):
    weights = tmp_path / "weights.pth"
    torch.save(get_model("mobilenet_v3_small", weights=None).state_dict(), weights)
    arguments = {"name": "mobilenet_v3_small", "weights": str(weights)}
    model = Classification(
        Backbone(**arguments),
        partial(LSTM, hidden_size=8),
        classes=["a", "b"],
        optimizer=torch.optim.AdamW,
    )
    options = {
        "encoder": {"class_path": "models.encoders.backbones.Backbone", "init_args": arguments},
        "recurrence": {"class_path": "models.recurrence.LSTM", "init_args": {"hidden_size": 8}},
        "classes": ["a", "b"],
        "optimizer": {"class_path": "torch.optim.AdamW"},
    }
    description = {CHECKPOINT_KEY: {"task": "video", "model": options}}
    torch.save({"state_dict": model.state_dict()} | description, tmp_path / "best.ckpt")
    weights.unlink()
    again = load(tmp_path / "best.ckpt").model.encoder
    assert again.fingerprint() == model.model.encoder.fingerprint()


@pytest.mark.slow
def test_two_processes_share_the_work(clips):
    command = [
        sys.executable, "-m", "pipelines.video", *FROZEN, "--trainer.accelerator=cpu",
        "--trainer.devices=2", "--trainer.strategy=ddp",
        "--data.steps_per_batch=13",  # a clip a batch: no part is the work of one process alone
    ]  # fmt: skip
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    (clips / "bright" / "5.mp4").write_bytes((clips / "bright" / "4.mp4").read_bytes())
    files = []
    for run in ("first", "second"):
        done = subprocess.run(
            [*command, f"--run={run}"],
            env=environment, capture_output=True, text=True, timeout=250, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-3000:]
        report, rows = read(run)
        assert report["num_examples"] == len({row["id"] for row in rows})
        counts = re.findall(r"; (\d+) read, (\d+) computed in", done.stdout)
        assert len(counts) == 2
        # Two clips are of the same bytes.
        assert sum(int(pair[run == "first"]) for pair in counts) == 11
        files.append(len(list(Path("cache/features").glob("*/*.arrow"))))
    # Each of the two wrote a file for each of the three parts.
    assert files == [6, 6]
    train("video", [*FROZEN, "--run=alone"])
    assert read("alone")[0]["baselines"] == read("second")[0]["baselines"]


def test_a_folder_that_not_all_processes_see_is_one_line(clips, monkeypatch, capsys):
    monkeypatch.setattr(FeatureStore, "refresh", lambda self: None)
    with pytest.raises(SystemExit):
        train("video", [*FROZEN, "--run=first"])
    assert "set MANYTOONE_CACHE to a folder that all machines" in capsys.readouterr().err
