"""Answers of the same model without attention, where a run has trained one beside."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from data.files.errors import InputError
from pipelines.predict.inputs import Item
from pipelines.predict.writing.translator import Translator
from pipelines.runs.run_folders import WITHOUT_ATTENTION
from pipelines.tasks.text_checkpoints import load_translator

log = logging.getLogger(__name__)


class OtherModel(NamedTuple):
    """Another model's answers to the same sources."""

    answers: list[str]
    train_seconds: float
    """Training time of that model."""


def answers_without_attention(run: Path, sources: Sequence[str]) -> dict[str, OtherModel]:
    """Translate sources by that model, by its name; none where the run has no such model.

    Args:
        run: folder of the run.
        sources: the texts.
    """
    checkpoint = run / WITHOUT_ATTENTION / "checkpoints" / "best.ckpt"
    if not checkpoint.is_file():
        return {}
    try:
        model = load_translator(checkpoint)
    except InputError as error:
        log.warning("The model without attention is left out of the report: %s", error)
        return {}
    found = Translator(model).answers(map(Item, sources))
    answers = [one.text if one.problem is None else "" for one in found]
    return {"without_attention": OtherModel(answers, model.description["train_seconds"])}
