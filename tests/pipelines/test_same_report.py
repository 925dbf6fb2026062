"""One and the same weights, tested by one process and by two: the same report, bit by bit.

What is measured comes in the same batches, and is put together in the order of the ids. So figures and
tables are the same wherever a batch gives the same: on processors of one kind, and with as many threads
in each process. Seconds differ, and ``run``, which says what the run ran on.
"""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from pipelines.cli.training import train
from pipelines.evaluate import main as evaluate
from tests import ROOT
from tests.clips import write_classes
from tests.pipelines.conftest import (
    CAPTIONS,
    LANGUAGE,
    SENTIMENT,
    TRANSLATION,
    VIDEO,
    write_captions,
    write_pairs,
    write_reviews,
)

# Seconds, what is computed of them, and what the run ran on.
OF_THE_RUN = {"train_seconds", "wait_share", "tokens_per_second", "run"}
TWO = ["--trainer.accelerator=cpu", "--trainer.devices=2", "--trainer.strategy=ddp"]
# Nothing is learnt: after an epoch the weights are those that each run starts from.
LEARNS_NOTHING = ["--model.optimizer.lr=0", "--trainer.max_epochs=1"]


@pytest.fixture(autouse=True)
def _one_thread(monkeypatch):
    """Each process computes as the two do."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def by_two_processes(command, *options):
    done = subprocess.run(
        [sys.executable, "-m", f"pipelines.{command}", *options, "--run=two", *TWO],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, timeout=280, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    assert "Warning" not in done.stderr, done.stderr


def figures(folder):
    found = json.loads((folder / "report/report.json").read_text())
    return {name: value for name, value in found.items() if name not in OF_THE_RUN}


def assert_same(task, *, has_table=True):
    one, two = Path(f"runs/{task}/one"), Path(f"runs/{task}/two")
    assert figures(one) == figures(two)
    if has_table:
        name = "report/predictions.csv"
        assert (one / name).read_bytes() == (two / name).read_bytes()


def assert_evaluated_alike(task, checkpoint, *options):
    evaluate([f"--ckpt={checkpoint}", "--run=one", *options])
    by_two_processes("evaluate", f"--ckpt={checkpoint}", *options)
    assert_same(task)


def train_anew(task, *options):
    train(task, [*options, "--run=first"])
    return f"runs/{task}/first/checkpoints/best.ckpt"


def test_evaluating_texts(in_folder, sentiment_run):
    """Of all texts: batches of several lengths, an odd number of them, and thus an empty one."""
    checkpoint = (sentiment_run / "runs/sentiment/first/checkpoints/best.ckpt").resolve()
    data = (sentiment_run / "reviews.csv").resolve()
    options = [f"--data.path={data}", "--data.steps_per_batch=150"]
    assert_evaluated_alike("sentiment", checkpoint, *options)
    with Path("runs/sentiment/two/report/predictions.csv").open(newline="") as lines:
        ids = [int(row["id"]) for row in csv.DictReader(lines)]
    assert ids == list(range(80))


@pytest.mark.slow
def test_training_and_testing_on_texts(in_folder):
    """With the temperature, which is fitted on the validation part, and the fitted baselines."""
    write_reviews(in_folder / "reviews.csv", count=41)
    options = ["--data.path=reviews.csv", *SENTIMENT, *LEARNS_NOTHING]
    train("sentiment", [*options, "--run=one"])
    by_two_processes("sentiment", *options)
    assert_same("sentiment")
    calibration = figures(Path("runs/sentiment/one"))["calibration"]
    assert calibration["temperature"] != 1
    assert calibration["slope"] != 0


@pytest.mark.slow
def test_training_and_testing_on_running_text(in_folder):
    write_reviews(in_folder / "reviews.csv", count=60)
    options = ["--data.path=reviews.csv", *LANGUAGE, *LEARNS_NOTHING]
    train("language", [*options, "--run=one"])
    by_two_processes("language", *options)
    assert_same("language", has_table=False)


@pytest.mark.slow
def test_evaluating_clips(in_folder):
    write_classes(in_folder / "clips")
    checkpoint = train_anew("video", "--data.path=clips", *VIDEO)
    assert_evaluated_alike("video", checkpoint, "--data.path=clips", "--data.steps_per_batch=20")


@pytest.mark.slow
def test_evaluating_captions(in_folder):
    """One picture cannot be read, and it is not the first process that finds out."""
    write_captions(in_folder)
    checkpoint = train_anew("captions", "--data.path=captions.csv", *CAPTIONS)
    (in_folder / "26.png").write_bytes(b"no picture")
    assert_evaluated_alike(
        "captions", checkpoint, "--data.path=captions.csv", "--data.steps_per_batch=4"
    )
    assert figures(Path("runs/captions/two"))["skipped"]


@pytest.mark.slow
def test_evaluating_translations(in_folder):
    write_pairs(in_folder / "pairs.csv", count=61)
    checkpoint = train_anew("translation", "--data.path=pairs.csv", *TRANSLATION)
    assert_evaluated_alike(
        "translation", checkpoint, "--data.path=pairs.csv", "--data.steps_per_batch=60"
    )
