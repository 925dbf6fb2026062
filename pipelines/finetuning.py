"""Going on from a language model: its weights, what it has read, which layers learn how fast."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from data.errors import InputError
from data.module import SequenceDataModule
from data.saved import Saved, read_saved
from data.tokenizing import content_of
from models.encoders import encoders_of
from models.sequence import ManyToOne

log = logging.getLogger(__name__)

PARTS = ("encoder", "recurrence")


def read_language_model(path: Path | str) -> Saved:
    """What a language model's checkpoint says of itself, and its weights.

    Raises:
        InputError: see `read_saved`.
    """
    return read_saved(path, option="--model.pretrained", task="language")


def same_layers(chosen: dict[str, Any], pretrained: dict[str, Any]) -> dict[str, Any]:
    """The options of an encoder or recurrence as a language model has them.

    What is only at work while training (dropout of any kind) stays as it is chosen.
    """
    sizes = dict(pretrained.get("init_args") or {})
    is_same_class = chosen["class_path"] == pretrained["class_path"]
    kept = {
        name: value
        for name, value in (chosen.get("init_args") or {}).items()
        # An option that only another class has is none of this one.
        if ("dropout" in name or name == "locked") and (is_same_class or name in sizes)
    }
    sizes.pop("num_tokens", None)  # the tokenizer says it
    return {"class_path": pretrained["class_path"], "init_args": {**sizes, **kept}}


def load_layers(model: ManyToOne, weights: dict[str, torch.Tensor], *, where: str) -> None:
    """Give a classifier the encoder and the recurrence of a language model.

    Raises:
        InputError: they are of another shape.
    """
    layers: dict[str, list[Any]] = {
        "encoder": encoders_of(model.encoder),
        "recurrence": [model.recurrence],
    }
    for part in PARTS:
        prefix = f"model.{part}."
        found = {
            name.removeprefix(prefix): value
            for name, value in weights.items()
            if name.startswith(prefix)
        }
        try:
            for module in layers[part]:
                module.load_state_dict(found)
        except RuntimeError as error:
            reason = " ".join(str(error).split())
            raise InputError(f"{where}: its {part} does not fit: {reason}") from error


def texts_read(data: SequenceDataModule, language_model: dict[str, Any]) -> dict[str, int]:
    """How many texts of each part that is measured a language model has learnt from, without labels.

    Args:
        data: the classifier's.
        language_model: what the checkpoint says of itself.
    """
    # A checkpoint made before these were kept does not say.
    contents = set(language_model["inputs"].get("contents", torch.empty(0)).tolist())
    read = {
        name: sum(content_of(text) in contents for text in part.sources())
        for name, part in data.parts.items()
        if name not in ("train", "unlabelled")
    }
    if any(read.values()):
        told = ", ".join(f"{count:,} of the part '{name}'" for name, count in read.items() if count)
        log.warning(
            "The language model has learnt from texts that are measured on, without their labels:"
            " %s. Train it with --data.label_column, and the same seed and shares, to keep them"
            " apart; the report says so too.",
            told,
        )
    return read


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
