"""From a checkpoint back to a language model and its tokenizer."""

from pathlib import Path
from typing import Any

from jsonargparse import ArgumentParser
from tokenizers import Tokenizer

from data.language import LanguageDataModule
from data.saved import read_saved
from pipelines.language_task import LanguageTask

TASK = "language"


def describe_language(config: dict[str, Any], data: LanguageDataModule) -> dict[str, Any]:
    """What a checkpoint keeps beside the weights: plain values.

    Args:
        config: the parsed options ``model`` and ``data``.
        data: knows the tokenizer.
    """
    model = dict(config["model"])
    encoder = dict(model["encoder"])
    encoder["init_args"] = {**(encoder.get("init_args") or {}), "num_tokens": data.num_tokens}
    model |= {"encoder": encoder, "num_tokens": data.num_tokens}
    return {
        "task": TASK,
        "model": model,
        "data": dict(config["data"]),
        "inputs": data.describe(),
    }


def load_language(path: Path) -> LanguageTask:
    """The trained task, in eval mode; ``description`` tells the rest.

    Raises:
        InputError: see `read_saved`.
    """
    description, weights = read_saved(path, task=TASK)
    parser = ArgumentParser(exit_on_error=False)
    parser.add_class_arguments(LanguageTask, "model")
    config = parser.parse_object({"model": description["model"]})
    task: LanguageTask = parser.instantiate(config).model
    task.load_state_dict(weights)
    task.description = description
    return task.eval()


def tokenizer_of(task: LanguageTask) -> Tokenizer:
    """What cuts texts as they were cut for its training."""
    return Tokenizer.from_str(task.description["inputs"]["tokenizer"])
