"""A frozen encoder's features: computed once, kept, and the same to the model as the clips."""

import csv
import json
import os
import re
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from pytorch_lightning import Trainer
from torchvision.models import get_model

from data.batches.features import FeatureStore
from data.decoding.isolation import Decoder
from data.decoding.probe import UnreadableError
from data.files.checkpoint import CHECKPOINT_KEY
from data.video.data_module import VideoDataModule
from models.encoders.backbones import Backbone
from models.encoders.frames import SmallCNN
from models.recurrence.recurrences import LSTM
from models.sequence.step_inputs import StepInputs
from pipelines import evaluate
from pipelines.cli import train
from pipelines.runtime.library_warnings import ignore_noise
from pipelines.tasks import features
from pipelines.tasks.checkpoints import load
from pipelines.tasks.classification import Classification
from pipelines.tasks.features import FeatureCache
from tests import ROOT
from tests.clips import write_classes, write_clip


class FrozenCNN(SmallCNN):
    """A small network with random weights that are not trained."""

    def __init__(self, *, weight_seed: int = 0) -> None:
        with torch.random.fork_rng():
            torch.manual_seed(weight_seed)
            super().__init__(features=16, width=8)
        self.requires_grad_(False)


class SeededCNN(FrozenCNN):
    """Its weights follow the seed of the run."""

    def __init__(self) -> None:
        super().__init__(weight_seed=torch.initial_seed())


FROZEN = [
    "--model.encoder=tests.pipelines.tasks.test_features.FrozenCNN",
    "--model.recurrence.hidden_size=8",
    "--data.path=clips",
    "--data.size_px=16",
    "--data.steps_per_batch=60",
    "--trainer.max_epochs=2",
    "--trainer.enable_progress_bar=false",
]


@pytest.fixture
def clips(tmp_path, monkeypatch):
    """A folder of clips, and a cache and a folder for runs of the test's own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MANYTOONE_CACHE", str(tmp_path / "cache"))
    return write_classes(tmp_path / "clips")


@pytest.fixture
def encoded(monkeypatch):
    """Counts the frames that are encoded."""
    counted = [0]
    encode = SmallCNN.encode

    def watched(self, frames):
        counted[0] += len(frames)
        return encode(self, frames)

    monkeypatch.setattr(SmallCNN, "encode", watched)
    return counted


def answer(*, encoder=None, weight_seed=0, **options):
    """Test a model on all clips, without the rest of a run; the model, with its answers."""
    ignore_noise()
    data = VideoDataModule(path="clips", **{"size_px": 16, "steps_per_batch": 60, **options})
    data.reported_part = "all"
    torch.manual_seed(0)
    model = Classification(
        encoder or FrozenCNN(weight_seed=weight_seed),
        partial(LSTM, hidden_size=8),
        classes=data.classes,
        optimizer=torch.optim.AdamW,
    )
    quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False}
    trainer = Trainer(
        accelerator="cpu", enable_checkpointing=False, callbacks=[FeatureCache()], **quiet
    )
    trainer.test(model, datamodule=data, verbose=False)
    return model


def read(run):
    folder = Path("runs/video") / run / "report"
    with (folder / "predictions.csv").open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    return json.loads((folder / "report.json").read_text()), rows


def probabilities(rows):
    names = [name for name in rows[0] if name.startswith("probability_")]
    return np.array([[float(row[name]) for name in names] for row in rows])


def said(capsys):
    """(stage's parts, read, computed) of each line about features."""
    found = re.findall(
        r"Features \((.*?)\): .*?; (\d+) read, (\d+) computed in \d+\.\d s, kept in .+/features/",
        capsys.readouterr().out,
    )
    return [(names, int(kept), int(computed)) for names, kept, computed in found]


def test_clips_are_encoded_once_and_later_runs_read_them(clips, encoded, capsys):
    train("video", [*FROZEN, "--run=first"])
    assert said(capsys) == [("train, val", 0, 10), ("test", 0, 2)]
    assert encoded[0] == sum(2 * (8 + k) for k in range(6))
    train("video", [*FROZEN, "--run=second"])
    assert said(capsys) == [("train, val", 10, 0), ("test", 2, 0)]
    assert encoded[0] == sum(2 * (8 + k) for k in range(6))
    assert read("first")[1] == read("second")[1]


def test_answers_and_baselines_are_those_without_a_cache(clips, monkeypatch, encoded):
    train("video", [*FROZEN, "--run=kept"])
    evaluate.main(["--ckpt=runs/video/kept/checkpoints/best.ckpt", "--run=read"])
    once = encoded[0]
    with monkeypatch.context() as patch:
        patch.setattr(FeatureCache, "setup", lambda *_, **__: None)
        train("video", [*FROZEN, "--run=plain"])
        evaluate.main(["--ckpt=runs/video/kept/checkpoints/best.ckpt", "--run=seen"])
    assert encoded[0] > 3 * once
    report, rows = read("kept")
    for run in ("read", "plain", "seen"):
        other_report, other_rows = read(run)
        assert [row["path"] for row in other_rows] == [row["path"] for row in rows]
        np.testing.assert_allclose(probabilities(other_rows), probabilities(rows), atol=1e-5)
        assert set(other_report["baselines"]) == set(report["baselines"])
        for name, scores in report["baselines"].items():
            assert other_report["baselines"][name] == pytest.approx(scores, abs=1e-4)


def test_what_has_changed_is_computed_anew(clips, capsys):
    answer()
    assert said(capsys) == [("all", 0, 12)]
    answer(size_px=24)
    answer(frames="every=2")
    answer(weight_seed=1)
    assert said(capsys) == [("all", 0, 12)] * 3
    write_clip(clips / "dark" / "0.mp4", num_frames=9, level=90)
    answer()
    answer(steps_per_batch=1, cache_gib=0.0)
    assert said(capsys) == [("all", 11, 1), ("all", 12, 0)]


def test_a_clip_that_breaks_off_is_left_out_and_listed(clips, capsys):
    # Its head promises a clip; that there is none shows when it is decoded.
    broken = write_clip(clips / "bright" / "long.mp4", num_frames=60)
    content = bytearray(broken.read_bytes())
    start = content.index(b"mdat") + 4
    content[start : start + len(content) // 2] = bytes(len(content) // 2)
    broken.write_bytes(content)
    shutil.copy(broken, clips / "bright" / "again.mp4")
    for _ in range(2):
        model = answer()
        skipped = {one.id: one for one in model.trainer.datamodule.skipped}
        assert {Path(one.source).name for one in skipped.values()} == {"long.mp4", "again.mp4"}
        assert all(one.reason for one in skipped.values())
        assert sorted([*model.answers.ids.tolist(), *skipped]) == list(range(14))
    assert said(capsys) == [("all", 0, 12), ("all", 12, 0)]


def test_an_interrupted_run_goes_on_where_it_was(clips, monkeypatch, capsys):
    monkeypatch.setattr(features, "_FILE_BYTES", 1)
    encode = SmallCNN.encode
    frames = [0]

    def interrupted(self, steps):
        frames[0] += len(steps)
        if frames[0] > 70:
            raise RuntimeError("out of power")
        return encode(self, steps)

    with monkeypatch.context() as patch:
        patch.setattr(SmallCNN, "encode", interrupted)
        with pytest.raises(RuntimeError, match="out of power"):
            answer()
    answer()
    ((_, kept, computed),) = said(capsys)
    assert kept > 0
    assert computed > 0
    assert kept + computed == 12


def test_with_augmentation_a_line_says_why_clips_are_read_again(clips, encoded, capsys):
    train("video", [*FROZEN, "--run=first", "--data.augment_color=0.3"])
    out = capsys.readouterr().out
    assert out.count("Features: the training clips are augmented") == 1
    assert "Features (val): " in out
    assert "Features (test): " in out
    assert encoded[0] > 2 * sum(8 + k for k in range(6))


def test_a_resumed_run_reads_the_features_of_its_own_encoder(clips, capsys):
    # Parts that the source names are the same for every seed.
    for file in list(Path(clips).rglob("*.mp4")):
        part = {"4": "val", "5": "test"}.get(file.stem, "train")
        place = Path("parts", part, file.parent.name, file.name)
        place.parent.mkdir(parents=True, exist_ok=True)
        file.rename(place)
    encoder = "--model.encoder=tests.pipelines.tasks.test_features.SeededCNN"
    options = [*FROZEN, encoder, "--data.path=parts"]
    train("video", [*options, "--run=first", "--seed_everything=1"])
    last = "runs/video/first/checkpoints/last.ckpt"
    said(capsys)
    # Seed 2 begins with another encoder, which the checkpoint replaces by the first one's.
    train(
        "video",
        [
            *options,
            "--run=on",
            "--seed_everything=2",
            "--trainer.max_epochs=3",
            f"--ckpt_path={last}",
        ],
    )
    lines = said(capsys)
    assert lines[0][0] == lines[1][0] == "train, val"
    assert lines[0][2] > 0
    kept = load(Path(last)).model.encoder.fingerprint()
    assert lines[1][2] == 0, "what the first run has kept is read"
    assert len(list(Path("cache/features", kept[:16]).glob("*.arrow"))) == 3


def test_a_trial_of_a_few_batches_encodes_no_more(clips, capsys):
    train("video", [*FROZEN, "--run=trial", "--trainer.fast_dev_run=1"])
    assert said(capsys) == []


def test_where_no_clip_can_be_read_one_line_says_so(clips, monkeypatch, capsys):
    def fail(*_, **__):
        raise UnreadableError("out of order")

    monkeypatch.setattr(Decoder, "read_into", fail)
    with pytest.raises(SystemExit) as caught:
        train("video", [*FROZEN, "--run=first"])
    assert caught.value.code == 2
    assert "no readable clip in the part 'train'" in capsys.readouterr().err


class OverflowingCNN(FrozenCNN):
    """Its features of glaring frames are none."""

    def encode(self, frames):
        features = super().encode(frames)
        return features / (frames.mean((1, 2, 3)) < 0.85)[:, None]


def test_clips_whose_features_are_none_are_left_out(clips, capsys):
    write_clip(clips / "bright" / "glaring.mp4", num_frames=6, level=230)
    train(
        "video",
        [
            *FROZEN,
            "--model.encoder=tests.pipelines.tasks.test_features.OverflowingCNN",
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
