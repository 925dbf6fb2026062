"""Options of earlier versions, in old YAML and commands, by their names of today."""

import inspect
import json
import logging
from argparse import SUPPRESS
from pathlib import Path
from typing import Any

import yaml
from jsonargparse import ArgumentParser, Namespace

from data.files.errors import InputError
from pipelines.recipes import with_each_config

log = logging.getLogger(__name__)

#: options that are gone: name → type, the value that asked for nothing, and what to do instead
_GONE: dict[str, tuple[Any, Any, str]] = {
    "model.objective": (
        Any,
        {"adversarial": 0, "virtual_adversarial": 0, "entropy": 0, "taught": 1, "perturbation": 5},
        "texts without labels are learnt by --teachers=[a.ckpt]",
    ),
    "model.label_smoothing": (float, 0, "leave it out; answers are calibrated after training"),
    "data.balance": (bool, False, "--model.class_weights=balanced lets classes count alike"),
}  # fmt: skip
_NGRAMS = "data.ngrams"


def add_former_options(parser: ArgumentParser, task: type) -> None:
    """Let a parser take them, without a line in its help; not those that a task has of its own."""
    kinds = {_NGRAMS: int | None} | {name: kind for name, (kind, _, _) in _gone_of(task).items()}
    for name, kind in kinds.items():
        parser.add_argument(f"--{name}", type=kind, default=None, help=SUPPRESS)


def without_former_parts(args: list[str]) -> list[str]:
    """The same options; of YAML files those of the encoder that are gone are left out.

    The parser knows only the options that a class has, so these have to go before it looks.

    Raises:
        InputError: one asks for what is gone.
    """
    return list(with_each_config(args, _without_normalize))


def _without_normalize(path: str) -> str:
    """The path, or the options themselves where one was left out."""
    try:
        config = yaml.safe_load(Path(path).read_text())
        value = config["model"]["encoder"]["init_args"].pop("normalize")
    except (
        OSError,
        ValueError,
        LookupError,
        TypeError,
        AttributeError,
        RecursionError,
        yaml.YAMLError,
    ):
        return path  # the parser says what is wrong, if anything is
    if value:
        raise InputError(
            f"--config={path}: model.encoder.normalize={value}: it is no option any more; leave it out"
        )
    return json.dumps(config)


def _gone_of(task: type) -> dict[str, tuple[Any, Any, str]]:
    own = {f"model.{name}" for name in inspect.signature(task).parameters}
    return {name: entry for name, entry in _GONE.items() if name not in own}


def translate_options(config: Namespace, task: type) -> None:
    """Give parsed options of a task their names of today.

    Raises:
        InputError: one asks for what is gone; the line says what to do instead.
    """
    for name, (_, nothing, instead) in _gone_of(task).items():
        value = config.pop(name, None)
        asked = (
            {**nothing, **value} if isinstance(value, dict) and isinstance(nothing, dict) else value
        )
        if asked not in (None, nothing):
            raise InputError(f"--{name}={value}: it is no option any more; {instead}")
    ngrams = config.pop(_NGRAMS, None)
    if ngrams is None:
        return
    log.warning("--%s=%s is now --model.encoder.ngrams, and is read as that", _NGRAMS, ngrams)
    encoder = config.model.encoder
    if "ngrams" in encoder.init_args:
        encoder.init_args["ngrams"] = ngrams
    elif ngrams != 1:
        raise InputError(
            f"--{_NGRAMS}={ngrams}: is now --model.encoder.ngrams, which {encoder.class_path}"
            " does not have; give --model.encoder=models.encoders.NgramEmbedding, or leave it out"
        )
