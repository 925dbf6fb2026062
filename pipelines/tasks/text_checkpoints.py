"""Loading of language models and translators, with their tokenizers, from checkpoints."""

from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from data.files.checkpoint import read_saved
from data.files.errors import InputError
from data.text.vocabulary import END
from models.encoders.frames import FrameEncoder
from pipelines.tasks.allowed_classes import Trust
from pipelines.tasks.blueprint import rebuild
from pipelines.tasks.generation import Generation
from pipelines.tasks.next_token import NextToken

LANGUAGE, TRANSLATION = "language", "translation"

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
    saved, where = read_saved(path, option=option, task=LANGUAGE), f"{option}={path}"
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


def load_generation(
    path: Path | str, *, option: str = "CKPT", task: str | None = None, trust: str | None = None
) -> Generation:
    """The trained task, in eval mode, with its ``tokenizer``; ``description`` tells the rest.

    Args:
        path: the file.
        option: what to call the file in an error.
        task: what it must be a model for; None for any that writes.
        trust: files and modules whose classes it may name (see `pipelines.tasks.allowed_classes`).

    Raises:
        InputError: see `read_saved` and `rebuild`; no tokenizer, or that of another model.
    """
    saved, where = read_saved(path, option=option, task=task or TRANSLATION), f"{option}={path}"
    model = rebuild(
        Generation, saved.description["model"], saved.weights, where=where, trust=Trust(trust),
        unused=UNUSED,
    )  # fmt: skip
    model.description = saved.description
    try:
        tokenizer = Tokenizer.from_str(saved.description["inputs"]["tokenizer"])
    except Exception as error:  # the library raises nothing more special
        raise InputError(f"{where}: holds no tokenizer; give another checkpoint") from error
    is_its_own = tokenizer.get_vocab_size() == saved.description["model"]["num_tokens"]
    if not is_its_own or tokenizer.token_to_id(END) != model.end:
        raise InputError(
            f"{where}: its tokenizer is not that of its model; give another checkpoint"
        )
    tokenizer.encode_special_tokens = True
    model.tokenizer = tokenizer
    return model
