"""Loading of a saved model of any kind, to ask it."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from data.files.checkpoint import read_saved
from pipelines.tasks.kinds import kind_of

if TYPE_CHECKING:
    import torch


def load(
    checkpoint: str | Path,
    *,
    task: str | None = None,
    device: "str | torch.device | None" = None,
    num_workers: int | None = None,
    option: str = "CKPT",
    trust: str | None = None,
) -> Any:
    """Load the model of a checkpoint with its classes, vocabulary and preprocessing.

    Args:
        checkpoint: the file.
        task: the task that the model must be for, such as ``video`` or ``sentiment``; None for any.
        device: device of the model; None takes a GPU where there is one.
        num_workers: processes that decode clips; None takes half the cores.
        option, trust: see `checkpoints.load`.

    Returns:
        what answers one item when it is called, and several by ``many``: a `Predictor` of a
        classifier, a `Translator` of a translator.

    Raises:
        InputError: the file is absent, damaged, no checkpoint of this project, or of another task; a
            language model, which answers nothing.
    """
    saved = read_saved(checkpoint, option=option, task=task)
    return kind_of(saved.description["task"]).make_answerer(
        saved,
        where=f"{option}={checkpoint}",
        trust=trust,
        device=device,
        num_workers=num_workers,
    )
