"""Small runs of each task that are cut off and go on, and what two runs must have in common."""

import csv
import json
from pathlib import Path

import pytest
import torch

from pipelines.cli.training import train
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

PLACE = "tests.pipelines.interruption."
# By task: options, and how many steps an epoch has.
TASKS = {
    "sentiment": [*SENTIMENT, "--data.path=reviews.csv", "--model.dropout=0.3"],
    "video": [
        *VIDEO,
        "--data.path=clips",
        "--data.steps_per_batch=20",
        "--model.dropout=0.3",
        "--data.augment_flip=0.5",
        "--data.num_workers=1",
    ],
    "language": [
        *(one for one in LANGUAGE if "max_epochs" not in one),
        "--data.path=x.txt",
        "--model.dropout=0.3",
        "--trainer.max_epochs=2",
    ],
    "translation": [
        *TRANSLATION,
        "--data.path=pairs.csv",
        "--data.steps_per_batch=150",
        "--trainer.callbacks+=AveragedWeights",
    ],
    "captions": [*CAPTIONS, "--data.path=captions.csv", "--data.steps_per_batch=30"],
}


def write_data(folder, task):
    if task == "sentiment":
        write_reviews(folder / "reviews.csv")
    elif task == "video":
        write_classes(folder / "clips")
    elif task == "language":
        (folder / "x.txt").write_text("one two three four five six seven " * 60)
    elif task == "captions":
        write_captions(folder)
    else:
        write_pairs(folder / "pairs.csv")


def callback(name, **options):
    return "--trainer.callbacks+=" + json.dumps({"class_path": PLACE + name, "init_args": options})


def cut_off(task, *options, code=143):
    with pytest.raises(SystemExit) as end:
        train(task, [*TASKS[task], "--run=cut", *options])
    assert end.value.code == code


def weights(task, run, name="last"):
    file = Path(f"runs/{task}/{run}/checkpoints/{name}.ckpt")
    return torch.load(file, weights_only=True)["state_dict"]


def curves(task, run):
    with Path(f"runs/{task}/{run}/metrics.csv").open() as lines:
        return [
            {name: value for name, value in row.items() if value and "second" not in name}
            for row in csv.DictReader(lines)
        ]


def report(task, run):
    found = json.loads(Path(f"runs/{task}/{run}/report/report.json").read_text())
    for name in [name for name in found if "second" in name or name in ("wait_share", "run")]:
        del found[name]
    return found


def num_trained_tokens(task, run):
    saved = torch.load(f"runs/{task}/{run}/checkpoints/last.ckpt", weights_only=True)
    return [one.get("num_trained_tokens") for one in saved["manytoone_epoch"]]


def assert_same_runs(task):
    for name in ("last", "best"):
        whole, cut = weights(task, "whole", name), weights(task, "cut", name)
        assert whole.keys() == cut.keys()
        for key, value in whole.items():
            assert torch.equal(value, cut[key]), f"{name}: {key}"
    assert curves(task, "cut") == curves(task, "whole")
    assert num_trained_tokens(task, "cut") == num_trained_tokens(task, "whole")
