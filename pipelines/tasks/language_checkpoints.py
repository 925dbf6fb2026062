"""Loading of a language model and its tokenizer from a checkpoint."""

from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from data.files.checkpoint import read_saved
from data.files.errors import InputError
from models.encoders.frames import FrameEncoder
from pipelines.tasks.allowed_classes import Trust
from pipelines.tasks.blueprint import rebuild
from pipelines.tasks.next_token import NextToken

TASK = "language"

#: options that only training needs, and what stands in for them where a model is read
UNUSED: dict[str, Any] = {"optimizer": None}


def load_language(path: Path | str, *, option: str = "CKPT", trust: str | None = None) -> NextToken:
    """The trained task, in eval mode; ``description`` tells the rest.

    Args:
        path: the file.
        option: what to call the file in an error.
        trust: files and modules whose classes it may name (see `pipelines.tasks.allowed_classes`).

    Raises:
        InputError: see `read_saved` and `rebuild`; no tokenizer, or that of another model.
    """
    saved, where = read_saved(path, option=option, task=TASK), f"{option}={path}"
    task = rebuild(
        NextToken, saved.description["model"], saved.weights, where=where, trust=Trust(trust),
        unused=UNUSED,
    )  # fmt: skip
    task.description = saved.description
    try:
        num_tokens = tokenizer_of(task).get_vocab_size()
    except Exception as error:  # the library raises nothing more special
        raise InputError(f"{where}: holds no tokenizer; give another checkpoint") from error
    is_of_words = not isinstance(task.model.encoder, FrameEncoder)
    if not is_of_words or num_tokens != saved.description["model"]["num_tokens"]:
        raise InputError(
            f"{where}: its tokenizer is not that of its encoder; give another checkpoint"
        )
    return task


def tokenizer_of(task: NextToken) -> Tokenizer:
    """Tokenizer of the texts that it was trained on."""
    return Tokenizer.from_str(task.description["inputs"]["tokenizer"])
