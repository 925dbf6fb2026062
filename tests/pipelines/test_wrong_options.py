"""Every command refuses what is wrong alike: one line that names the option, exit code 2, no file."""

import importlib
import runpy
import sys

import pytest

from pipelines import sentiment_best
from pipelines.runtime.commands import COMMANDS
from tests import ROOT
from tests.clips import write_classes
from tests.pipelines.conftest import write_reviews

OF_OTHER_TYPE = {
    "video": ("--trainer.max_epochs=many", "a whole number"),
    "sentiment": ("--model.pooling=first", "'last', 'mean', 'max' or 'concat'"),
    "sentiment_best": ("--trainer.max_epochs=many", "a whole number"),
    "language": ("--data.bptt_steps=long", "a whole number"),
    "translation": ("--model.attention=all", "'general', 'additive' or 'none'"),
    "translate": ("--beam=wide", "a whole number"),
    "captions": ("--model.start=end", "'state', 'input', 'both' or 'each'"),
    "caption": ("--num_best=many", "a whole number"),
    "evaluate": ("--split=half", "'train', 'val', 'test', 'all'"),
    "predict": ("--format=xml", "'text', 'json', 'csv' or 'exact-csv'"),
    "engine": ("--items_per_file=many", "a whole number"),
    "sample": ("--length=five", "a whole number"),
    "memory_lab": ("--delays=ten", "a list"),
    "microscope": ("--syntax=verse", "'c', 'script', 'prose' or 'guess'"),
    "doctor": ("--data.limit_seconds=long", "a number"),
}
NO_FILE = {
    "video": "--data.path=missing",
    "sentiment": "--data.path=missing.csv",
    "sentiment_best": "--data.path=missing.csv",
    "language": "--data.path=missing.txt",
    "translation": "--data.path=missing.csv",
    "captions": "--data.path=missing.csv",
    "evaluate": "--data.path=missing.csv",
    "predict": "--input=missing.csv",
    "engine": "--input=missing.csv",
    "compare": "--runs=missing other",
    "microscope": "--input=missing.txt",
    "doctor": "--data.path=missing",
}
NO_CHECKPOINT = {
    **{name: "--ckpt" for name, command in COMMANDS.items() if "CKPT" in command.variables},
    **dict.fromkeys(("video", "sentiment", "language", "translation"), "--ckpt_path"),
    "sentiment_best": "--teachers",
}


def _in_this_process(command, **_):
    importlib.import_module(command[2]).main(command[3:])


@pytest.fixture
def refusal(in_folder, sentiment_run, capfd, monkeypatch):
    """Runs a command that cannot run → the one line that it says."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setattr(sentiment_best, "run_process", _in_this_process)
    checkpoint = sentiment_run / "runs/sentiment/first/checkpoints/best.ckpt"

    def refused(name, *args):
        command = COMMANDS[name]
        if "CKPT" in command.variables and not any(arg.startswith("--ckpt=") for arg in args):
            args = (f"--ckpt={checkpoint}", *args)
        if name == "sentiment_best":
            args = ("--data.unlabelled=more.csv", *args)
        before = set(in_folder.rglob("*"))
        with pytest.raises(SystemExit) as end:
            importlib.import_module(command.module).main([*args])
        assert end.value.code == 2
        assert set(in_folder.rglob("*")) == before
        printed = capfd.readouterr()
        assert printed.out == ""
        lines = [line for line in printed.err.splitlines() if line.startswith("error: ")]
        assert len(lines) == 1, printed.err
        return lines[0].removeprefix("error: ")

    return refused


@pytest.mark.parametrize("name", COMMANDS)
def test_an_option_that_there_is_not(name, refusal):
    said = refusal(name, "--no_such_option=1")
    assert said.startswith("--no_such_option: no such option; ")
    assert said.endswith("--help lists what is allowed")


@pytest.mark.parametrize("name", COMMANDS)
def test_a_shortened_option(name, refusal):
    options = COMMANDS[name].variables.values()
    option = next(f"--{o}" for o in options if o[:-1] not in options)
    assert refusal(name, f"{option[:-1]}=1").startswith(f"{option[:-1]}: no such option; ")


@pytest.mark.parametrize("name", COMMANDS)
def test_a_word_that_is_no_option(name, refusal):
    assert refusal(name, "stray").startswith("stray: no such option; ")


@pytest.mark.parametrize("name", COMMANDS)
def test_an_option_without_its_value(name, refusal):
    for option in list(COMMANDS[name].variables.values())[:2]:
        assert refusal(name, f"--{option}").startswith(f"--{option}: a value is missing")


@pytest.mark.parametrize(("name", "option", "allowed"), [(k, *v) for k, v in OF_OTHER_TYPE.items()])
def test_a_value_of_another_type(name, option, allowed, refusal):
    said = refusal(name, option)
    assert said.startswith(f"{option}: give ")
    assert allowed in said


@pytest.mark.parametrize(("name", "option"), NO_FILE.items())
def test_data_that_are_not_there(name, option, refusal):
    assert "missing" in refusal(name, option)


@pytest.mark.parametrize(("name", "option"), NO_CHECKPOINT.items())
def test_a_checkpoint_that_is_not_there(name, option, refusal, in_folder):
    data = {"video": ["--data.path=clips"], "sentiment": ["--data.path=reviews.csv"]}
    data["language"] = ["--data.path=text.txt"]
    data["translate"], data["caption"] = ["--text=a"], ["--input=a.png"]
    data["watch"] = ["--source=clips/dark/0.mp4"]
    data["engine"] = ["--input=reviews.csv", "--output=out"]
    write_classes(in_folder / "clips", clips_per_class=3)
    write_reviews(in_folder / "reviews.csv", count=20)
    (in_folder / "text.txt").write_text("ROMEO: Who art thou? " * 40)
    said = refusal(name, f"{option}=missing.ckpt", *data.get(name, []))
    assert "missing.ckpt" in said


@pytest.mark.parametrize("name", ["evaluate", "predict"])
def test_a_task_that_there_is_not(name, refusal):
    assert refusal(name, "--task=music").startswith("--task=music: give 'video'")


@pytest.mark.filterwarnings("ignore:.*found in sys.modules:RuntimeWarning")
@pytest.mark.parametrize("name", COMMANDS)
def test_help(name, capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["pipelines", "--help"])
    with pytest.raises(SystemExit) as end:
        runpy.run_module(f"pipelines.{name}", run_name="__main__", alter_sys=True)
    assert end.value.code == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    assert printed.out.startswith(f"usage: python -m pipelines.{name}")
    assert COMMANDS[name].help[1:] in printed.out
    for option in COMMANDS[name].variables.values():
        assert f"--{option}" in printed.out
