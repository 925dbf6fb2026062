"""A checkpoint from a stranger runs no code, opens no file and ends in one line, in every command."""

import copy
import os
import pickle
import sys
import tarfile
import zipfile

import pytest
import torch

from data.files.checkpoint import CHECKPOINT_KEY
from pipelines import evaluate, sample
from pipelines.cli.training import train
from pipelines.microscope import command as microscope
from pipelines.predict import command as predict
from tests.pipelines.conftest import SENTIMENT, write_reviews
from tests.pipelines.saved_models import (
    OPTIMIZER,
    language_model,
    part,
    sentiment_model,
    write_saved,
)

QUIET = ["--trainer.enable_progress_bar=false", "--trainer.max_epochs=1"]


def hostile(marker):
    """Values that a stranger may write in place of a class; each would leave a file behind."""
    code = f"open({str(marker)!r}, 'w')"
    command = f"touch {marker}"
    return {
        "os.system": {"class_path": "os.system", "init_args": {"command": command}},
        "posix": {"class_path": "posix.system", "init_args": {"command": command}},
        "subprocess": {"class_path": "subprocess.Popen", "init_args": {"args": ["touch", str(marker)]}},
        "exec": {"class_path": "builtins.exec", "init_args": {"source": code}},
        "eval": {"class_path": "builtins.eval", "dict_kwargs": {"source": code}},
        "partial": {"class_path": "functools.partial", "init_args": {"func": "os.system"}},
        "hub": {"class_path": "torch.hub.load", "init_args": {"repo_or_dir": "a/b", "model": "c"}},
        "ours": {
            "class_path": "data.files.atomic_write.write_whole",
            "init_args": {"path": str(marker), "content": "x"},
        },
        "through a module of ours": {
            "class_path": "models.recurrence.recurrences.torch.serialization.os.system",
            "init_args": {"command": command},
        },
        "function of models": {"class_path": "models.encoders.efficientnet_lite.read_weights"},
        "another contract": {"class_path": "models.heads.softmax.Softmax", "init_args": {}},
        "base class": {"class_path": "torch.nn.Linear", "init_args": {"out_features": 3}},
        "string": "os.system",
        "no class": {"command": command},
        "list": [{"class_path": "os.system", "init_args": {"command": command}}],
        "lambda": f"lambda *_: {code}",
        "trap": {"class_path": "trap.Trap"},
        "control": {"class_path": "a\x1b[31m.b", "init_args": {}},
    }  # fmt: skip


PLACES = {
    "encoder": ("encoder",),
    "recurrence": ("recurrence",),
    "inputs": ("inputs",),
    "cell": ("recurrence", "init_args", "cell"),
    "number": ("recurrence", "init_args", "hidden_size"),
    "in encoder": ("encoder", "init_args", "features"),
    "pooling": ("pooling",),
    "dropout": ("dropout",),
    "classes": ("classes",),
}


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "trap.py").write_text("open('marker', 'w')\nclass Trap: pass\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    write_reviews(tmp_path / "reviews.csv")
    (tmp_path / "more.csv").write_text("text\na fine film\n")
    (tmp_path / "text.txt").write_text("a fine film. a poor film.\n" * 60)
    yield tmp_path
    sys.modules.pop("trap", None)


def refused(command, capsys, says=""):
    """A command ends in one line, with exit code 2, and left nothing behind."""
    with pytest.raises(SystemExit) as caught:
        command()
    assert caught.value.code == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if "error" in line]
    assert len(lines) == 1
    assert says in lines[0]
    assert "weights_only" not in lines[0]
    assert "\x1b" not in lines[0]
    assert not os.path.exists("marker")
    assert not os.path.exists("runs")


def with_value(path, value):
    def change(checkpoint):
        *place, last = path
        values = checkpoint[CHECKPOINT_KEY]["model"]
        for name in place:
            values = values[name]
        values[last] = value

    return change


@pytest.mark.parametrize("where", PLACES)
def test_no_place_of_a_model_runs_code(place, capsys, where):
    for value in hostile(place / "marker").values():
        recurrence = part("Unrolled", hidden_size=3, cell="models.recurrence.cells.GRUCell")
        model = sentiment_model(recurrence=recurrence)
        write_saved(place / "a.ckpt", model=model, change=with_value(PLACES[where], value))
        refused(
            lambda: predict.main(["--ckpt=a.ckpt", "--text=a fine film"]), capsys, "CKPT=a.ckpt"
        )


COMMANDS = {
    "predict": lambda: predict.main(["--ckpt=a.ckpt", "--text=a fine film"]),
    "evaluate": lambda: evaluate.main(["--ckpt=a.ckpt", "--data.path=reviews.csv"]),
    "microscope": lambda: microscope.main(["--ckpt=a.ckpt", "--text=a fine film and more"]),
    "teachers": lambda: train(
        "sentiment",
        [*SENTIMENT, *QUIET, "--data.path=reviews.csv", "--data.unlabelled=more.csv",
         "--teachers=[a.ckpt]"],
    ),
    "resume": lambda: train("sentiment", [*SENTIMENT, "--data.path=reviews.csv", "--ckpt_path=a.ckpt"]),
    "tokenizer": lambda: train(
        "sentiment", [*SENTIMENT, "--data.path=reviews.csv", "--data.tokenizer_from=a.ckpt"]
    ),
}  # fmt: skip
LANGUAGE_COMMANDS = {
    "sample": lambda: sample.main(["--ckpt=a.ckpt", "--prompt=a", "--length=3"]),
    "microscope": lambda: microscope.main(["--ckpt=a.ckpt", "--text=a fine film and more"]),
    "pretrained": lambda: train(
        "sentiment", [*SENTIMENT, *QUIET, "--data.path=reviews.csv", "--model.pretrained=a.ckpt"]
    ),
    "resume": lambda: train("language", [*QUIET, "--data.path=text.txt", "--ckpt_path=a.ckpt"]),
}


# (What takes a tokenizer reads nothing else of the file.)
@pytest.mark.parametrize("command", sorted(COMMANDS.keys() - {"tokenizer"}))
def test_no_command_runs_code_of_a_classifier(place, capsys, command):
    for name in ("os.system", "ours", "trap"):
        change = with_value(("recurrence",), hostile(place / "marker")[name])
        write_saved(place / "a.ckpt", change=change)
        refused(COMMANDS[command], capsys, "=a.ckpt")


@pytest.mark.parametrize("command", LANGUAGE_COMMANDS)
def test_no_command_runs_code_of_a_language_model(place, capsys, command):
    for name in ("os.system", "ours", "trap", "string"):
        for where in ("encoder", "recurrence"):
            change = with_value((where,), hostile(place / "marker")[name])
            write_saved(place / "a.ckpt", "language", model=language_model(), change=change)
            refused(LANGUAGE_COMMANDS[command], capsys, "=a.ckpt")


def test_an_optimiser_is_not_looked_at(place, capsys):
    """Whoever wants answers needs none."""
    answers = []
    for value in [OPTIMIZER, *hostile(place / "marker").values()]:
        for option in ("optimizer", "objective"):
            write_saved(place / "a.ckpt", change=with_value((option,), copy.deepcopy(value)))
            predict.main(["--ckpt=a.ckpt", "--text=a fine film"])
            answers.append(capsys.readouterr().out)
    assert len(set(answers)) == 1
    assert not (place / "marker").exists()


def test_options_of_the_data_run_nothing_either(place, capsys):
    for kind in ("os.system", "exec", "list"):
        for name in ("path", "tokenizer_from", "max_tokens", "no_such"):
            data = {"steps_per_batch": 200, name: hostile(place / "marker")[kind]}
            write_saved(place / "a.ckpt", data=data)
            refused(COMMANDS["evaluate"], capsys, "CKPT=a.ckpt")
            if name in ("path", "max_tokens"):
                refused(COMMANDS["predict"], capsys, "CKPT=a.ckpt")
            else:  # only training asks for it
                COMMANDS["predict"]()
            assert not (place / "marker").exists()


def test_no_file_that_a_checkpoint_names_is_opened(place, capsys):
    os.mkfifo("pipe")  # whoever opens it waits for ever
    data = {
        "steps_per_batch": 200,
        "path": "pipe",
        "tokenizer_from": "pipe",
        "vectors": "pipe",
        "unlabelled": "pipe",
    }
    write_saved(place / "a.ckpt", model=sentiment_model(pretrained="pipe"), data=data)
    predict.main(["--ckpt=a.ckpt", "--text=a fine film"])
    assert "a fine film" in capsys.readouterr().out


def test_a_language_model_that_reads_frames_is_none(place, capsys):
    """It would fetch weights as soon as a classifier goes on from it."""
    encoder = part("SmallCNN", features=4, width=8)
    write_saved(place / "a.ckpt", "language", model=language_model(encoder=encoder))
    refused(LANGUAGE_COMMANDS["pretrained"], capsys, "not that of its encoder")


# Files that are no checkpoints, or not any more.


class Bomb:
    def __reduce__(self):
        return os.system, ("touch marker",)


def write_pickle(path):
    path.write_bytes(pickle.dumps({"state_dict": {}, CHECKPOINT_KEY: Bomb()}))


def write_bomb(path):
    torch.save({"state_dict": {}, CHECKPOINT_KEY: Bomb()}, path)


def write_old_format(path):
    torch.save({"state_dict": {}}, path, _use_new_zipfile_serialization=False)


def write_script(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps({}))
        archive.writestr("archive/constants.pkl", pickle.dumps(()))
        archive.writestr("archive/version", "3\n")
        archive.writestr("archive/code/__torch__.py", "print(1)")


def write_tar(path):
    with tarfile.open(path, "w") as archive:
        archive.add("reviews.csv")


def write_packed(path):
    write_saved(path)
    with zipfile.ZipFile(path) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in content.items():
            archive.writestr(name, data)


FILES = {
    "pickle": write_pickle,
    "bomb": write_bomb,
    "old format": write_old_format,
    "script": write_script,
    "tar": write_tar,
    "packed": write_packed,
    "empty": lambda path: path.write_bytes(b""),
    "short": lambda path: path.write_bytes(b"PK\3\4"),
    "text": lambda path: path.write_text("version https://git-lfs.github.com/spec/v1\n"),
    "list": lambda path: torch.save([1, 2], path),
}


@pytest.mark.parametrize("command", [*COMMANDS, "sample", "pretrained"])
def test_no_command_reads_what_is_no_checkpoint(place, capsys, command):
    run = COMMANDS.get(command) or LANGUAGE_COMMANDS[command]
    for write in FILES.values():
        write(place / "a.ckpt")
        refused(run, capsys, "=a.ckpt: ")


def test_a_run_is_gone_on_with_only_from_one_of_its_kind(place, capsys):
    run = COMMANDS["resume"]
    write_saved(place / "a.ckpt", "language", model=language_model())
    refused(run, capsys, "is a model for language, not for sentiment")
    write_saved(place / "a.ckpt")
    refused(run, capsys, "the data have changed since it was written (other vocabulary)")
    refused(
        lambda: train("sentiment", [*SENTIMENT, "--data.path=reviews.csv", "--ckpt_path=last"]),
        capsys,
        "--ckpt_path=last: no such file",
    )
