"""Loading of a checkpoint: the model, and the data module that prepares its inputs.

Nothing here loads Lightning before a task or its data are asked for.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from torch import nn

from data.files.checkpoint import Saved, read_saved
from data.files.errors import InputError
from models.heads.calibrated import MOST_SLOPE
from models.sequence.classifier import Classifier
from pipelines.runtime.escaping import excerpt
from pipelines.tasks.allowed_classes import RefusedError, Trust
from pipelines.tasks.blueprint import planned, rebuild
from pipelines.tasks.kinds import Kind, classifiers, kind_of

if TYPE_CHECKING:
    from data.batches.data_module import SequenceDataModule
    from pipelines.tasks.classification import Classification
    from pipelines.tasks.task import Task

Model = TypeVar("Model", bound=nn.Module)

#: options of a task that its classifier does not have
ONLY_TRAINING = {
    "class_weights", "gradual_unfreezing", "optimizer", "pretrained", "rate_decay", "schedule",
    "warmup_share",
}  # fmt: skip
#: those that are not even looked at, and what stands in for them where a task is read
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
) -> Classifier:
    """The trained classifier, in eval mode; its ``description`` tells the rest.

    Nothing but the model is made of a checkpoint, of classes that may be used (see
    `pipelines.tasks.allowed_classes`); no file that it names is opened.

    Args:
        path: the file.
        task: what it must be a model for; None for any.
        option: what to call the file in an error.
        trust: files and modules whose classes it may name.

    Raises:
        InputError: see `read_saved` and `rebuild`; a language model, which answers nothing.
    """
    saved = read_saved(path, option=option, task=task)
    return classifier_of(saved, where=f"{option}={path}", trust=trust)


def classifier_of(saved: Saved, *, where: str, trust: str | None) -> Classifier:
    """Rebuild a classifier from the content of its checkpoint; see `load`."""
    classifier = _rebuilt(Classifier, saved, where=where, trust=trust)
    if "inputs" in saved.description:
        with _inputs_told(where):
            reader = kind_of(saved.description["task"]).reader_class.of(saved.description)
            _check_inputs(saved.description, num_tokens=reader.num_tokens)
    classifier.description = saved.description
    return classifier


def load_task(path: Path | str, *, task: str | None = None, trust: str | None = None) -> "Task":
    """Read a model of any kind as a task that Lightning's Trainer tests; see `load`."""
    saved = read_saved(path, task=task)
    return kind_of(saved.description["task"]).rebuild_task(saved, where=f"CKPT={path}", trust=trust)


def classification_of(saved: Saved, *, where: str, trust: str | None) -> "Classification":
    """Rebuild a classifier's task; see `load` for what is refused.

    Args:
        saved: content of its checkpoint.
        where: name of the file in errors.
        trust: files and modules whose classes it may name.
    """
    kind = kind_of(saved.description["task"])
    classification: Classification = _rebuilt(kind.task_class, saved, where=where, trust=trust)
    with _inputs_told(where):
        data = data_module(saved.description)
        saved.description["data"].setdefault("steps_per_batch", data.steps_per_batch)
        _check_inputs(saved.description, num_tokens=data.tokenizer_size)
    classification.description = saved.description
    return classification


def data_module(description: dict[str, Any], **options: Any) -> "SequenceDataModule":
    """The DataModule of a checkpoint's description, with some options changed."""
    kind = kind_of(description["task"]).data_class
    data: SequenceDataModule = kind(
        **{**planned(kind, description["data"], trust=Trust()), **options}
    )
    data.adopt(description["inputs"])
    return data


def _rebuilt(kind: type[Model], saved: Saved, *, where: str, trust: str | None) -> Model:
    description = saved.description
    if description["task"] not in classifiers():
        raise InputError(
            f"{where}: is a model for {excerpt(description['task'])}; give one of"
            f" {' or '.join(f'runs/{name}' for name in classifiers())}"
        )
    values = description["model"]
    members = values.get("members", 1)
    if not isinstance(members, int) or members > len(saved.weights):
        raise InputError(f"{where}: has no weights for {excerpt(members)} members")
    unused = UNUSED
    if kind is Classifier:
        values = {name: values[name] for name in values.keys() - ONLY_TRAINING}
        unused = {}
    model = rebuild(kind, values, saved.weights, where=where, trust=Trust(trust), unused=unused)
    temperature = model.probabilities.temperature.item()  # type: ignore[union-attr,operator]
    if not 0 < temperature < math.inf:
        raise InputError(f"{where}: its temperature is {temperature}; give another checkpoint")
    slope = model.probabilities.slope.item()  # type: ignore[union-attr,operator]
    if not abs(slope) <= MOST_SLOPE:
        raise InputError(
            f"{where}: the slope of its temperature is {slope}, which may be from {-MOST_SLOPE:g} to"
            f" {MOST_SLOPE:g}; give another checkpoint"
        )
    return model


def _check_inputs(description: dict[str, Any], *, num_tokens: int | None) -> None:
    """See that inputs can be made ready for a model as a checkpoint says.

    Args:
        description: the checkpoint's.
        num_tokens: size of its tokenizer; None where steps are no tokens.
    """
    if description["inputs"].get("classes") != description["model"]["classes"]:
        raise RefusedError("its classes are not those of its inputs")
    encoder = description["model"]["encoder"].get("init_args") or {}
    if num_tokens not in (None, encoder.get("num_tokens")):
        raise RefusedError("its tokenizer is not that of its encoder")


@contextmanager
def _inputs_told(where: str) -> Iterator[None]:
    """Whatever is wrong with what a checkpoint says of its inputs is one line."""
    try:
        yield
    except Exception as error:
        if str(error).startswith(where):
            raise
        # Values that do not fit together fail anywhere.
        reason = str(error) if isinstance(error, RefusedError | InputError) else repr(error)
        raise InputError(
            f"{where}: what it says of its inputs cannot be used ({excerpt(reason)}); give another"
            " checkpoint"
        ) from error
