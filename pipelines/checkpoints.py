"""From a checkpoint back to the task, and to what makes its inputs ready."""

from pathlib import Path
from typing import Any

import torch
from jsonargparse import ArgumentParser

from data.errors import InputError
from data.module import SequenceDataModule
from data.text import TextDataModule
from data.video import VideoDataModule
from models.pretrained import without_pretrained
from pipelines.classify import CHECKPOINT_KEY, SequenceClassifier

DATA_MODULES: dict[str, type[SequenceDataModule]] = {
    "video": VideoDataModule,
    "sentiment": TextDataModule,
}


def describe(task: str, config: dict[str, Any], data: SequenceDataModule) -> dict[str, Any]:
    """What a checkpoint keeps beside the weights: plain values.

    Args:
        task: ``video`` or ``sentiment``.
        config: the parsed options ``model`` and ``data``.
        data: knows classes and preprocessing.
    """
    model = dict(config["model"])
    model["classes"] = data.classes
    if isinstance(data, TextDataModule):
        encoder = dict(model["encoder"])
        encoder["init_args"] = {**encoder.get("init_args", {}), "num_tokens": data.num_tokens}
        model["encoder"] = encoder
    return {
        "task": task,
        "model": model,
        "data": dict(config["data"]),
        "inputs": data.describe(),
    }


def load(path: Path, *, task: str | None = None) -> SequenceClassifier:
    """The trained task, in eval mode; ``description`` tells the rest.

    Only tensors and plain values are read (``weights_only``): a checkpoint cannot run code.

    Raises:
        InputError: not there, damaged, no checkpoint of this project, or of another task.
    """
    if not path.is_file():
        raise InputError(
            f"CKPT={path}: no such file; checkpoints lie in runs/<task>/<name>/checkpoints"
        )
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # damage surfaces as many types
        raise InputError(
            f"CKPT={path}: cannot be read as a checkpoint ({str(error).splitlines()[0]});"
            " give a .ckpt file that a training run left"
        ) from error
    if not isinstance(checkpoint, dict) or CHECKPOINT_KEY not in checkpoint:
        raise InputError(f"CKPT={path}: not a checkpoint of this project")
    description = checkpoint[CHECKPOINT_KEY]
    if task is not None and description["task"] != task:
        raise InputError(
            f"CKPT={path}: is a model for {description['task']}, not for {task}; use the commands"
            f" ending in -{description['task']}"
        )
    parser = ArgumentParser(exit_on_error=False)
    parser.add_class_arguments(SequenceClassifier, "model")
    config = parser.parse_object({"model": description["model"]})
    # The checkpoint brings the weights: those an encoder began with need not be there any more.
    with without_pretrained():
        classifier: SequenceClassifier = parser.instantiate(config).model
    classifier.load_state_dict(checkpoint["state_dict"])
    classifier.description = description
    return classifier.eval()


def data_module(description: dict[str, Any], **options: Any) -> SequenceDataModule:
    """The DataModule of a checkpoint's description, with some options changed."""
    data = DATA_MODULES[description["task"]](**{**description["data"], **options})
    data.adopt(description["inputs"])
    return data
