"""Checkpoints: weights, and plain values that describe the model to build for them."""

import os
import pickle
import zipfile
from pathlib import Path
from typing import Any, NamedTuple, NotRequired, TypedDict

import torch
from torch import Tensor

from data.files.errors import InputError
from data.files.folders import why_no_file
from data.files.former_checkpoints import translate_saved
from data.files.plain_values import fits

# Key of a checkpoint under which the description of the model lies, as plain values.
CHECKPOINT_KEY = "manytoone"

# The last record of a ZIP archive without a comment, as PyTorch writes it.
_END, _END_BYTES = b"PK\5\6", 22

#: classes that were moved: path in old checkpoints → path of today
RENAMED: dict[str, str] = {}


class DamagedError(ValueError):
    """A damaged archive, or a file that is no archive."""


class TrainedOn(TypedDict):
    """The training part of a classifier."""

    name: str
    examples: int


class Inputs(TypedDict, total=False):
    """Preparation of inputs; the ``describe`` of a data module adds further keys."""

    classes: list[str]
    tokenizer: str
    contents: Tensor


class Values(TypedDict):
    """Description in a checkpoint; further keys may occur."""

    task: str
    model: NotRequired[dict[str, Any]]
    data: NotRequired[dict[str, Any]]
    inputs: NotRequired[Inputs]
    train_seconds: NotRequired[float]
    temperature: NotRequired[float]
    trained_on: NotRequired[TrainedOn]


class Description(dict[str, Any]):
    """Description of one checkpoint, in which a missing key is an `InputError`.

    Args:
        values: see `Values`.
        where: name of the checkpoint in errors.
    """

    def __init__(self, values: dict[str, Any], *, where: str) -> None:
        super().__init__(values)
        self.where = where

    def __missing__(self, key: str) -> Any:
        raise InputError(f"{self.where}: says nothing of its {key}; give another checkpoint")


class Saved(NamedTuple):
    """A checkpoint of this project."""

    description: dict[str, Any]
    """Keys ``task``, ``model`` and ``data`` (options), and ``inputs`` (their preparation)."""
    weights: dict[str, Tensor]


def read_saved(path: Path | str, *, option: str = "CKPT", task: str | None = None) -> Saved:
    """Read a checkpoint.

    Only tensors and plain values are read (``weights_only``): reading runs no code. The classes
    that the values name are checked by `pipelines.tasks.blueprint`.

    Args:
        path: path of the file.
        option: name of the file in errors.
        task: task that the model must be for; None allows any.

    Raises:
        InputError: no file, a damaged one, no checkpoint of this project, or one of another task.
    """
    where = f"{option}={path}"
    if not os.path.isfile(path):
        raise InputError(
            f"{where}: {why_no_file(Path(path))}; checkpoints lie in runs/<task>/<name>/checkpoints"
        )
    checkpoint = read_tensors(path, where=where)
    if not isinstance(checkpoint, dict) or CHECKPOINT_KEY not in checkpoint:
        raise InputError(f"{where}: not a checkpoint of this project")
    description, weights = checkpoint[CHECKPOINT_KEY], checkpoint.get("state_dict")
    if not fits(description, Values):
        raise InputError(f"{where}: what it says of itself is damaged; give another checkpoint")
    if not (isinstance(weights, dict) and all(map(_is_weight, weights.items()))):
        raise InputError(f"{where}: holds no weights, or damaged ones; give another checkpoint")
    if task is not None and description["task"] != task:
        raise InputError(
            f"{where}: is a model for {description['task']}, not for {task}; give one of runs/{task},"
            f" or use the commands ending in -{description['task']}"
        )
    if RENAMED and "model" in description:
        description = description | {"model": _renamed(description["model"])}
    translate_saved(description, weights)
    return Saved(Description(description, where=where), weights)


def read_tensors(path: Path | str, *, where: str) -> Any:
    """Read a file of `torch.save` after checking that it is complete.

    Raises:
        InputError: a damaged file, or other content than tensors and plain values.
    """
    try:
        check_archive(path)
        return torch.load(path, map_location="cpu", weights_only=True)
    except DamagedError as error:
        reason = str(error)
    except pickle.UnpicklingError:
        # PyTorch's own message advises to load it without the check.
        reason = "it holds more than tensors and plain values, which could run code"
    except Exception:  # damaged content may fail in many ways
        reason = "its content is damaged"
    raise InputError(
        f"{where}: cannot be read as a checkpoint ({reason}); give a .ckpt file that a training run"
        " left"
    )


def check_archive(path: Path | str) -> None:
    """Check that a file of `torch.save` is complete: nothing cut off, added or changed.

    Each record of a ZIP archive carries its CRC-32, which PyTorch writes and does not verify when
    it reads. The check reads 1.5 GB in a second or two.

    Raises:
        DamagedError: a damaged archive, or a file that is none.
    """
    try:
        with open(path, "rb") as file:
            if file.read(4) != b"PK\3\4":
                raise DamagedError("no file of PyTorch's present format")
            file.seek(max(file.seek(0, os.SEEK_END) - _END_BYTES, 0))
            if file.read(4) != _END:
                raise DamagedError("cut off, or something was added at its end")
        with zipfile.ZipFile(path) as archive:
            records = archive.infolist()
            for one in records:
                # A small compressed record could fill the memory.
                if one.compress_type != zipfile.ZIP_STORED or one.file_size != one.compress_size:
                    raise DamagedError(f"its record {one.filename!r} is packed or damaged")
            if len({one.filename for one in records}) != len(records):
                raise DamagedError("a record of it is there twice")
            if min((one.header_offset for one in records), default=0) != 0:
                raise DamagedError("something was added at its beginning")
            damaged = archive.testzip()
    except OSError as error:
        raise DamagedError(error.strerror or "it cannot be read") from error
    except DamagedError:
        raise
    except Exception as error:  # a damaged directory surfaces as many types
        raise DamagedError("its directory is damaged") from error
    if damaged is not None:
        raise DamagedError(f"its record {damaged!r} is not as it was written")


def _is_weight(pair: tuple[Any, Any]) -> bool:
    """Whether a pair is a name and a dense tensor whose storage is as large as its shape says."""
    name, value = pair
    return (
        isinstance(name, str)
        and isinstance(value, Tensor)
        and value.layout == torch.strided
        and value.device.type == "cpu"
        and not value.is_quantized
        and value.numel() * value.element_size() <= value.untyped_storage().nbytes()
    )


def _renamed(values: Any) -> Any:
    """Replace the paths of moved classes by those of today."""
    if isinstance(values, dict):
        return {name: _renamed(value) for name, value in values.items()}
    if isinstance(values, list):
        return [_renamed(value) for value in values]
    return RENAMED.get(values, values) if isinstance(values, str) else values
