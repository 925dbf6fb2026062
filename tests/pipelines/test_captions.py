"""Captions from pictures and clips to a report, and a saved model's answers, in the short form."""

import json
import shutil

import pytest
import torch

from pipelines import caption, evaluate
from pipelines.cli.training import train
from pipelines.compare import command as compare
from pipelines.metrics.writing.captions import caption_measures
from pipelines.predict import load
from tests.pictures import write_picture
from tests.pipelines.conftest import (
    CAPTIONS,
    LANGUAGE,
    WITHOUT_PARTS,
    read_predictions,
    write_captions,
)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A folder with captions.csv, its pictures and clips, and a trained model."""
    place = tmp_path_factory.mktemp("captions")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        write_captions(place)
        longer = ["--trainer.max_epochs=30", "--model.optimizer.lr=0.02"]
        train("captions", ["--data.path=captions.csv", "--run=first", *CAPTIONS, *longer])
    return place / "runs/captions/first"


@pytest.fixture
def checkpoint(run):
    return run / "checkpoints/best.ckpt"


def report_of(folder):
    return json.loads((folder / "report/report.json").read_text())


def test_a_run_leaves_all_its_files(run):
    report = report_of(run)
    assert (report["num_examples"], report["train_examples"], report["train_captions"]) == (
        5,
        20,
        40,
    )
    names = {"cider", "bleu1", "bleu2", "bleu3", "bleu4", "rouge_l", "exact_match"}
    assert report["baselines"].keys() == {
        "most_frequent_caption", "nearest_training_example", "frames_shuffled", "people",
    }  # fmt: skip
    for row in (report, *report["baselines"].values()):
        assert row.keys() >= names
    rows = read_predictions(run)
    references = [json.loads(row["references"]) for row in rows]
    assert all(len(some) == 2 for some in references)
    found = caption_measures([row["answer"] for row in rows], references)
    for name in names:
        assert found[name] == pytest.approx(report[name], abs=1e-6)
    page = (run / "report/report.html").read_text()
    assert "could not be made" not in page
    assert rows[0]["path"] in page
    text = (run / "report/report.txt").read_text()
    assert "people (one reference against the others)" in text


def test_a_later_test_gives_the_figures_of_the_run(run, checkpoint, monkeypatch):
    monkeypatch.chdir(run.parents[2])
    evaluate.main([f"--ckpt={checkpoint}", "--task=captions", "--run=again"])
    then, now = report_of(run), report_of(run.parent / "again")
    # The training part is not read again: its most frequent caption is in the checkpoint.
    assert now["baselines"].keys() == then["baselines"].keys() - {"nearest_training_example"}
    assert now["baselines"]["most_frequent_caption"] == then["baselines"]["most_frequent_caption"]
    for key in ("cider", "bleu4", "rouge_l", "exact_match", "num_examples", "train_examples"):
        assert now[key] == pytest.approx(then[key]), key
    evaluate.main([f"--ckpt={checkpoint}", "--data.path=captions.csv", "--run=everything"])
    assert report_of(run.parent / "everything")["num_examples"] == 30


def test_runs_are_compared_by_cider(run, checkpoint, monkeypatch, capsys):
    monkeypatch.chdir(run.parents[2])
    evaluate.main([f"--ckpt={checkpoint}", "--run=other"])
    compare.main(["--runs=captions/first captions/other", "--run=both"])
    found = json.loads((run.parents[1] / "compare/both/compare.json").read_text())
    (pair,) = found["pairs"]
    assert pair["difference"] == [0, 0, 0]
    assert pair["p_value"] == 1
    value, low, high = found["runs"]["captions/first"]["cider"]
    assert value == pytest.approx(report_of(run)["cider"])
    assert [low, high] == pytest.approx(report_of(run)["cider_interval"])
    assert "CIDEr" in capsys.readouterr().out


def answers(capsys, checkpoint, *options):
    caption.main([f"--ckpt={checkpoint}", *options])
    return capsys.readouterr().out


def test_answers_are_those_of_the_report(run, checkpoint, capsys):
    rows = read_predictions(run)
    place = run.parents[2]
    captioner = load(checkpoint)
    for row in rows:
        found = captioner(place / row["path"])
        assert found.text == row["answer"]
        assert found.score == pytest.approx(float(row["score"]), abs=1e-4)
    out = answers(capsys, checkpoint, f"--input={place}", "--format=json")
    told = {line["source"]: line["text"] for line in map(json.loads, out.splitlines())}
    assert len(told) == 30
    assert {told[str(place / row["path"])] for row in rows} == {row["answer"] for row in rows}


def test_what_is_no_picture_has_no_caption(checkpoint, tmp_path, capsys):
    write_picture(tmp_path / "a.png")
    (tmp_path / "b.png").write_text("no picture")
    with pytest.raises(SystemExit) as end:
        caption.main([f"--ckpt={checkpoint}", f"--input={tmp_path}"])
    assert end.value.code == 1
    good, bad = capsys.readouterr().out.splitlines()
    assert good.endswith("a.png")
    assert bad.startswith("error\t")
    assert "is a text file" in bad


def test_attention_over_frames(run, checkpoint, capsys):
    clip = run.parents[2] / "4.mp4"
    found = json.loads(
        answers(capsys, checkpoint, f"--input={clip}", "--attention", "--format=json")
    )
    assert found["frames"] == [str(k + 1) for k in range(3 + 4 % 3)]
    assert found["tokens"]
    for row in found["attention"]:
        assert sum(row) == pytest.approx(1, abs=1e-2)


def test_places_of_pictures_are_kept_and_attended_to(run, tmp_path, monkeypatch, capsys):
    """A frozen encoder's grid: computed once, in half precision, and looked at word by word."""
    shutil.copytree(run.parents[2], tmp_path / "here", ignore=shutil.ignore_patterns("runs"))
    monkeypatch.chdir(tmp_path / "here")
    encoder = [
        "--model.encoder=models.encoders.backbones.EfficientNetLite0",
        "--model.encoder.pretrained=false",
        "--model.encoder.places=true",
        "--model.recurrence=null",
        "--model.with_features=false",
        "--model.features=8",
        "--data.size_px=64",
    ]
    train("captions", ["--data.path=captions.csv", "--run=a", *WITHOUT_PARTS, *encoder])
    assert "each clip is encoded once" in capsys.readouterr().out
    (features,) = (tmp_path / "here").rglob("runs/captions/a/report/report.json")
    assert "frames_shuffled" in json.loads(features.read_text())["baselines"]
    checkpoint = tmp_path / "here/runs/captions/a/checkpoints/best.ckpt"
    found = json.loads(answers(capsys, checkpoint, "--input=0.png", "--attention", "--format=json"))
    weights = torch.tensor(found["attention"])
    assert weights.shape[1:] == (1, 4)  # a frame of 2 × 2 places
    torch.testing.assert_close(weights.sum((1, 2)), torch.ones(len(weights)), atol=1e-2, rtol=0)


@pytest.mark.parametrize("task", ["captions", "video"])
def test_a_recurrence_reads_no_places(run, monkeypatch, capsys, task):
    monkeypatch.chdir(run.parents[2])
    encoder = [
        "--model.encoder=models.encoders.backbones.EfficientNetLite0",
        "--model.encoder.pretrained=false",
        "--model.encoder.places=true",
    ]
    data = ["--data.path=captions.csv"]
    data += ["--data.label_column=caption"] if task == "video" else []
    with pytest.raises(SystemExit) as end:
        train(task, [*data, *encoder])
    assert end.value.code == 2
    assert "places=true: a recurrence reads one vector a frame" in capsys.readouterr().err


def test_a_language_model_starts_the_decoder(run, monkeypatch):
    monkeypatch.chdir(run.parents[2])
    table = ["--data.path=captions.csv", "--data.text_column=caption", "--data.min_frequency=1"]
    small = ["--model.adaptive_cutoffs=null", "--model.tied=true"]
    train("language", [*table, "--run=before", *LANGUAGE, *small])
    before = "runs/language/before/checkpoints/best.ckpt"
    still = ["--model.optimizer.lr=0", "--model.optimizer.weight_decay=0", "--trainer.max_epochs=1"]
    options = ["--data.path=captions.csv", f"--model.pretrained={before}", "--run=after"]
    train("captions", [*options, *CAPTIONS, *still])
    after = "runs/captions/after/checkpoints/best.ckpt"
    theirs, ours = (torch.load(path, weights_only=True)["state_dict"] for path in (before, after))
    for key, value in theirs.items():
        assert torch.equal(ours[key.replace("model.", "model.decoder.", 1)], value), key


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ([], "INPUT is missing"),
        (["--input=gone.jpg"], "give a picture or video file"),
        (["--input=.", "--num_best=0"], "--num_best=0"),
        (["--input=.", "--attention"], "add --format=json"),
    ],
)
def test_wrong_options(checkpoint, capsys, options, reason):
    with pytest.raises(SystemExit) as end:
        caption.main([f"--ckpt={checkpoint}", *options])
    assert end.value.code == 2
    assert reason in capsys.readouterr().err


def test_another_tasks_checkpoint(sentiment_run, capsys):
    other = sentiment_run / "runs/sentiment/first/checkpoints/best.ckpt"
    with pytest.raises(SystemExit) as end:
        caption.main([f"--ckpt={other}", "--input=a.png"])
    assert end.value.code == 2
    assert "is a model for sentiment, not for captions" in capsys.readouterr().err
