"""A recipe that the data choose: which, what is said, what counts more, what a run keeps of it."""

import shutil
from pathlib import Path

import pytest
import yaml

from pipelines import recipes
from pipelines.cli.training import train
from tests.clips import write_classes

AUTO = recipes.FOLDER / "video-auto.yaml"
TINY = [
    "--data.path=clips", "--data.steps_per_batch=60", "--trainer.max_epochs=1",
    "--trainer.enable_progress_bar=false",
]  # fmt: skip
FEW = {"model": {"pooling": "max"}, "data": {"size_px": 16, "val_share": 0.2}}
MANY = {"model": {"pooling": "mean", "dropout": 0.4}, "data": {"size_px": 16}}
SMALL = {"encoder": {"class_path": "SmallCNN", "init_args": {"features": 8, "width": 8}}}


@pytest.fixture
def clips(tmp_path, monkeypatch):
    """Twelve clips of two classes, of which 8 to 10 are trained on, and recipes to choose from."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MANYTOONE_CACHE", str(tmp_path / "cache"))
    for name, options in (("few", FEW), ("many", MANY)):
        options = {**options, "model": {**options["model"], **SMALL}}
        Path(f"{name}.yaml").write_text(yaml.safe_dump(options))
    choice = {"few": "few.yaml", "many": "many.yaml", "examples_per_class": 5}
    Path("auto.yaml").write_text(yaml.safe_dump({"choice": choice}))
    return write_classes(tmp_path / "clips")


def options_of(run):
    return yaml.safe_load(Path(f"runs/video/{run}/config.yaml").read_text())


def test_few_and_many(clips, capsys):
    train("video", ["--config=auto.yaml", *TINY, "--run=few"])
    assert "Recipe: few.yaml, since there are 4 training examples a class (8 in 2 classes" in (
        capsys.readouterr().out
    )
    kept = options_of("few")
    assert (kept["model"]["pooling"], kept["choice"]["taken"]) == ("max", "few.yaml")
    # Typed options count more than those of the recipe that is taken, and than its threshold.
    typed = ["--model.dropout=0.1", "--choice.examples_per_class=4", "--run=many"]
    train("video", ["--config", "auto.yaml", *TINY, *typed])
    out = capsys.readouterr().out
    assert "Recipe: many.yaml, since there are 4 training examples a class" in out
    assert out.count("Recipe:") == 1
    assert ", at least 4\n" in out
    kept = options_of("many")
    assert (kept["model"]["pooling"], kept["model"]["dropout"]) == ("mean", 0.1)
    assert kept["choice"]["taken"] == "many.yaml"


def test_a_run_that_goes_on_chooses_nothing_again(clips, capsys):
    train("video", ["--config=auto.yaml", *TINY, "--run=first"])
    before = options_of("first")
    shutil.rmtree("runs/video/first/report")
    Path("few.yaml").unlink()
    capsys.readouterr()
    train("video", ["--run=first", "--resume=true", "--trainer.max_epochs=2"])
    assert "Recipe:" not in capsys.readouterr().out
    after = options_of("first")
    assert after["model"] == before["model"]
    assert after["choice"] == before["choice"]


@pytest.mark.parametrize(
    ("choice", "says"),
    [
        ({"few": "none.yaml"}, "--choice.few=none.yaml: no such recipe"),
        ({"examples_per_class": 0}, "--choice.examples_per_class=0: 1 or more"),
        ({"examples_per_class": "some"}, "give few=a.yaml, many=b.yaml and examples_per_class"),
        ({"most": 3}, "give few=a.yaml, many=b.yaml and examples_per_class"),
    ],
)
def test_a_choice_that_cannot_be_made(clips, capsys, choice, says):
    named = yaml.safe_load(Path("auto.yaml").read_text())["choice"]
    Path("auto.yaml").write_text(yaml.safe_dump({"choice": named | choice}))
    with pytest.raises(SystemExit) as left:
        train("video", ["--config=auto.yaml", *TINY, "--run=a"])
    assert left.value.code == 2
    error = capsys.readouterr().err
    assert says in error
    assert len(error.splitlines()) == 1
    assert not Path("runs").exists()


def test_data_that_are_missing_are_one_line(clips, capsys):
    with pytest.raises(SystemExit) as left:
        train("video", ["--config=auto.yaml", "--data.path=none", "--run=a"])
    assert left.value.code == 2
    assert capsys.readouterr().err.startswith("error: none: ")


def test_the_recipe_for_real_clips_names_two_that_there_are():
    choice = yaml.safe_load(AUTO.read_text())["choice"]
    for name in ("few", "many"):
        assert (recipes.FOLDER / choice[name]).is_file()


@pytest.mark.parametrize("content", [b"choice: [", b"\xff\xfe", b"choice: 3"])
def test_a_file_that_is_no_recipe_is_one_line(clips, capsys, content):
    Path("auto.yaml").write_bytes(content)
    with pytest.raises(SystemExit) as left:
        train("video", ["--config=auto.yaml", *TINY, "--run=a"])
    assert left.value.code == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
