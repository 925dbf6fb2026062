"""Going on from a language model: its weights, and which layers learn when and how fast."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from data.errors import InputError
from models.sequence import ManyToOne

# Where a checkpoint keeps what this project needs to build the model again: plain values.
CHECKPOINT_KEY = "manytoone"
PARTS = ("encoder", "recurrence")


def read_language_model(path: Path | str) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    """What a language model's checkpoint says of itself, and its weights.

    Raises:
        InputError: not there, damaged, or no language model.
    """
    where = f"--model.pretrained={path}"
    if not Path(path).is_file():
        raise InputError(
            f"{where}: no such file; train one by `make train-language`, which leaves"
            " runs/language/<name>/checkpoints/best.ckpt"
        )
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
        description, weights = checkpoint[CHECKPOINT_KEY], checkpoint["state_dict"]
    except Exception as error:  # damage surfaces as many types
        raise InputError(
            f"{where}: cannot be read as a checkpoint of this project"
            f" ({type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''})"
        ) from error
    if description["task"] != "language":
        raise InputError(f"{where}: is a model for {description['task']}; give a language model")
    return description, weights


def same_layers(chosen: dict[str, Any], pretrained: dict[str, Any]) -> dict[str, Any]:
    """The options of an encoder or recurrence as a language model has them.

    What is only at work while training (dropout of any kind) stays as it is chosen.
    """
    kept = {
        name: value
        for name, value in (chosen.get("init_args") or {}).items()
        if "dropout" in name or name == "locked"
    }
    return {**pretrained, "init_args": {**(pretrained.get("init_args") or {}), **kept}}


def load_layers(model: ManyToOne, weights: dict[str, torch.Tensor], *, where: str) -> None:
    """Give a classifier the encoder and the recurrence of a language model.

    Raises:
        InputError: they are of another shape.
    """
    for part in PARTS:
        prefix = f"model.{part}."
        found = {
            name.removeprefix(prefix): value
            for name, value in weights.items()
            if name.startswith(prefix)
        }
        try:
            getattr(model, part).load_state_dict(found)
        except RuntimeError as error:
            reason = " ".join(str(error).split())
            raise InputError(f"{where}: its {part} does not fit: {reason}") from error


def layer_groups(members: Sequence[ManyToOne]) -> list[list[nn.Parameter]]:
    """Parameters that are trained, from the input to the answer: encoder, each layer, the rest."""
    first = members[0]
    depth = len(first.recurrence.layers)
    layers: list[list[nn.Module]] = [[first.encoder]]
    layers += [[member.recurrence.layers[k] for member in members] for k in range(depth)]
    groups = [[p for module in layer for p in module.parameters()] for layer in layers]
    known = {id(parameter) for group in groups for parameter in group}
    rest = [p for member in members for p in member.parameters() if id(p) not in known]
    trained = [[p for p in group if p.requires_grad] for group in [*groups, rest]]
    return [group for group in trained if group]
