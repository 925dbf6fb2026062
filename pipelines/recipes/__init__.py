"""Recipes: the options of a training command, one YAML file each."""

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

log = logging.getLogger(__name__)

FOLDER = Path(__file__).parent
_OPTIONS = ("--config", "-c")


def recipe(name: str) -> list[str]:
    """The options that read a recipe of this folder."""
    return ["--config", str(FOLDER / f"{name}.yaml")]


def in_new_places(args: list[str]) -> list[str]:
    """The same options; a recipe is read from this folder where its path is that of earlier versions.

    They lay one folder higher, with underscores for hyphens: ``pipelines/video_pretrained.yaml``.
    """
    return list(with_each_config(args, _new_place))


def with_each_config(args: list[str], change: Callable[[str], str]) -> Iterator[str]:
    """Yield the same options, with the path of each YAML file changed."""
    is_path = False
    for arg in args:
        option, equals, path = arg.partition("=")
        if is_path:
            yield change(arg)
        elif equals and option in _OPTIONS:
            yield f"{option}={change(path)}"
        else:
            yield arg
        is_path = not is_path and arg in _OPTIONS


def _new_place(typed: str) -> str:
    path = Path(typed)
    new = path.parent / FOLDER.name / path.name.replace("_", "-")
    if path.exists() or not new.is_file():
        return typed
    log.warning("--config=%s: recipes have moved; %s is read", typed, new)
    return str(new)
