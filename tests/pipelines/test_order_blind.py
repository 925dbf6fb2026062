"""A model with an order-blind member, in every command that trains or reads one."""

import json

import numpy as np
import pytest
import torch

from data.files.checkpoint import read_saved
from pipelines.cli.training import train
from pipelines.export import command as export_command
from pipelines.export.answer import load as load_exported
from pipelines.microscope import command as microscope_command
from pipelines.predict import load
from pipelines.serve.answerers.classified import served_clips
from pipelines.serve.traffic.limits import Limits
from pipelines.watch import command as watch_command
from tests.clips import write_classes, write_clip
from tests.pipelines.saved_models import about_clips, part, video_model, write_saved
from tests.pipelines.tasks.frozen import FROZEN


@pytest.fixture
def ckpt(tmp_path):
    model = video_model(
        members=2,
        order_blind=1,
        pooling="concat",
        inputs=part("StepInputs", project=3, dropout=0.5),
    )
    write_saved(tmp_path / "v.ckpt", "video", model=model, inputs=about_clips())
    return tmp_path / "v.ckpt"


@pytest.fixture
def clip(tmp_path):
    return write_clip(tmp_path / "a.mp4", num_frames=9)


def test_training_and_the_report_that_names_it(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MANYTOONE_CACHE", str(tmp_path / "cache"))
    write_classes(tmp_path / "clips")
    inputs = ["--model.inputs=StepInputs", "--model.inputs.standardize=true"]
    train("video", [*FROZEN, *inputs, "--model.members=2", "--model.order_blind=1", "--run=a"])
    run = tmp_path / "runs/video/a"
    assert "model (mean of 2 LSTMs and 1 order-blind member)" in capsys.readouterr().out
    weights = torch.load(run / "checkpoints/best.ckpt", weights_only=True)["state_dict"]
    # Its inputs are the features themselves, measured as those of the others are.
    assert weights["model.members.2.head.weight"].shape[1] == 16
    assert torch.equal(
        weights["model.members.2.inputs.shift"], weights["model.members.0.inputs.shift"]
    )
    assert (weights["model.members.2.inputs.spread"] != 1).any()


def test_predict_watch_and_the_server_answer_alike(ckpt, clip, capsys):
    due = load(ckpt)(str(clip))
    assert due.timeline().probabilities[-1].max() == pytest.approx(due.probability, abs=1e-6)
    watch_command.main([f"--ckpt={ckpt}", f"--source={clip}", "--format=json"])
    last = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert last["probabilities"] == pytest.approx(due.probabilities, abs=1e-5)
    served = served_clips(read_saved(ckpt), where="CKPT", trust=None, device="cpu", limits=Limits())
    try:
        assert served.about()["title"] == "mean of 2 LSTMs and 1 order-blind member"
        assert served.stream() is not None
        [answer] = served.answers([served.read_upload(clip.read_bytes())])
        assert answer["probability"] == pytest.approx(due.probability, abs=1e-5)
    finally:
        served.close()


def test_the_microscope_has_nothing_to_show_of_it(ckpt, clip, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as left:
        microscope_command.main([f"--ckpt={ckpt}", f"--input={clip}", "--member=2", "--out=seen"])
    assert left.value.code == 2
    assert "--member=2: it has no memory to look at" in capsys.readouterr().err


@pytest.mark.slow
def test_an_exported_folder_answers_the_same(tmp_path, ckpt, clip, monkeypatch):
    monkeypatch.chdir(tmp_path)
    export_command.main([f"--ckpt={ckpt}", "--run=a"])
    found = load_exported("runs/export/a")(clip)
    due = load(ckpt)(str(clip))
    names = list(due.probabilities)
    np.testing.assert_allclose(
        [found["probabilities"][name] for name in names],
        [due.probabilities[name] for name in names],
        atol=1e-5,
    )
