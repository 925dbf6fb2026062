"""From a checkpoint back to the task, and to what makes its inputs ready."""

import math
from pathlib import Path
from typing import Any

from data.batches.data_module import SequenceDataModule
from data.decoding.decode import Reading
from data.files.checkpoint import read_saved
from data.files.errors import InputError
from data.text.data_module import TextDataModule
from data.video.data_module import VideoDataModule
from pipelines.runtime.escaping import excerpt
from pipelines.tasks.allowed_classes import RefusedError, Trust
from pipelines.tasks.blueprint import planned, rebuild
from pipelines.tasks.classification import SequenceClassifier
from pipelines.training.objective import MixedObjective

DATA_MODULES: dict[str, type[SequenceDataModule]] = {
    "video": VideoDataModule,
    "sentiment": TextDataModule,
}

#: options that only training needs, and what stands in for them where a model is read
UNUSED: dict[str, Any] = {"optimizer": None, "objective": MixedObjective(), "pretrained": None}


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


def load(
    path: Path | str, *, task: str | None = None, option: str = "CKPT", trust: str | None = None
) -> SequenceClassifier:
    """The trained task, in eval mode; ``description`` tells the rest.

    Nothing but the model and its inputs is made of a checkpoint, of classes that may be used (see
    `pipelines.tasks.allowed_classes`); no file that it names is opened.

    Args:
        path: the file.
        task: what it must be a model for; None for any.
        option: what to call the file in an error.
        trust: files and modules whose classes it may name.

    Raises:
        InputError: see `read_saved` and `rebuild`; a language model, which answers nothing.
    """
    saved, where = read_saved(path, option=option, task=task), f"{option}={path}"
    description = saved.description
    if description["task"] not in DATA_MODULES:
        raise InputError(
            f"{where}: is a model for {excerpt(description['task'])}; give one of"
            f" {' or '.join(f'runs/{name}' for name in DATA_MODULES)}"
        )
    _rename_options(description)
    members = description.get("model", {}).get("members", 1)
    if not isinstance(members, int) or members > len(saved.weights):
        raise InputError(f"{where}: has no weights for {excerpt(members)} members")
    classifier = rebuild(SequenceClassifier, saved, where=where, trust=Trust(trust), unused=UNUSED)
    temperature = description.get("temperature", 1.0)
    if not (math.isfinite(temperature) and temperature > 0):
        raise InputError(f"{where}: its temperature is {temperature}; give another checkpoint")
    if "inputs" in description:
        _check_inputs(description, classifier, where=where)
    classifier.description = description
    classifier.temperature = temperature
    return classifier


def _rename_options(description: dict[str, Any]) -> None:
    """Give options of an older version their names of today: ``data.ngrams`` is the encoder's."""
    ngrams = description.get("data", {}).pop("ngrams", 1)
    encoder = description.get("model", {}).get("encoder")
    if ngrams != 1 and isinstance(encoder, dict) and isinstance(encoder.get("init_args"), dict):
        encoder["init_args"].setdefault("ngrams", ngrams)


def _check_inputs(
    description: dict[str, Any], classifier: SequenceClassifier, *, where: str
) -> None:
    """See that inputs can be made ready for a model as a checkpoint says."""
    inputs, options = description["inputs"], description["data"]
    try:
        data = data_module(description)
        options.setdefault("steps_per_batch", data.steps_per_batch)
        if data.known_classes != classifier.classes:
            raise RefusedError("its classes are not those of its inputs")
        if isinstance(data, VideoDataModule):
            # The options of a reading are options of the data: these tell what cannot be.
            reading = {name: inputs[name] for name in inputs.keys() & set(Reading._fields)}
            VideoDataModule(**planned(VideoDataModule, reading, trust=Trust()))
        if isinstance(data, TextDataModule):
            encoder = description["model"]["encoder"]["init_args"]
            assert data.tokenizer is not None
            if encoder["num_tokens"] != data.tokenizer.get_vocab_size():
                raise RefusedError("its tokenizer is not that of its encoder")
    except Exception as error:  # values that do not fit together fail anywhere
        reason = str(error) if isinstance(error, RefusedError | InputError) else repr(error)
        raise InputError(
            f"{where}: what it says of its inputs cannot be used ({excerpt(reason)}); give another"
            " checkpoint"
        ) from error


def data_module(description: dict[str, Any], **options: Any) -> SequenceDataModule:
    """The DataModule of a checkpoint's description, with some options changed."""
    kind = DATA_MODULES[description["task"]]
    data = kind(**{**planned(kind, description["data"], trust=Trust()), **options})
    data.adopt(description["inputs"])
    return data
