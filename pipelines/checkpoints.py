"""From a checkpoint back to the task, and to what makes its inputs ready."""

from pathlib import Path
from typing import Any

from jsonargparse import ArgumentParser

from data.errors import InputError
from data.module import SequenceDataModule
from data.saved import read_saved
from data.text import TextDataModule
from data.video import VideoDataModule
from models.pretrained import without_pretrained
from pipelines.classify import SequenceClassifier

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
        "trained_on": {"name": data.origin.name, "examples": len(data.parts["train"])},
    }


def load(path: Path, *, task: str | None = None) -> SequenceClassifier:
    """The trained task, in eval mode; ``description`` tells the rest.

    Raises:
        InputError: see `read_saved`; a language model, which answers nothing.
    """
    description, weights = read_saved(path, task=task)
    if description["task"] not in DATA_MODULES:
        raise InputError(
            f"CKPT={path}: is a model for {description['task']}; give one of"
            f" {' or '.join(f'runs/{name}' for name in DATA_MODULES)}"
        )
    parser = ArgumentParser(exit_on_error=False)
    parser.add_class_arguments(SequenceClassifier, "model")
    config = parser.parse_object({"model": description["model"]})
    # The checkpoint brings the weights: those an encoder began with need not be there any more.
    with without_pretrained():
        classifier: SequenceClassifier = parser.instantiate(config).model
    classifier.load_state_dict(weights)
    classifier.description = description
    classifier.temperature = description.get("temperature", 1.0)
    return classifier.eval()


def data_module(description: dict[str, Any], **options: Any) -> SequenceDataModule:
    """The DataModule of a checkpoint's description, with some options changed."""
    data = DATA_MODULES[description["task"]](**{**description["data"], **options})
    data.adopt(description["inputs"])
    return data
