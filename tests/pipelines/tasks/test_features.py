"""A frozen encoder's features: computed once, kept, and the same to the model as the clips."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from data.decoding.isolation import Decoder
from data.decoding.probe import UnreadableError
from models.encoders.frames import SmallCNN
from pipelines import evaluate
from pipelines.cli.training import train
from pipelines.tasks import features
from pipelines.tasks.checkpoints import load
from pipelines.tasks.features import FeatureCache
from tests.clips import write_clip
from tests.pipelines.tasks.frozen import FROZEN, answer, probabilities, read, said


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
    encoder = "--model.encoder=tests.pipelines.tasks.frozen.SeededCNN"
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
