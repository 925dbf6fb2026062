"""Two processes on the CPU, as on two GPUs: every example trained on and tested exactly once."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pandas
import pytest
import torch

from pipelines.cli.training import train
from tests import ROOT
from tests.pipelines.conftest import (
    CAPTIONS,
    SENTIMENT,
    TRANSLATION,
    write_captions,
    write_pairs,
    write_reviews,
)

TIMES = ("train_seconds", "wait_share", "run")


def report_of_two_processes(
    *options, task="sentiment", data="reviews.csv", short=SENTIMENT, code=0
):
    """Train on the data as the run ``two`` → what its report says without times; None if it fails."""
    command = [
        sys.executable, "-m", f"pipelines.{task}", *([f"--data.path={data}"] if data else []),
        "--run=two", "--trainer.accelerator=cpu", "--trainer.devices=2", "--trainer.strategy=ddp",
        *short, *options,
    ]  # fmt: skip
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=250, check=False
    )
    assert done.returncode == code, done.stderr[-3000:]
    if code != 0:
        return None
    found = json.loads(Path(f"runs/{task}/two/report/report.json").read_text())
    return {name: value for name, value in found.items() if name not in TIMES}


def test_two_processes_count_every_example_once(in_folder):
    write_reviews(in_folder / "reviews.csv", count=41)
    report = report_of_two_processes()
    run = in_folder / "runs/sentiment/two"
    assert report["num_examples"] == 8
    with (run / "report/predictions.csv").open(newline="") as lines:
        ids = [row["id"] for row in csv.DictReader(lines)]
    assert len(ids) == len(set(ids)) == 8
    with (run / "metrics.csv").open() as lines:
        tested = [row for row in csv.DictReader(lines) if row["test/accuracy"]]
    assert abs(float(tested[0]["test/accuracy"]) - report["accuracy"]) < 1e-6
    assert abs(float(tested[0]["test/loss"]) - report["log_loss"]) < 1e-4


@pytest.mark.slow
def test_two_processes_ask_teachers_for_a_share_each(in_folder, sentiment_run):
    write_reviews(in_folder / "reviews.csv", count=41)
    texts = [f"another {word} film {'!' * k}" for k in range(9) for word in ("fine", "dull")]
    pandas.DataFrame({"text": texts}).to_csv(in_folder / "more.csv", index=False)
    teacher = (sentiment_run / "runs/sentiment/first/checkpoints/best.ckpt").resolve()
    report = report_of_two_processes("--data.unlabelled=more.csv", f"--teachers=[{teacher}]")
    assert report["teachers"]["unanswered"] == 0
    assert report["num_examples"] == 8


def test_a_mistake_on_two_processes_is_one_line(in_folder, capfd, monkeypatch):
    """The first process ends before it starts the second."""
    monkeypatch.setattr(subprocess, "Popen", pytest.fail)
    two = ["--trainer.accelerator=cpu", "--trainer.devices=2", "--trainer.strategy=ddp"]
    with pytest.raises(SystemExit) as end:
        train("sentiment", ["--data.path=missing.csv", *two])
    assert end.value.code == 2
    said = capfd.readouterr().err
    assert said.count("missing.csv: no such file or folder") == 1
    assert "Traceback" not in said


@pytest.mark.slow
def test_two_processes_write_every_translation_once(in_folder):
    write_pairs(in_folder / "pairs.csv", count=61)
    report = report_of_two_processes(task="translation", data="pairs.csv", short=TRANSLATION)
    ids, bleu = written_by("translation", "bleu")
    assert ids == list(range(51, 61))
    assert abs(bleu - report["bleu"]) < 1e-4


@pytest.mark.slow
def test_two_processes_write_every_caption_once(in_folder):
    write_captions(in_folder)
    report = report_of_two_processes(task="captions", data="captions.csv", short=CAPTIONS)
    ids, cider = written_by("captions", "cider")
    assert ids == list(range(25, 30))
    assert abs(cider - report["cider"]) < 1e-6


def written_by(task, metric):
    """Ids in the table of predictions of the run ``two``, and the metric that it logged."""
    run = Path(f"runs/{task}/two")
    with (run / "report/predictions.csv").open(newline="") as lines:
        ids = [int(row["id"]) for row in csv.DictReader(lines)]
    with (run / "metrics.csv").open() as lines:
        logged = [row[f"test/{metric}"] for row in csv.DictReader(lines) if row[f"test/{metric}"]]
    return ids, float(logged[0])


@pytest.mark.slow
@pytest.mark.parametrize("rank", [0, 1])
def test_a_signal_to_one_process_ends_both_and_both_go_on(in_folder, rank):
    write_reviews(in_folder / "reviews.csv", count=41)
    smaller = ["--model.dropout=0.3", "--data.steps_per_batch=100"]
    whole = report_of_two_processes(*smaller)
    Path("runs/sentiment/two").rename("runs/sentiment/whole")
    signal_at = {
        "class_path": "tests.pipelines.interruption.SignalAt",
        "init_args": {"step": 3, "rank": rank},
    }
    report_of_two_processes(*smaller, f"--trainer.callbacks+={json.dumps(signal_at)}", code=143)
    assert report_of_two_processes("--resume=1", data=None, short=[]) == whole
    once, cut = (
        torch.load(f"runs/sentiment/{run}/checkpoints/last.ckpt", weights_only=True)["state_dict"]
        for run in ("whole", "two")
    )
    assert all(torch.equal(value, cut[key]) for key, value in once.items())
