"""Fine-tuning of a pretrained language model: weights, overlap of texts, groups of layers."""

import logging
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from data.batches.data_module import SequenceDataModule
from data.files.checkpoint import Saved, read_saved
from data.files.errors import InputError
from models.sequence.language_model import LanguageModel
from models.sequence.many_to_one import ManyToOne
from pipelines.training.finite_weights import refuse_not_finite

log = logging.getLogger(__name__)

PARTS = ("encoder", "recurrence")


def read_language_model(path: Path | str) -> Saved:
    """Read the description and the weights of a language model's checkpoint.

    Raises:
        InputError: see `read_saved`.
    """
    return read_saved(path, option="--model.pretrained", task="language")


def same_layers(chosen: dict[str, Any], pretrained: dict[str, Any]) -> dict[str, Any]:
    """Options of an encoder or recurrence that match a pretrained language model.

    Options that only affect training (dropout of any kind) stay as chosen.
    """
    sizes = dict(pretrained.get("init_args") or {})
    is_same_class = chosen["class_path"] == pretrained["class_path"]
    kept = {
        name: value
        for name, value in (chosen.get("init_args") or {}).items()
        # Leave out an option that the class of the language model lacks.
        if ("dropout" in name or name == "locked") and (is_same_class or name in sizes)
    }
    sizes.pop("num_tokens", None)  # set from the tokenizer
    return {"class_path": pretrained["class_path"], "init_args": {**sizes, **kept}}


def load_layers(model: ManyToOne, weights: dict[str, torch.Tensor], *, where: str) -> None:
    """Load the encoder and the recurrence of a language model into a classifier.

    Raises:
        InputError: the weights have other names or shapes, or are not finite.
    """
    layers: dict[str, list[Any]] = {
        "encoder": model.encoders,
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
        refuse_not_finite(layers[part][0], where=f"{where}: {part}")


def load_decoder(decoder: LanguageModel, weights: dict[str, torch.Tensor], *, where: str) -> None:
    """Load all of a language model into a translator's decoder.

    Raises:
        InputError: the weights have other names or shapes, or are not finite.
    """
    found = {name.removeprefix("model."): value for name, value in weights.items()}
    try:
        decoder.load_state_dict(found)
    except RuntimeError as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{where}: does not fit the decoder: {reason}") from error
    refuse_not_finite(decoder, where=where)


def texts_read(data: SequenceDataModule, other: dict[str, Any], *, who: str) -> dict[str, int]:
    """Count the texts in each evaluated part that another model was trained on.

    Texts that are also in the training part are not counted: the report lists them elsewhere.

    Args:
        data: the data module of the classifier, or of the model that writes: its texts to write.
        other: description in the checkpoint of the other model.
        who: name of the other model in the warning.
    """
    # Older checkpoints do not hold the contents.
    contents = other["inputs"].get("contents", torch.empty(0, dtype=torch.int64)).numpy()
    contents = np.setdiff1d(contents, data.text_contents(data.parts["train"]))
    read = {
        name: int(np.isin(data.text_contents(part), contents).sum())
        for name, part in data.parts.items()
        if name not in ("train", "unlabelled")
    }
    if any(read.values()):
        told = ", ".join(f"{count:,} of the part '{name}'" for name, count in read.items() if count)
        log.warning(
            "%s has learnt from texts that are measured on: %s. Train it with the same seed and"
            " shares (a language model also with --data.label_column), to keep them apart; the"
            " report says so too.",
            who,
            told,
        )
    return read


def read_by_others(
    data: SequenceDataModule,
    language_model: dict[str, Any] | None,
    teachers: dict[str, dict[str, Any]],
) -> dict[str, Any]:
    """Counts for the report: evaluated texts that a language model or teachers were trained on.

    Args:
        data: the data module of the classifier.
        language_model: description in its checkpoint; None where there is none.
        teachers: descriptions in their checkpoints, by path.
    """
    found: dict[str, Any] = {}
    if language_model is not None:
        read = texts_read(data, language_model, who="The language model")
        found["read_by_language_model"] = read
    if teachers:
        found["teachers"] = {
            "checkpoints": list(teachers),
            "read": [texts_read(data, one, who=f"The teacher {p}") for p, one in teachers.items()],
        }
    return found


def contents_learnt(models: Iterable[dict[str, Any]]) -> torch.Tensor:
    """Content keys (n,) int64 of the texts that models were trained on, without duplicates.

    Args:
        models: descriptions in their checkpoints.
    """
    known = [one["inputs"]["contents"] for one in models if "contents" in one["inputs"]]
    return torch.cat([torch.empty(0, dtype=torch.int64), *known]).unique()


def layer_groups(members: Sequence[ManyToOne]) -> list[list[nn.Parameter]]:
    """Trainable parameters in groups from input to output: encoder, each layer, the rest."""
    first = members[0]
    depth = len(first.recurrence.layers)
    layers: list[list[nn.Module]] = [[first.encoder]]
    layers += [[member.recurrence.layers[k] for member in members] for k in range(depth)]
    groups = [[p for module in layer for p in module.parameters()] for layer in layers]
    known = {id(parameter) for group in groups for parameter in group}
    rest = [p for member in members for p in member.parameters() if id(p) not in known]
    trained = [[p for p in group if p.requires_grad] for group in [*groups, rest]]
    return [group for group in trained if group]
