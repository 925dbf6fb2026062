"""Exported folders answer what the checkpoint answers, where no PyTorch is; small runs of each task."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines import sample
from pipelines.export import command
from pipelines.export.answer import load as load_exported
from pipelines.export.code_files import STARTED, libraries_of, modules_below
from pipelines.export.tracing.graphs import operators_of
from pipelines.predict import load
from pipelines.predict.inputs import Item
from pipelines.predict.predictor import Unanswered
from tests.pipelines.saved_models import (
    language_model,
    sentiment_model,
    translation_model,
    write_saved,
)

TEXTS = [
    "a fine lovely film", "a poor dull film", "", "unknown words!", "fine", "<br />", "fine " * 310,
]  # fmt: skip
# What the exported code imports, and what these import of others.
LIBRARIES = [
    "av", "av.libs", "numpy", "numpy.libs", "onnxruntime", "tokenizers", "flatbuffers", "google",
    "packaging",
]  # fmt: skip


def exported(ckpt, name, *options):
    """Export into ``runs/export`` of the working folder."""
    command.main([f"--ckpt={ckpt}", f"--run={name}", *options])
    return Path("runs/export") / name


@pytest.fixture(scope="module")
def libraries(tmp_path_factory):
    """A folder of libraries without PyTorch."""
    folder = tmp_path_factory.mktemp("libraries")
    site = Path(importlib.util.find_spec("numpy").origin).parents[1]
    for name in LIBRARIES:
        if (site / name).exists():
            (folder / name).symlink_to(site / name)
    return folder


def run(libraries, code, *arguments):
    """Run code where only these libraries are."""
    keep = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(
        [sys.executable, "-S", code, *arguments], env=keep | {"PYTHONPATH": str(libraries)},
        capture_output=True, text=True, timeout=100,
    )  # fmt: skip


def answers(libraries, folder, *items):
    found = run(libraries, str(folder / "answer.py"), "--", *items)
    assert found.stderr == ""
    return [json.loads(line) for line in found.stdout.splitlines()], found.returncode


def assert_same_class(model, given, sources):
    """An answer as of the checkpoint for each source, the probabilities within 1e-5."""
    due = [found for found, _ in model.answers(map(Item, sources))]
    assert len(given) == len(due)
    for found, one in zip(given, due, strict=True):
        assert found["source"] == one.source
        if isinstance(one, Unanswered):
            assert found["error"] == one.reason
            continue
        assert found["label"] == one.label
        assert found["steps"] == one.steps
        assert found["probabilities"] == pytest.approx(one.probabilities, abs=1e-5)


def test_a_classifier_of_texts(in_folder, libraries):
    ckpt = in_folder / "runs/sentiment/one/checkpoints/best.ckpt"
    ckpt.parent.mkdir(parents=True)
    report = {"task": "sentiment", "accuracy": 0.75, "num_examples": 8, "split": "test"}
    (ckpt.parents[1] / "report").mkdir()
    (ckpt.parents[1] / "report" / "report.json").write_text(json.dumps(report))
    write_saved(ckpt, model=sentiment_model(pooling="concat", members=2))
    folder = exported(ckpt, "a")
    given, code = answers(libraries, folder, *TEXTS)
    assert code == 1  # a blank one has no answer
    model = load(ckpt)
    assert_same_class(model, given, TEXTS)
    about = json.loads((folder / "model.json").read_text())
    assert about["classes"] == model.classes
    assert about["checks"].keys() == {"model.onnx", "step.onnx"}
    assert len(about["checkpoint_sha256"]) == 64
    readme = (folder / "README.md").read_text()
    assert "accuracy: 0.7500" in readme
    assert "`step.onnx`" in readme
    assert str(in_folder) not in readme + json.dumps(about)
    # The running answer's last is the answer.
    mine = load_exported(folder)
    *_, last = mine.running(TEXTS[0])
    assert last == pytest.approx(mine(TEXTS[0])["probabilities"], abs=1e-5)


@pytest.mark.slow
def test_the_recipes_model_with_weights_of_8_bits(sentiment_run, in_folder, libraries):
    ckpt = sentiment_run / "runs/sentiment/first/checkpoints/best.ckpt"
    folder = exported(ckpt, "small", "--int8")
    about = json.loads((folder / "model.json").read_text())
    assert about["facts"]["report"]["num_examples"] > 0
    assert about["int8"]["validation_examples"] == 8
    assert about["int8"]["accuracy_int8"] >= about["int8"]["accuracy_float32"] - 0.005
    assert operators_of(folder / "model.onnx")["DynamicQuantizeLSTM"] > 0
    given, _ = answers(libraries, folder, *TEXTS)
    assert ["error" in one for one in given] == [not text or text == "<br />" for text in TEXTS]


def test_a_classifier_of_clips(video_run, in_folder, libraries):
    ckpt = video_run / "runs/video/first/checkpoints/best.ckpt"
    folder = exported(ckpt, "a")
    clips = sorted(str(path) for path in (video_run / "clips").rglob("*.mp4"))[::3]
    broken = in_folder / "broken.mp4"
    broken.write_bytes(b"\0" * 100)
    clips.append(str(broken))
    given, code = answers(libraries, folder, *clips)
    assert code == 1
    assert_same_class(load(ckpt), given, clips)


def test_a_translator(in_folder, libraries):
    ckpt = in_folder / "a.ckpt"
    write_saved(ckpt, "translation", model=translation_model(attention="additive", start="each"))
    given, _ = answers(libraries, exported(ckpt, "a"), *TEXTS[:2], TEXTS[3])
    model = load(ckpt)
    for one in given:
        due = model(one["source"])
        assert one["text"] == due.text
        assert one["score"] == pytest.approx(due.score, abs=1e-5)
        assert one["finished"] == due.is_finished


def test_a_language_model(in_folder, libraries, capsys):
    ckpt = in_folder / "a.ckpt"
    write_saved(ckpt, "language", model=language_model())
    folder = exported(ckpt, "a")
    capsys.readouterr()
    found = run(
        libraries, str(folder / "answer.py"), "a fine film", "--length=12", "--temperature=0"
    )
    sample.main([f"--ckpt={ckpt}", "--prompt=a fine film", "--length=12", "--temperature=0"])
    assert json.loads(found.stdout)["text"] == capsys.readouterr().out.removesuffix("\n")


def test_the_code_that_leaves_needs_few_libraries():
    found = libraries_of(modules_below(*STARTED)) - sys.stdlib_module_names
    assert found == {"av", "numpy", "onnxruntime", "tokenizers"}


def test_the_libraries_of_the_test_are_without_pytorch(libraries, tmp_path):
    (tmp_path / "a.py").write_text("import torch")
    assert "No module named 'torch'" in run(libraries, str(tmp_path / "a.py")).stderr


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ([], "CKPT is missing"),
        (["--ckpt=none.ckpt"], "CKPT=none.ckpt: no such file"),
        (["--ckpt=a.ckpt", "--run=../a"], "RUN=../a: not a name for a run"),
        (["--ckpt=text.ckpt"], "CKPT=text.ckpt"),
    ],
)
def test_a_wrong_option_is_one_line(in_folder, capsys, options, line):
    Path("text.ckpt").write_text("no checkpoint")
    write_saved(Path("a.ckpt"))
    with pytest.raises(SystemExit) as ended:
        command.main(options)
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert line in said
    assert said.count("\n") == 1
    assert not Path("runs").exists() or not list(Path("runs").rglob("*.onnx"))


def test_a_folder_that_is_none_is_one_line(libraries, in_folder):
    answer = Path(sys.modules["pipelines.export.answer"].__file__)
    found = run(f"{libraries}{os.pathsep}{answer.parents[2]}", str(answer), str(in_folder), "a")
    assert found.returncode == 2
    assert "holds no model.json" in found.stderr
