"""A model with an order-blind member, in every command that trains or reads one."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from data.files.checkpoint import read_saved
from pipelines.cli.training import train
from pipelines.export import command as export_command
from pipelines.export.answer import load as load_exported
from pipelines.metrics import baselines
from pipelines.microscope import command as microscope_command
from pipelines.predict import load
from pipelines.serve.answerers.classified import served_clips
from pipelines.serve.traffic.limits import Limits
from pipelines.tasks.checkpoints import load as load_model
from pipelines.watch import command as watch_command
from tests.clips import write_classes, write_clip
from tests.pipelines.conftest import VIDEO
from tests.pipelines.saved_models import about_clips, part, video_model, write_saved
from tests.pipelines.tasks.frozen import FROZEN


@pytest.fixture
def ckpt(tmp_path):
    model = video_model(
        members=2,
        order_blind=True,
        pooling="concat",
        inputs=part("StepInputs", project=3, dropout=0.5),
    )
    write_saved(tmp_path / "v.ckpt", "video", model=model, inputs=about_clips())
    return tmp_path / "v.ckpt"


@pytest.fixture
def clip(tmp_path):
    return write_clip(tmp_path / "a.mp4", num_frames=9)


def trained(run, *options):
    inputs = ["--model.inputs=StepInputs", "--model.inputs.standardize=true"]
    some = ["--model.members=2", "--model.dropout=0.3", "--trainer.gradient_clip_val=0.01"]
    train("video", [*FROZEN, *inputs, *some, *options, f"--run={run}"])
    path = Path(f"runs/video/{run}/checkpoints/best.ckpt")
    return torch.load(path, weights_only=True)["state_dict"], path


@pytest.fixture
def clips(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MANYTOONE_CACHE", str(tmp_path / "cache"))
    return write_classes(tmp_path / "clips")


def test_it_answers_as_the_report_s_mean_frame_and_the_others_learn_as_without_it(clips, capsys):
    alone, _ = trained("alone", "--checkpoint.monitor=null")
    beside, path = trained("beside", "--checkpoint.monitor=null", "--model.order_blind=true")
    assert "model (mean of 2 LSTMs and 1 order-blind member)" in capsys.readouterr().out
    members = [name for name in alone if name.startswith("model.members.")]
    assert members
    for name in members:
        assert torch.equal(alone[name], beside[name]), name
    kept = baselines.load(Path("runs/video/beside/baselines.npz"))
    [due] = [one for one in kept if isinstance(one, baselines.MeanFrameLogisticRegression)]
    blind = load_model(path).members[2]
    shift, scale = (torch.from_numpy(due.state[name]).float() for name in ("mean", "scale"))
    features, lengths = shift + scale * torch.randn(9, 16), torch.tensor([4, 2, 3])
    means = torch.stack([some.mean(0) for some in features.split(lengths.tolist())])
    np.testing.assert_allclose(
        blind.read(features, lengths).softmax(1).detach().numpy(),
        due.predict_proba(means.numpy()),
        atol=1e-5,
    )


def test_an_encoder_that_learns_is_refused(clips, capsys):
    with pytest.raises(SystemExit) as left:
        train("video", [*VIDEO, "--data.path=clips", "--model.order_blind=true", "--run=a"])
    assert left.value.code == 2
    [line] = [one for one in capsys.readouterr().err.splitlines() if "order_blind" in one]
    assert "--model.order_blind=true: the features change while the encoder is trained" in line


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
