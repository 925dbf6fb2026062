"""A model whose encoder looks at whole clips, in every command that reads one."""

import json

import numpy as np
import pytest
import torch

from data.files.checkpoint import read_saved
from data.video.data_module import VideoDataModule
from models.encoders.foreground import WithForeground
from models.sequence.running_answer import running_answer
from pipelines.cli.training import train
from pipelines.export import command as export_command
from pipelines.export.answer import load as load_exported
from pipelines.microscope import command as microscope_command
from pipelines.predict import load
from pipelines.predict.predictor import load_predictor
from pipelines.serve.answerers.classified import served_clips
from pipelines.serve.traffic.limits import Limits
from pipelines.watch import command as watch_command
from tests.clips import write_classes, write_clip
from tests.pipelines.saved_models import about_clips, captions_model, part, video_model, write_saved
from tests.pipelines.tasks.frozen import FrozenCNN, answer

FOREGROUND = part("WithForeground", encoder=part("SmallCNN", features=4, width=8))


@pytest.fixture
def ckpt(tmp_path):
    model = video_model(encoder=FOREGROUND, pooling="concat", members=2)
    write_saved(tmp_path / "v.ckpt", "video", model=model, inputs=about_clips())
    return tmp_path / "v.ckpt"


@pytest.fixture
def clip(tmp_path):
    return write_clip(tmp_path / "a.mp4", num_frames=9)


def test_the_timeline_is_the_answer_to_each_beginning(tmp_path, ckpt, clip):
    answer = load(ckpt)(str(clip))
    along = answer.timeline()
    assert along.steps.tolist() == list(range(1, 10))
    for length in (1, 2, 5, 9):
        part_of = write_clip(tmp_path / "part.mp4", num_frames=length)
        due = load(ckpt)(str(part_of))
        found = dict(zip(along.classes, along.probabilities[length - 1], strict=True))
        # The coding of a shorter clip differs by a grey level here and there.
        assert found == pytest.approx(due.probabilities, abs=2e-3)
    assert along.probabilities[-1].max() == pytest.approx(answer.probability, abs=1e-6)


def test_a_long_clip_is_asked_at_few_places(ckpt):
    model = load_predictor(ckpt).model.model
    steps = torch.zeros(1_000, 3, 16, 16, dtype=torch.uint8)
    features = model.encoder.encode_ragged(steps, torch.tensor([1_000]))
    found = running_answer(model, features, steps=steps)
    assert len(found.places) == 10
    assert found.places[-1] == 999
    with pytest.raises(ValueError, match="give the steps"):
        running_answer(model, features)


def test_watch_reads_windows_alone(ckpt, clip, capsys):
    with pytest.raises(SystemExit) as left:
        watch_command.main([f"--ckpt={ckpt}", f"--source={clip}"])
    assert left.value.code == 2
    assert "the model looks ahead" in capsys.readouterr().err
    window = ["--window_seconds=60", "--format=json"]
    watch_command.main([f"--ckpt={ckpt}", f"--source={clip}", *window])
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    due = load(ckpt)(str(clip))
    assert lines[-1]["probabilities"] == pytest.approx(due.probabilities, abs=1e-5)


def test_watch_reads_windows_by_a_captioner(tmp_path, clip, capsys):
    model = captions_model(encoder=FOREGROUND)
    write_saved(
        tmp_path / "c.ckpt", "captions", model=model, data={"size_px": 16, "steps_per_batch": 60}
    )
    window = ["--window_seconds=60", "--format=json"]
    watch_command.main([f"--ckpt={tmp_path / 'c.ckpt'}", f"--source={clip}", *window])
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert lines[-1]["score"] == pytest.approx(load(tmp_path / "c.ckpt")(str(clip)).score, abs=1e-5)


def test_the_server_answers_clips_and_no_streams(ckpt, clip):
    served = served_clips(read_saved(ckpt), where="CKPT", trust=None, device="cpu", limits=Limits())
    try:
        assert served.stream() is None
        assert served.about()["looks_ahead"]
        item = served.read_upload(clip.read_bytes())
        [answer] = served.answers([item])
        explained = served.explanation(item, answer)
        assert explained["timeline"]["label"][-1] == pytest.approx(answer["probability"], abs=1e-4)
    finally:
        served.close()


def test_the_microscope_shows_what_the_recurrence_reads(tmp_path, ckpt, clip, monkeypatch):
    monkeypatch.chdir(tmp_path)
    microscope_command.main([f"--ckpt={ckpt}", f"--input={clip}", "--out=seen"])
    assert (tmp_path / "seen" / "microscope.html").exists()


@pytest.mark.slow
@pytest.mark.parametrize("num_frames", [9, 10, 70])
def test_an_exported_folder_answers_the_same(tmp_path, ckpt, num_frames, monkeypatch):
    monkeypatch.chdir(tmp_path)
    clip = write_clip(tmp_path / "b.mp4", num_frames=num_frames, level=10)
    export_command.main([f"--ckpt={ckpt}", "--run=a"])
    found = load_exported("runs/export/a")(clip)
    due = load(ckpt)(str(clip))
    assert found["steps"] == due.steps == num_frames
    names = list(due.probabilities)
    np.testing.assert_allclose(
        [found["probabilities"][name] for name in names],
        [due.probabilities[name] for name in names],
        atol=1e-5,
    )


@pytest.fixture
def clips(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MANYTOONE_CACHE", str(tmp_path / "cache"))
    return write_classes(tmp_path / "clips")


def test_features_are_kept_as_each_clip_alone_has_them(clips):
    kept = answer(encoder=WithForeground(FrozenCNN()))
    again = answer(encoder=WithForeground(FrozenCNN()))
    assert torch.equal(kept.answers.scores, again.answers.scores)
    data = VideoDataModule(path="clips", size_px=16, steps_per_batch=60)
    data.reported_part = "all"
    part = data.parts["all"]
    for k in range(len(part)):
        batch = part.__getitems__([k])
        with torch.no_grad():
            features = kept.model.encoder.encode_ragged(batch.steps, batch.lengths)
            scores = kept.model.read(features, batch.lengths)
        row = kept.answers.ids.tolist().index(int(batch.ids[0]))
        torch.testing.assert_close(
            scores[0].double(), kept.answers.scores[row], atol=1e-5, rtol=1e-5
        )


@pytest.mark.parametrize("is_frozen", [True, False])
def test_training_with_augmentation_and_a_report(clips, capsys, is_frozen):
    inner = "tests.pipelines.tasks.frozen.FrozenCNN" if is_frozen else "SmallCNN"
    train(
        "video",
        [
            "--model.encoder=WithForeground", f"--model.encoder.encoder={inner}",
            "--model.recurrence.hidden_size=8", "--data.path=clips", "--data.size_px=16",
            "--data.steps_per_batch=60", "--data.augment_color=0.2", "--data.augment_crop=0.7",
            "--trainer.max_epochs=1", "--trainer.enable_progress_bar=false", "--run=a",
        ],
    )  # fmt: skip
    report = json.loads((clips.parent / "runs/video/a/report/report.json").read_text())
    assert "order" in report
    assert "the page lacks" not in capsys.readouterr().err
