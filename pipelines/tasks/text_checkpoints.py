"""Loading of language models and translators, with their tokenizers, from checkpoints."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from tokenizers import Tokenizer

from data.files.checkpoint import Saved, read_saved
from data.files.errors import InputError
from data.tokens.vocabulary import END
from models.encoders.frames import FrameEncoder
from models.sequence.source_to_text import SourceToText
from pipelines.tasks.allowed_classes import Trust
from pipelines.tasks.blueprint import rebuild
from pipelines.tasks.checkpoints import ONLY_TRAINING, UNUSED
from pipelines.tasks.kinds import kind_of

if TYPE_CHECKING:
    from pipelines.tasks.generation import Generation
    from pipelines.tasks.next_token import NextToken
    from pipelines.tasks.task import Task

LANGUAGE, TRANSLATION, CAPTIONS = "language", "translation", "captions"


def load_language(
    path: Path | str, *, option: str = "CKPT", trust: str | None = None
) -> "NextToken":
    """The trained task, in eval mode; ``description`` tells the rest.

    Args:
        path: the file.
        option: what to call the file in an error.
        trust: files and modules whose classes it may name (see `pipelines.tasks.allowed_classes`).

    Raises:
        InputError: see `read_saved` and `rebuild`; no tokenizer, or that of another model.
    """
    saved = read_saved(path, option=option, task=LANGUAGE)
    return language_of(saved, where=f"{option}={path}", trust=trust)


def language_of(saved: Saved, *, where: str, trust: str | None) -> "NextToken":
    """Rebuild a language model's task from the content of its checkpoint; see `load_language`."""
    task: NextToken = _rebuilt(saved, where=where, trust=trust, unused={"optimizer": None})
    _check_tokenizer(task.description, task.model.encoder, where=where)
    return task


def load_translator(path: Path | str, *, trust: str | None = None) -> SourceToText:
    """The trained translator, in eval mode, without what trains it; see `load_language`."""
    return source_to_text_of(read_saved(path, task=TRANSLATION), where=f"CKPT={path}", trust=trust)


def source_to_text_of(saved: Saved, *, where: str, trust: str | None) -> SourceToText:
    """Rebuild a translator from the content of its checkpoint; see `load_translator`."""
    values = saved.description["model"]
    values = {name: values[name] for name in values.keys() - ONLY_TRAINING}
    model = rebuild(SourceToText, values, saved.weights, where=where, trust=Trust(trust), unused={})
    model.description = saved.description
    _check_tokenizer(saved.description, model.model.decoder.encoder, where=where, end=model.end)
    return model


def translator_of(saved: Saved, *, where: str, trust: str | None) -> "Generation":
    """Rebuild a translator's task; see `pipelines.tasks.checkpoints.classification_of`."""
    task: Generation = _rebuilt(saved, where=where, trust=trust, unused=UNUSED)
    _check_tokenizer(saved.description, task.model.decoder.encoder, where=where, end=task.end)
    return task


def tokenizer_of(model: "Task | SourceToText") -> Tokenizer:
    """Tokenizer of the texts that it was trained on."""
    return Tokenizer.from_str(model.description["inputs"]["tokenizer"])


def _rebuilt(saved: Saved, *, where: str, trust: str | None, unused: dict[str, Any]) -> Any:
    description = saved.description
    task_class = kind_of(description["task"]).task_class
    task = rebuild(
        task_class, description["model"], saved.weights, where=where, trust=Trust(trust),
        unused=unused,
    )  # fmt: skip
    task.description = description
    return task


def _check_tokenizer(
    description: dict[str, Any], encoder: Any, *, where: str, end: int | None = None
) -> None:
    """See that a checkpoint's tokenizer is that of its model; ``end`` is the model's END, if any."""
    try:
        tokenizer = Tokenizer.from_str(description["inputs"]["tokenizer"])
    except Exception as error:  # the library raises nothing more special
        raise InputError(f"{where}: holds no tokenizer; give another checkpoint") from error
    is_of_words = not isinstance(encoder, FrameEncoder)
    is_its_own = tokenizer.get_vocab_size() == description["model"]["num_tokens"]
    if not is_of_words or not is_its_own or end not in (None, tokenizer.token_to_id(END)):
        raise InputError(
            f"{where}: its tokenizer is not that of its encoder; give another checkpoint"
        )
