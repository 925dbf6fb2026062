"""A run that is cut off and goes on gives, bit by bit, what one without interruption gives."""

from pathlib import Path

import pytest
import torch

from pipelines.cli.training import train
from tests.pipelines.cut_runs import (
    TASKS,
    assert_same_runs,
    callback,
    curves,
    cut_off,
    report,
    weights,
    write_data,
)


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


@pytest.fixture
def reviews(in_folder):
    write_data(in_folder, "sentiment")
    return in_folder


def test_an_epoch_that_was_being_validated_is_kept(reviews):
    cut_off("sentiment", callback("SignalInValidation", epoch=0))
    saved = torch.load("runs/sentiment/cut/checkpoints/last.ckpt", weights_only=True)
    progress = saved["loops"]["fit_loop"]["epoch_progress"]["current"]
    assert (progress["processed"], saved["epoch"]) == (1, 0)
    assert [row["epoch"] for row in curves("sentiment", "cut") if "val/loss" in row] == ["0"]
    train("sentiment", ["--run=cut", "--resume=1"])
    train("sentiment", [*TASKS["sentiment"], "--run=whole"])
    assert_same_runs("sentiment")


@pytest.mark.parametrize("task", ["sentiment", "language"])
def test_an_error_in_a_step_keeps_the_steps_before(in_folder, caplog, task):
    write_data(in_folder, task)
    with pytest.raises(RuntimeError, match="the device is gone"):
        train(task, [*TASKS[task], "--run=cut", callback("FailAt", step=2)])
    assert f"go on with: make train-{task} RUN=cut RESUME=1" in caplog.text
    train(task, ["--run=cut", "--resume=1"])
    train(task, [*TASKS[task], "--run=whole"])
    assert_same_runs(task)


def test_a_second_ctrl_c_ends_at_once_and_keeps_the_steps_before(reviews):
    cut_off("sentiment", callback("CtrlCTwiceAt", step=3), code=130)
    train("sentiment", ["--run=cut", "--resume=1"])
    train("sentiment", [*TASKS["sentiment"], "--run=whole"])
    assert_same_runs("sentiment")


def test_minutes_count_and_not_only_epochs(reviews):
    train("sentiment", [*TASKS["sentiment"], "--run=cut", "--checkpoint_minutes=0.000001"])
    train("sentiment", [*TASKS["sentiment"], "--run=whole", "--checkpoint_minutes=0"])
    assert_same_runs("sentiment")


def test_a_run_in_a_new_folder_has_the_earlier_best_to_surpass(reviews):
    train("sentiment", [*TASKS["sentiment"], "--run=first"])
    folder = Path("runs/sentiment/first/checkpoints")
    best = torch.load(folder / "best.ckpt", weights_only=True)
    for name, state in best["callbacks"].items():
        if "ModelCheckpoint" in name:
            state["best_model_score"] = torch.tensor(-1.0)  # no loss is as low
    torch.save(best, folder / "best.ckpt")
    more = ["--trainer.max_epochs=3", f"--ckpt_path={folder}/last.ckpt"]
    train("sentiment", [*TASKS["sentiment"], "--run=cut", *more])
    kept, last = (weights("sentiment", "cut", name) for name in ("best", "last"))
    assert all(torch.equal(best["state_dict"][key], value) for key, value in kept.items())
    assert not all(torch.equal(kept[key], value) for key, value in last.items())


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--resume=1"], "RESUME=1: which run is to go on? give its name, RUN=name"),
        (["--resume=1", "--run=none"], "runs/sentiment/none: there is no such run"),
        (["--resume=maybe", "--run=done"], "--resume=maybe: give RESUME=1 to go on"),
        (["--resume=1", "--run=done"], "runs/sentiment/done: is finished"),
        (["--run=done"], "go on with it by RESUME=1"),
    ],
)
def test_what_cannot_go_on_is_one_line(reviews, capsys, options, says):
    if "--run=done" in options:
        train("sentiment", [*TASKS["sentiment"], "--run=done", "--trainer.max_epochs=1"])
    data = [] if "--resume=1" in options else TASKS["sentiment"]
    with pytest.raises(SystemExit) as end:
        train("sentiment", [*data, *options])
    assert end.value.code == 2
    [line] = [one for one in capsys.readouterr().err.splitlines() if one.startswith("error: ")]
    assert says in line
