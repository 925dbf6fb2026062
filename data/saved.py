"""What training leaves in a file: weights, and plain values that say how to build their model."""

import os
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from data.errors import InputError
from data.folders import why_no_file

# Where a checkpoint keeps what this project needs to build the model again: plain values.
CHECKPOINT_KEY = "manytoone"


class Saved(NamedTuple):
    """A checkpoint of this project."""

    description: dict[str, Any]
    """Its ``task``, the options ``model`` and ``data``, and ``inputs``: how these are made ready."""
    weights: dict[str, Tensor]


def read_saved(path: Path | str, *, option: str = "CKPT", task: str | None = None) -> Saved:
    """Read a checkpoint.

    Only tensors and plain values are read (``weights_only``): a checkpoint cannot run code.

    Args:
        path: the file.
        option: what to call it in an error.
        task: what it must be a model for; None for any.

    Raises:
        InputError: not there, damaged, no checkpoint of this project, or of another task.
    """
    where = f"{option}={path}"
    if not os.path.isfile(path):
        raise InputError(
            f"{where}: {why_no_file(Path(path))}; checkpoints lie in runs/<task>/<name>/checkpoints"
        )
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # damage surfaces as many types
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(
            f"{where}: cannot be read as a checkpoint ({reason}); give a .ckpt file that a training"
            " run left"
        ) from error
    if not isinstance(checkpoint, dict) or CHECKPOINT_KEY not in checkpoint:
        raise InputError(f"{where}: not a checkpoint of this project")
    description = checkpoint[CHECKPOINT_KEY]
    if task is not None and description["task"] != task:
        raise InputError(
            f"{where}: is a model for {description['task']}, not for {task}; give one of runs/{task},"
            f" or use the commands ending in -{description['task']}"
        )
    return Saved(description, checkpoint["state_dict"])
