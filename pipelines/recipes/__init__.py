"""Recipes: the options of a training command, one YAML file each."""

import logging
from collections.abc import Iterator
from pathlib import Path

log = logging.getLogger(__name__)

FOLDER = Path(__file__).parent
#: the options that name a YAML file
CONFIG_OPTIONS = ("--config", "-c")


def recipe(name: str) -> list[str]:
    """The options that read a recipe of this folder."""
    return ["--config", str(FOLDER / f"{name}.yaml")]


def in_new_places(args: list[str]) -> list[str]:
    """The same options; a recipe is read from this folder where its path is that of earlier versions.

    They lay one folder higher, with underscores for hyphens: ``pipelines/video_pretrained.yaml``.
    """
    return list(_in_new_places(args))


def _in_new_places(args: list[str]) -> Iterator[str]:
    is_path = False
    for arg in args:
        option, equals, path = arg.partition("=")
        if is_path:
            yield _new_place(arg)
        elif equals and option in CONFIG_OPTIONS:
            yield f"{option}={_new_place(path)}"
        else:
            yield arg
        is_path = not is_path and arg in CONFIG_OPTIONS


def _new_place(typed: str) -> str:
    path = Path(typed)
    new = path.parent / FOLDER.name / path.name.replace("_", "-")
    if path.exists() or not new.is_file():
        return typed
    log.warning("--config=%s: recipes have moved; %s is read", typed, new)
    return str(new)
