"""Commands from files to reports, as a user types them, on small data."""

import json
import math
import shutil

import pytest
import torch
import yaml

from data.files.errors import InputError
from pipelines import evaluate
from pipelines.cli.training import train
from pipelines.predict import command as predict
from pipelines.tasks.checkpoints import data_module, load
from tests.clips import write_classes, write_clip
from tests.pipelines.conftest import SENTIMENT, VIDEO, read_predictions, write_reviews

FILES = [
    "config.yaml",
    "metrics.csv",
    "checkpoints/best.ckpt",
    "checkpoints/last.ckpt",
    "report/report.json",
    "report/report.txt",
    "report/predictions.csv",
    "report/confusion_matrix.png",
]
KEYS = [
    "task",
    "data",
    "split",
    "num_examples",
    "classes",
    "accuracy",
    "macro_f1",
    "log_loss",
    "classification_report",
    "confusion_matrix",
    "truncated_steps",
    "skipped",
    "train_seconds",
    "baselines",
]


def read_report(folder):
    return json.loads((folder / "report" / "report.json").read_text())


@pytest.mark.parametrize(
    ("task", "baselines"),
    [
        ("video", {"mean_frame_logistic_regression", "single_frame_logistic_regression"}),
        ("sentiment", {"tfidf_logistic_regression"}),
    ],
)
def test_a_run_leaves_all_its_files(task, baselines, video_run, sentiment_run):
    runs = (video_run if task == "video" else sentiment_run) / "runs" / task
    for file in FILES:
        assert (runs / "first" / file).stat().st_size > 0, file
    assert (runs / "latest").resolve() == runs / "first"
    report = read_report(runs / "first")
    assert set(KEYS) <= set(report)
    assert (report["task"], report["split"], report["truncated_steps"]) == (task, "test", 0)
    assert {"majority"} | baselines == set(report["baselines"])
    assert 0 <= report["wait_share"] <= 1
    rows = read_predictions(runs / "first")
    assert len(rows) == report["num_examples"]
    assert len({row["id"] for row in rows}) == len(rows)
    right = sum(row["label"] == row["predicted"] for row in rows)
    assert right / len(rows) == pytest.approx(report["accuracy"])
    for row in rows:
        probabilities = [float(v) for k, v in row.items() if k.startswith("probability_")]
        assert math.isclose(sum(probabilities), 1, abs_tol=1e-6)
    config = yaml.safe_load((runs / "first" / "config.yaml").read_text())
    assert config["trainer"]["max_epochs"] == 2
    assert config["trainer"]["gradient_clip_val"] == 1.0


def test_checkpoints_hold_no_code(video_run, sentiment_run):
    for path in [*video_run.glob("runs/*/*/*/*.ckpt"), *sentiment_run.glob("runs/*/*/*/*.ckpt")]:
        torch.load(path, weights_only=True)


@pytest.mark.parametrize("task", ["video", "sentiment"])
def test_evaluating_again_gives_the_same(task, video_run, sentiment_run, monkeypatch, capsys):
    place = video_run if task == "video" else sentiment_run
    monkeypatch.chdir(place)
    checkpoint = f"--ckpt=runs/{task}/first/checkpoints/best.ckpt"
    evaluate.main([checkpoint, f"--task={task}", f"--run=again-{task}"])
    first, again = (read_report(place / "runs" / task / k) for k in ("first", f"again-{task}"))
    for key in ("num_examples", "confusion_matrix", "split"):
        assert first[key] == again[key]
    assert again["log_loss"] == pytest.approx(first["log_loss"], abs=1e-5)
    for name, scores in first["baselines"].items():
        assert again["baselines"][name] == pytest.approx(scores, abs=1e-5)
    rows = [read_predictions(place / "runs" / task / k) for k in ("first", f"again-{task}")]
    assert [row["id"] for row in rows[0]] == [row["id"] for row in rows[1]]
    assert (place / "runs" / task / "latest").resolve().name == "first"
    assert "accuracy" in capsys.readouterr().out


def test_evaluating_other_data_takes_all_of_it(sentiment_run, in_folder):
    table = write_reviews(in_folder / "other.csv", count=9)
    table.write_text(table.read_text().replace(",negative", ",0").replace(",positive", ",1"))
    checkpoint = sentiment_run / "runs/sentiment/first/checkpoints/best.ckpt"
    evaluate.main([f"--ckpt={checkpoint}", f"--data.path={table}", "--run=other"])
    report = read_report(in_folder / "runs/sentiment/other")
    assert (report["num_examples"], report["split"]) == (18, "all")
    assert report["classes"] == ["negative", "positive"]


def test_evaluating_other_clips(video_run, in_folder):
    write_classes(in_folder / "more", clips_per_class=2)
    (in_folder / "more" / "dark" / "broken.mp4").write_bytes(b"no")
    checkpoint = video_run / "runs/video/first/checkpoints/best.ckpt"
    evaluate.main([f"--ckpt={checkpoint}", f"--data.path={in_folder / 'more'}", "--run=more"])
    report = read_report(in_folder / "runs/video/more")
    assert report["num_examples"] == 4
    assert [skip["path"] for skip in report["skipped"]] == [str(in_folder / "more/dark/broken.mp4")]


def test_predictions_agree_with_the_report(video_run, sentiment_run, capsys):
    for place, task, flag in ((video_run, "video", "input"), (sentiment_run, "sentiment", "text")):
        run = place / "runs" / task / "first"
        row = read_predictions(run)[0]
        source = row["path" if task == "video" else "text"]
        predict.main([f"--ckpt={run}/checkpoints/best.ckpt", f"--{flag}={source}"])
        label, *shares, answered = capsys.readouterr().out.strip().split("\t")
        assert label == row["predicted"]
        assert answered.removesuffix("…") in source
        for pair in shares:
            name, value = pair.split("=")
            assert float(value) == pytest.approx(float(row[f"probability_{name}"]), abs=1e-4)


def test_prediction_is_the_same_alone_and_in_any_batch(sentiment_run, monkeypatch):
    monkeypatch.chdir(sentiment_run)
    model = load(sentiment_run / "runs/sentiment/first/checkpoints/best.ckpt")
    answers = {}
    for budget in (1, 37, 100_000):
        data = data_module(model.description, steps_per_batch=budget)
        with torch.inference_mode():
            for batch in data.loader(data.parts["train"]):
                scores = model(batch.steps, batch.lengths)
                for row, score in zip(batch.ids.tolist(), scores, strict=True):
                    answers.setdefault(row, []).append(score)
    for scores in answers.values():
        torch.testing.assert_close(scores[1:], scores[:1] * 2, atol=1e-5, rtol=1e-5)


def test_limits_and_skips_stand_in_the_report(in_folder):
    write_classes(in_folder / "clips")
    (in_folder / "clips" / "bright" / "broken.mp4").write_bytes(b"no")
    train("video", ["--data.path=clips", "--run=cut", "--data.max_frames=5", *VIDEO])
    report = read_report(in_folder / "runs/video/cut")
    assert report["truncated_steps"] > 0
    assert report["skipped"][0]["path"].endswith("broken.mp4")


def resumed_ids(monkeypatch, place, run, options):
    """The ids of the training batches, in the order they were trained on."""
    from pipelines.tasks.classification import Classification

    seen = []
    step = Classification.training_step

    def watched(self, batch, batch_idx):
        seen.append(batch.ids.tolist())
        return step(self, batch, batch_idx)

    with monkeypatch.context() as patch:
        patch.setattr(Classification, "training_step", watched)
        train("sentiment", [f"--data.path={place}", f"--run={run}", *SENTIMENT, *options])
    return seen


def test_resuming_within_an_epoch_reads_the_rest_of_it(in_folder, monkeypatch):
    table = write_reviews(in_folder / "reviews.csv")
    whole = resumed_ids(monkeypatch, table, "whole", [])
    assert len(whole) > 6
    saves = ["--checkpoint.every_n_train_steps=3", "--checkpoint.monitor=null"]
    first = resumed_ids(monkeypatch, table, "first", [*saves, "--trainer.max_steps=3"])
    assert first == whole[:3]
    last = in_folder / "runs/sentiment/first/checkpoints/last.ckpt"
    rest = resumed_ids(monkeypatch, table, "rest", [*saves, f"--ckpt_path={last}"])
    assert rest == whole[3:]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--data.path=nowhere"], "nowhere: no such file or folder"),
        (["--data.path=list.csv"], "no column 'path'"),
        (["--data.path=clips", "--run=a/b"], "not a name for a run"),
        (["--data.path=clips", "--run=taken"], "exists already"),
        (["--data.path=clips", "--data.max_frames=0"], "max_frames=0"),
        (["--data.path=clips", "--data.no_such_option=0"], "no_such_option"),
        (["--data.path=broken", "--data.on_error=fail"], "x.mp4: "),
    ],
)
def test_mistakes_are_one_line_and_leave_nothing(in_folder, capsys, options, says):
    write_classes(in_folder / "clips", clips_per_class=3)
    write_classes(in_folder / "broken", clips_per_class=3)
    (in_folder / "broken" / "dark" / "x.mp4").write_bytes(b"no")
    (in_folder / "list.csv").write_text("place,label\na.mp4,a\n")
    (in_folder / "runs/video/taken").mkdir(parents=True)
    with pytest.raises(SystemExit) as caught:
        train("video", [*options, *VIDEO])
    assert caught.value.code == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if "error" in line]
    assert len(lines) == 1
    assert says in lines[0]
    assert [path.name for path in (in_folder / "runs/video").iterdir()] == ["taken"]


def test_bad_checkpoints_are_one_line(in_folder, video_run):
    (in_folder / "text.ckpt").write_text("hello")
    torch.save({"state_dict": {}}, in_folder / "other.ckpt")
    good = in_folder / "good.ckpt"
    shutil.copy(video_run / "runs/video/first/checkpoints/best.ckpt", good)
    for path, says in (
        ("missing.ckpt", "no such file"),
        ("text.ckpt", "cannot be read"),
        ("other.ckpt", "not a checkpoint of this project"),
        ("good.ckpt", "a model for video, not for sentiment"),
    ):
        with pytest.raises(InputError, match=says):
            load(in_folder / path, task="sentiment")


@pytest.mark.parametrize(
    ("options", "code", "says"),
    [(["--text= "], 1, "holds no word"), ([], 2, "TEXT is missing")],
)
def test_nothing_to_predict(sentiment_run, capsys, options, code, says):
    checkpoint = sentiment_run / "runs/sentiment/first/checkpoints/best.ckpt"
    with pytest.raises(SystemExit) as caught:
        predict.main([f"--ckpt={checkpoint}", *options])
    assert caught.value.code == code
    printed = capsys.readouterr()
    assert says in (printed.out if code == 1 else printed.err)


def test_a_clip_to_predict_that_is_none(video_run, capsys, tmp_path):
    write_clip(tmp_path / "fine.mp4", num_frames=3)
    (tmp_path / "not.mp4").write_text("hello")
    checkpoint = f"--ckpt={video_run / 'runs/video/first/checkpoints/best.ckpt'}"
    predict.main([checkpoint, f"--input={tmp_path / 'fine.mp4'}"])
    capsys.readouterr()
    for name, code in (("not.mp4", 1), ("missing.mp4", 2)):
        with pytest.raises(SystemExit) as caught:
            predict.main([checkpoint, f"--input={tmp_path / name}"])
        assert caught.value.code == code
        printed = capsys.readouterr()
        assert name in (printed.out if code == 1 else printed.err)
