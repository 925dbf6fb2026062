"""Every recipe names options that there are, with values that they allow."""

import shutil

import pytest
import yaml
from pytorch_lightning.cli import LightningCLI

from pipelines import recipes
from pipelines.cli.classifiers import ClassifierCLI
from pipelines.tasks.kinds import KINDS
from tests.pipelines.newcomer.test_newcomer import POSES

RECIPES = sorted(recipes.FOLDER.glob("*.yaml"))


@pytest.mark.parametrize("recipe", RECIPES, ids=[recipe.stem for recipe in RECIPES])
def test_it_is_read_as_it_is_written(recipe, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(LightningCLI, "instantiate_classes", lambda self: None)
    kind = next((KINDS[name] for name in KINDS if recipe.stem.startswith(name)), POSES)
    options = [*recipes.recipe(kind.recipe), f"--config={recipe}"]
    config = kind.command_class(kind, options).config.as_dict()
    assert_holds(config, yaml.safe_load(recipe.read_text()))


def assert_holds(config, wanted):
    for name, value in wanted.items():
        if isinstance(value, dict):
            assert_holds(config[name], value)
        elif name != "class_path":
            assert config[name] == value


OLD, NEW = "pipelines/video_pretrained.yaml", "pipelines/recipes/video-pretrained.yaml"


@pytest.fixture
def checkout(in_folder):
    shutil.copytree(recipes.FOLDER, in_folder / "pipelines" / "recipes")
    return in_folder


@pytest.mark.parametrize("options", [[f"--config={OLD}"], ["--config", OLD], ["-c", OLD]])
def test_a_path_of_earlier_versions_is_read_from_its_new_place(
    options, checkout, caplog, monkeypatch
):
    monkeypatch.setattr(LightningCLI, "instantiate_classes", lambda self: None)
    options = [*recipes.recipe("video"), *options, "--run=x"]
    config = ClassifierCLI(KINDS["video"], options).config.as_dict()
    assert_holds(config, yaml.safe_load((checkout / NEW).read_text()))
    told = [message for message in caplog.messages if "recipes" in message]
    assert told == [f"--config={OLD}: recipes have moved; {NEW} is read"]


def test_other_paths_are_taken_as_they_are(checkout, caplog):
    (checkout / "pipelines" / "my_own.yaml").touch()
    (checkout / "pipelines" / "recipes" / "my-own.yaml").touch()
    for path in ("pipelines/my_own.yaml", NEW, "no_such.yaml", "pipelines/no_such.yaml"):
        args = ["--config", path, f"--config={path}", "--run", path, f"--run={path}"]
        assert recipes.in_new_places(args) == args
    assert recipes.in_new_places(["--run", OLD, f"--run={OLD}"]) == ["--run", OLD, f"--run={OLD}"]
    assert caplog.messages == []
