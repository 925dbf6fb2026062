"""A recipe chosen by the data: one for few examples, another for many."""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from data.batches.data_module import SequenceDataModule
from data.files.errors import InputError
from pipelines.processes.own_rank import is_first_process
from pipelines.recipes import FOLDER, recipe, with_each_config
from pipelines.runs.run_history import read_options
from pipelines.runtime.options import known_options
from pipelines.tasks.kinds import Kind

_NAMES = ("few", "many", "examples_per_class", "taken")


@dataclass
class Choice:
    """Two recipes, of which the data choose one.

    Args:
        few: the recipe for few examples: a file in ``pipelines/recipes``, or the path of one.
        many: the recipe for many.
        examples_per_class: from so many training examples a class on, ``many`` is taken.
        taken: the one that was taken. A run writes it, and none is chosen again where it stands.
    """

    few: str
    many: str
    examples_per_class: int
    taken: str | None = None


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
        # What is typed of the model may not fit the recipe for few.
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
        nonlocal found
        options = read_options(Path(path)) if Path(path).is_file() else {}
        named = options.get("choice") if isinstance(options, dict) else None
        found = found | named if isinstance(named, dict) else found
        return path

    list(with_each_config(list(args), look))
    typed, _ = known_options(list(args), *(f"choice.{name}" for name in _NAMES))
    found |= {name.removeprefix("choice."): value for name, value in typed.items()}
    if not found:
        return None
    try:
        number = int(found["examples_per_class"])
        choice = Choice(**{**found, "examples_per_class": number})
    except (TypeError, ValueError, KeyError) as error:
        raise InputError(
            f"--choice={found}: give few=a.yaml, many=b.yaml and examples_per_class=500"
        ) from error
    if number < 1:
        raise InputError(f"--choice.examples_per_class={number}: 1 or more")
    return choice


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
