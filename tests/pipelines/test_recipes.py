"""Every recipe names options that there are, with values that they allow."""

from pathlib import Path

import pytest
import yaml
from pytorch_lightning.cli import LightningCLI

from pipelines import cli
from pipelines.cli import ClassifierCLI, defaults
from pipelines.language import LanguageCLI

RECIPES = sorted(Path(cli.__file__).parent.glob("*.yaml"))
MAKERS = {
    "video": lambda args: ClassifierCLI("video", args),
    "sentiment": lambda args: ClassifierCLI("sentiment", args),
    "language": LanguageCLI,
}


@pytest.mark.parametrize("recipe", RECIPES, ids=[recipe.stem for recipe in RECIPES])
def test_it_is_read_as_it_is_written(recipe, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(LightningCLI, "instantiate_classes", lambda self: None)
    task = next(name for name in MAKERS if recipe.stem.startswith(name))
    config = MAKERS[task]([*defaults(task), f"--config={recipe}"]).config.as_dict()
    assert_holds(config, yaml.safe_load(recipe.read_text()))


def assert_holds(config, wanted):
    for name, value in wanted.items():
        if isinstance(value, dict):
            assert_holds(config[name], value)
        elif name != "class_path":
            assert config[name] == value
