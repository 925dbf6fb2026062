"""Answers of the same model without attention, where a run has trained one beside."""

import logging
from collections.abc import Sequence
from pathlib import Path

from data.files.errors import InputError
from pipelines.predict.inputs import Item
from pipelines.predict.writing.translator import Translator
from pipelines.runtime.run_folders import WITHOUT_ATTENTION
from pipelines.tasks.text_checkpoints import load_translator

log = logging.getLogger(__name__)


def answers_without_attention(run: Path, sources: Sequence[str]) -> dict[str, list[str]]:
    """Translate sources by that model, as baselines by name; none where the run has no such model.

    Args:
        run: folder of the run.
        sources: the texts.
    """
    checkpoint = run / WITHOUT_ATTENTION / "checkpoints" / "best.ckpt"
    if not checkpoint.is_file():
        return {}
    try:
        translator = Translator(load_translator(checkpoint))
    except InputError as error:
        log.warning("The model without attention is left out of the report: %s", error)
        return {}
    found = translator.answers(map(Item, sources))
    return {"without_attention": [one.text if one.problem is None else "" for one in found]}
