"""A teacher and its student: cut off anywhere, and started anew."""

import fcntl
import importlib
import json
import os
import signal
import subprocess
import sys
import time

import pytest

from pipelines import recipes, sentiment_best
from pipelines.sentiment_best import Step, lock_file, main, run_process, steps_of
from pipelines.tasks.classification import Classification
from tests import ROOT
from tests.pipelines.conftest import SENTIMENT, write_reviews

ALL = ["best-teacher", "best"]
MORE = "--data.unlabelled=more.csv"


def begin(*options, epochs=1):
    classifiers = [one for one in SENTIMENT if "max_epochs" not in one]
    classifiers += [f"--trainer.max_epochs={epochs}"]
    main(["--data.path=reviews.csv", *options, *classifiers])


@pytest.fixture
def started(in_folder, monkeypatch):
    """Started steps. They run in this process, which is faster; options are not checked before."""
    write_reviews(in_folder / "reviews.csv", count=20)
    write_reviews(in_folder / "more.csv", count=10)
    steps = []

    def in_this_process(command, **_):
        if command[-1] != "--print_config":
            run = next(arg for arg in command if arg.startswith("--run=")).removeprefix("--run=")
            steps.append(run)
            importlib.import_module(command[2]).main(command[3:])

    monkeypatch.setattr(sentiment_best, "run_process", in_this_process)
    return steps


def stop(*_):
    raise SystemExit(143)


def is_done(run):
    return Step(run, []).is_done()


def test_steps_build_on_each_other():
    data, run = "$(shell touch RAN)'s.csv", "it's, [so]"
    teacher, student = steps_of(data=data, unlabelled="more.csv", run=run, more=["--b=2"])
    assert [teacher.run, student.run] == [f"{run}-teacher", run]
    for step in (teacher, student):
        assert {f"--data.path={data}", MORE, "--b=2"} <= set(step.options)
    assert teacher.options[0] == f"--data.path={data}"
    assert student.options[:2] == recipes.recipe("sentiment-taught")
    teachers = json.loads(student.options[-1].removeprefix("--teachers="))
    assert teachers == [f"runs/sentiment/{run}-teacher/checkpoints/best.ckpt"]
    teacher, _ = steps_of(data=None, unlabelled="more.csv", run=run, more=[])
    assert teacher.options == [MORE]


def test_without_texts_without_labels_it_says_what_to_do(in_folder, capsys):
    with pytest.raises(SystemExit) as end:
        begin()
    assert end.value.code == 2
    [line] = capsys.readouterr().err.splitlines()
    assert "no texts without labels; name some (UNLABELLED=more.csv)" in line
    assert list(in_folder.iterdir()) == []


def test_it_is_cut_off_between_steps_and_goes_on(started, capsys, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(Classification, "training_step", stop)
        with pytest.raises(SystemExit) as end:
            begin(MORE)
    assert end.value.code == 143
    assert started == ALL[:1]
    capsys.readouterr()
    begin(MORE)
    assert started == [*ALL[:1], *ALL]
    assert all(map(is_done, ALL))
    out = capsys.readouterr().out
    assert "runs/sentiment/best-teacher: was cut off before its first checkpoint" in out
    with pytest.raises(SystemExit) as end:
        begin(MORE)
    assert end.value.code == 2
    assert "runs/sentiment/best exists already" in capsys.readouterr().err
    assert len(started) == 3


def test_a_finished_step_stays_as_it_is(started, capsys, monkeypatch, in_folder):
    learn = Classification.training_step

    def until_taught(self, *args):
        return stop() if self.training_loss.is_taught else learn(self, *args)

    with monkeypatch.context() as patch:
        patch.setattr(Classification, "training_step", until_taught)
        with pytest.raises(SystemExit) as end:
            begin(MORE)
    assert end.value.code == 143
    assert started == ALL
    teacher = in_folder / "runs/sentiment/best-teacher/checkpoints/best.ckpt"
    weights = teacher.read_bytes()
    begin(MORE)
    assert started == [*ALL, "best"]
    assert all(map(is_done, ALL))
    assert teacher.read_bytes() == weights
    assert "runs/sentiment/best-teacher: finished before" in capsys.readouterr().out


def test_a_step_goes_on_from_its_last_checkpoint(started, capsys, monkeypatch, in_folder):
    epochs = []

    def seen(self):
        epochs.append(self.current_epoch)
        if len(epochs) == 2:
            stop()

    monkeypatch.setattr(Classification, "on_train_epoch_start", seen)
    with pytest.raises(SystemExit):
        begin(MORE, epochs=3)
    begin(MORE, epochs=3)
    assert epochs == [0, 1, 1, 2, 0, 1, 2]
    assert started == ["best-teacher", "best-teacher", "best"]
    assert "runs/sentiment/best-teacher: was cut off, goes on from" in capsys.readouterr().out
    names = {folder.name for folder in (in_folder / "runs/sentiment").iterdir()}
    assert names == {*ALL, "latest"}


def test_a_step_that_lacks_its_report_alone_keeps_its_best_checkpoint(started, in_folder):
    begin(MORE)
    report = in_folder / "runs/sentiment/best-teacher/report/report.json"
    best = in_folder / "runs/sentiment/best-teacher/checkpoints/best.ckpt"
    weights = best.read_bytes()
    report.write_text(report.read_text()[:-9])
    (in_folder / "runs/sentiment/best").rename(in_folder / "runs/sentiment/other")
    begin(MORE)
    assert started == ALL * 2
    assert best.read_bytes() == weights
    assert is_done("best-teacher")


def test_two_commands_do_not_make_the_same_runs(started, in_folder, capsys):
    lock = lock_file(in_folder / "runs/sentiment/best")
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(SystemExit) as end:
            begin(MORE)
    assert end.value.code == 2
    assert "another command is at it" in capsys.readouterr().err
    assert started == []
    begin(MORE)


@pytest.mark.slow
def test_steps_are_processes(in_folder, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    write_reviews(in_folder / "reviews.csv", count=20)
    write_reviews(in_folder / "more.csv", count=10)
    begin(MORE)
    assert all(map(is_done, ALL))


@pytest.mark.parametrize("name", ["..", "a/b", "latest"])
def test_names_that_are_none(in_folder, name, capsys):
    with pytest.raises(SystemExit) as end:
        begin(MORE, f"--run={name}")
    assert end.value.code == 2
    assert f"RUN={name}: not a name" in capsys.readouterr().err
    assert list(in_folder.iterdir()) == []


@pytest.mark.parametrize(
    ("end", "code"),
    [("raise SystemExit(7)", 7), ("import os; os.kill(os.getpid(), 9)", 137), ("", None)],
)
def test_exit_codes_are_passed_on(end, code):
    command = [sys.executable, "-c", end]
    if code is None:
        run_process(command)
    else:
        with pytest.raises(SystemExit) as caught:
            run_process(command)
        assert caught.value.code == code


# It waits for a signal, and leaves a file that says which one came.
WAITS = """
import signal, sys, time
def told(number, frame):
    open("told", "w").write(str(number))
    sys.exit(0)
signal.signal(signal.SIGINT, told)
signal.signal(signal.SIGTERM, told)
open("ready", "w").close()
time.sleep(60)
"""
PARENT = f"""
import sys
from pipelines import sentiment_best
from pipelines.processes.signals import ends_on_signals
with ends_on_signals():
    sentiment_best.run_process([sys.executable, "-c", {WAITS!r}])
"""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_step_and_the_command(in_folder, number, code):
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    parent = subprocess.Popen([sys.executable, "-c", PARENT], env=env)
    while not (in_folder / "ready").exists():
        assert parent.poll() is None
        time.sleep(0.01)
    parent.send_signal(number)
    assert parent.wait() == code
    assert (in_folder / "told").read_text() == str(int(number))
