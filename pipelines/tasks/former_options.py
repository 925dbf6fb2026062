"""Options of earlier versions, in old YAML, commands and checkpoints, by their names of today."""

import logging
from argparse import SUPPRESS
from typing import Any

from jsonargparse import ArgumentParser, Namespace

from data.files.errors import InputError

log = logging.getLogger(__name__)

#: values of ``model.objective`` that asked for nothing
_NO_OBJECTIVE = {
    "adversarial": 0, "virtual_adversarial": 0, "entropy": 0, "taught": 1, "perturbation": 5,
}  # fmt: skip


def add_former_options(parser: ArgumentParser) -> None:
    """Let a parser take them, without a line in its help."""
    for name, kind in (("model.objective", Any), ("data.ngrams", int | None)):
        parser.add_argument(f"--{name}", type=kind, default=None, help=SUPPRESS)


def translate_options(config: Namespace) -> None:
    """Give parsed options their names of today.

    Raises:
        InputError: one asks for what is gone; the line says what to do instead.
    """
    objective = config.model.pop("objective", None) or {}
    if not isinstance(objective, dict) or {**_NO_OBJECTIVE, **objective} != _NO_OBJECTIVE:
        raise InputError(
            f"--model.objective={objective}: it is no option any more; texts without labels are"
            " learnt by --teachers=[a.ckpt]"
        )
    ngrams = config.data.pop("ngrams", None)
    if ngrams is None:
        return
    log.warning("--data.ngrams=%s is now --model.encoder.ngrams, and is read as that", ngrams)
    encoder = config.model.encoder
    if "ngrams" in encoder.init_args:
        encoder.init_args["ngrams"] = ngrams
    elif ngrams != 1:
        raise InputError(
            f"--data.ngrams={ngrams}: is now --model.encoder.ngrams, which {encoder.class_path}"
            " does not have; give --model.encoder=models.encoders.NgramEmbedding, or leave it out"
        )


def translate_description(description: dict[str, Any]) -> None:
    """Give the options that a checkpoint keeps their names of today.

    The objective is dropped: only training had a use for it.
    """
    model = description.get("model", {})
    model.pop("objective", None)
    ngrams = description.get("data", {}).pop("ngrams", 1)
    encoder = model.get("encoder")
    if ngrams != 1 and isinstance(encoder, dict) and isinstance(encoder.get("init_args"), dict):
        encoder["init_args"].setdefault("ngrams", ngrams)
