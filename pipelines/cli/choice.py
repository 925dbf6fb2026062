"""A recipe chosen by the data: one for few examples, another for many."""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import torch
import yaml
from pytorch_lightning.cli import LightningArgumentParser

from data.batches.data_module import SequenceDataModule
from data.files.errors import InputError
from pipelines.processes.own_rank import is_first_process
from pipelines.recipes import FOLDER, recipe, with_each_config
from pipelines.runs.run_history import read_options
from pipelines.runtime.escaping import excerpt
from pipelines.runtime.options import add_texts, known_options
from pipelines.tasks.kinds import Kind

_OPTIONS = {
    "few": "a recipe for few examples: a file of pipelines/recipes, or its path",
    "many": "a recipe for many examples",
    "taken": "the one of them that was taken, which a run writes; none is chosen again",
}
_NUMBER = "examples_per_class"


class Choice(NamedTuple):
    """Two recipes, of which the data choose one."""

    few: str
    many: str
    examples_per_class: int
    taken: str | None = None


def add_choice(parser: LightningArgumentParser) -> None:
    """Add the options of a choice, which a recipe names; without them there is none."""
    add_texts(parser, {f"choice.{name}": help for name, help in _OPTIONS.items()})
    parser.add_argument(
        f"--choice.{_NUMBER}",
        type=int | None,
        default=None,
        help="from so many training examples a class on (the mean), the recipe for many is taken",
    )


def with_choice(kind: Kind, args: list[str], parse: Callable[[list[str]], Any]) -> list[str]:
    """Add the recipe that the data choose to options that leave it to them; a line says which, and why.

    Args:
        kind: what is trained.
        args: the defaults of its recipe, then what was typed, which counts more than the choice.
        parse: parses options → all options.

    Raises:
        InputError: a recipe is missing, or the data cannot be read.
    """
    choice = _choice_among(args)
    if choice is None or choice.taken is not None:
        return args
    defaults = recipe(kind.recipe)
    typed = args[len(defaults) :]
    few, many = (_path(option, getattr(choice, option)) for option in ("few", "many"))
    with _untold():
        # Options of the model that were typed may not fit the recipe for few.
        options = parse([*defaults, f"--config={few}", *_of_data(typed)])
        data: SequenceDataModule = kind.data_class(**options.data.as_dict())
        labels, num_classes = torch.as_tensor(data.parts["train"].labels), len(data.classes)
    counts = torch.bincount(labels[labels >= 0], minlength=num_classes)
    total = int(counts.sum())
    is_few = total < choice.examples_per_class * num_classes
    path, taken = (few, choice.few) if is_few else (many, choice.many)
    if is_first_process():
        print(
            f"Recipe: {taken}, since there are {total / num_classes:,.0f} training examples a"
            f" class ({total:,} in {num_classes} classes, from {counts.min():,} to {counts.max():,}),"
            f" {'fewer than' if is_few else 'at least'} {choice.examples_per_class:,}"
        )
    return [*defaults, f"--config={path}", *typed, f"--choice.taken={taken}"]


def _choice_among(args: Sequence[str]) -> Choice | None:
    """The choice that the files of options name, and what was typed of it."""
    found: dict[str, Any] = {}

    def look(path: str) -> str:
        try:
            options = read_options(Path(path))
        except (OSError, UnicodeDecodeError, yaml.YAMLError):
            return path  # the parser says what is wrong with it
        named = options.get("choice") if isinstance(options, dict) else None
        if named is not None and not isinstance(named, dict):
            raise _unfit(named)
        found.update((name, value) for name, value in (named or {}).items() if value is not None)
        return path

    list(with_each_config(list(args), look))
    typed, _ = known_options(list(args), *(f"choice.{name}" for name in (*_OPTIONS, _NUMBER)))
    found.update((name.removeprefix("choice."), value) for name, value in typed.items())
    if not found:
        return None
    try:
        number = int(found[_NUMBER])
        choice = Choice(**{**found, _NUMBER: number})
    except (TypeError, ValueError, KeyError) as error:
        raise _unfit(found) from error
    if number < 1:
        raise InputError(f"--choice.examples_per_class={number}: 1 or more")
    return choice


def _unfit(found: Any) -> InputError:
    return InputError(
        f"--choice={excerpt(found)}: give few=a.yaml, many=b.yaml and examples_per_class=500"
    )


def _of_data(typed: Sequence[str]) -> Iterator[str]:
    """Yield files of options, and what was typed of the data."""
    is_value = False
    for arg in typed:
        name, equals, _ = arg.partition("=")
        is_wanted = name.startswith("--data.") or name in ("--config", "-c")
        if is_value or is_wanted:
            yield arg
        is_value = is_wanted and not is_value and not equals


def _path(option: str, name: str) -> str:
    for path in (FOLDER / name, Path(name)):
        if path.is_file():
            return str(path)
    raise InputError(
        f"--choice.{option}={name}: no such recipe; give a file of pipelines/recipes, or its path"
    )


@contextmanager
def _untold() -> Iterator[None]:
    """Within it, no warning is logged: the data are read again for training, which tells it."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)
