"""Loading of a checkpoint: the task, and the data module that prepares its inputs."""

import math
from copy import deepcopy
from pathlib import Path
from typing import Any

from data.batches.data_module import SequenceDataModule
from data.files.checkpoint import read_saved
from data.files.errors import InputError
from pipelines.runtime.escaping import excerpt
from pipelines.tasks.allowed_classes import RefusedError, Trust
from pipelines.tasks.blueprint import planned, rebuild
from pipelines.tasks.classification import Classification
from pipelines.tasks.kinds import Kind, classifiers, kind_of

#: options that only training needs, and what stands in for them where a model is read
UNUSED: dict[str, Any] = {"optimizer": None, "pretrained": None}


def describe(kind: Kind, config: dict[str, Any], data: Any) -> dict[str, Any]:
    """Describe a model for its checkpoint, in plain values beside the weights.

    Args:
        kind: what is trained.
        config: the parsed options ``model`` and ``data``.
        data: the data module; it knows classes and preprocessing.
    """
    options = {"model": deepcopy(config["model"])}
    for name, targets in data.linked.items():
        for target in targets:
            *path, last = target.split(".")
            place: dict[str, Any] = options
            for step in path:
                place[step] = place.get(step) or {}
                place = place[step]
            place[last] = getattr(data, name)
    return {
        "task": kind.name,
        **options,
        "data": dict(config["data"]),
        "inputs": data.describe(),
        **data.describe_source(),
    }


def load(
    path: Path | str, *, task: str | None = None, option: str = "CKPT", trust: str | None = None
) -> Classification:
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
    if description["task"] not in classifiers():
        raise InputError(
            f"{where}: is a model for {excerpt(description['task'])}; give one of"
            f" {' or '.join(f'runs/{name}' for name in classifiers())}"
        )
    members = description.get("model", {}).get("members", 1)
    if not isinstance(members, int) or members > len(saved.weights):
        raise InputError(f"{where}: has no weights for {excerpt(members)} members")
    classifier = rebuild(Classification, saved, where=where, trust=Trust(trust), unused=UNUSED)
    temperature = description.get("temperature", 1.0)
    if not (math.isfinite(temperature) and temperature > 0):
        raise InputError(f"{where}: its temperature is {temperature}; give another checkpoint")
    if "inputs" in description:
        _check_inputs(description, classifier, where=where)
    classifier.description = description
    classifier.temperature = temperature
    return classifier


def _check_inputs(description: dict[str, Any], classifier: Classification, *, where: str) -> None:
    """See that inputs can be made ready for a model as a checkpoint says."""
    inputs, options = description["inputs"], description["data"]
    try:
        data = data_module(description)
        options.setdefault("steps_per_batch", data.steps_per_batch)
        if data.known_classes != classifier.classes:
            raise RefusedError("its classes are not those of its inputs")
        # Values that describe preprocessing are options of the data, whose annotations check them.
        told = {name: inputs[name] for name in inputs.keys() & set(data.described_options)}
        kind = type(data)
        kind(**planned(kind, told, trust=Trust()))
        encoder = description["model"]["encoder"].get("init_args") or {}
        if data.tokenizer_size not in (None, encoder.get("num_tokens")):
            raise RefusedError("its tokenizer is not that of its encoder")
    except Exception as error:  # values that do not fit together fail anywhere
        reason = str(error) if isinstance(error, RefusedError | InputError) else repr(error)
        raise InputError(
            f"{where}: what it says of its inputs cannot be used ({excerpt(reason)}); give another"
            " checkpoint"
        ) from error


def data_module(description: dict[str, Any], **options: Any) -> SequenceDataModule:
    """The DataModule of a checkpoint's description, with some options changed."""
    kind = kind_of(description["task"]).data_class
    data: SequenceDataModule = kind(
        **{**planned(kind, description["data"], trust=Trust()), **options}
    )
    data.adopt(description["inputs"])
    return data
