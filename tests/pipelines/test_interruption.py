"""A run that is cut off and goes on gives, bit by bit, what one without interruption gives."""

import csv
import json
from pathlib import Path

import pytest
import torch

from pipelines.cli.training import train
from tests.clips import write_classes
from tests.pipelines.conftest import (
    LANGUAGE,
    SENTIMENT,
    TRANSLATION,
    VIDEO,
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
    "translation": [*TRANSLATION, "--data.path=pairs.csv", "--data.steps_per_batch=150"],
}


def write_data(folder, task):
    if task == "sentiment":
        write_reviews(folder / "reviews.csv")
    elif task == "video":
        write_classes(folder / "clips")
    elif task == "language":
        (folder / "x.txt").write_text("one two three four five six seven " * 60)
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


def assert_same_runs(task):
    for name in ("last", "best"):
        whole, cut = weights(task, "whole", name), weights(task, "cut", name)
        assert whole.keys() == cut.keys()
        for key, value in whole.items():
            assert torch.equal(value, cut[key]), f"{name}: {key}"
    assert curves(task, "cut") == curves(task, "whole")


@pytest.mark.parametrize("task", TASKS)
def test_a_run_goes_on_bit_by_bit(in_folder, capsys, task):
    write_data(in_folder, task)
    train(task, [*TASKS[task], "--run=whole"])
    steps = torch.load(f"runs/{task}/whole/checkpoints/last.ckpt", weights_only=True)["global_step"]
    assert steps >= 6
    cut_off(task, callback("SignalAt", step=1), callback("SignalAt", step=steps // 2 + 1))
    assert f"go on with: make train-{task} RUN=cut RESUME=1" in capsys.readouterr().err
    with pytest.raises(SystemExit) as end:
        train(task, ["--run=cut", "--resume=1"])
    assert end.value.code == 143
    train(task, ["--run=cut", "--resume=1"])
    assert_same_runs(task)
    assert report(task, "cut") == report(task, "whole")
