"""A run that goes on with a checkpoint must read the data that the checkpoint has learnt from."""

from typing import Any

import torch
from tokenizers import Tokenizer

from data.errors import InputError
from data.labels import refuse_other_classes


def refuse_other_data(saved: dict[str, Any], inputs: dict[str, Any]) -> None:
    """Raise where a resumed run would number words anew, or be tested on what it has learnt from.

    Args:
        saved: what the checkpoint says of its inputs (see `describe` of its data module). A checkpoint
            of an older version says less, and what is not said is not compared.
        inputs: the same of this run.

    Raises:
        InputError: other classes, another vocabulary, or other examples in a part.
    """
    known = saved.keys() & inputs.keys()
    if "classes" in known:
        refuse_other_classes(saved["classes"], inputs["classes"])
    changed = []
    if "tokenizer" in known and _tokenizer(saved) != _tokenizer(inputs):
        changed.append("vocabulary")
    if "parts" in known and not _is_same(saved["parts"], inputs["parts"]):
        changed.append("parts")
    if changed:
        raise InputError(
            f"--ckpt_path: the run's data have changed since the checkpoint was written (other"
            f" {' and '.join(changed)}): a run goes on with the data, and the options of the data, that"
            " it began with; restore them, or begin anew without --ckpt_path"
        )


def _tokenizer(inputs: dict[str, Any]) -> str:
    # Written by one version of the library, whichever wrote it first.
    return Tokenizer.from_str(inputs["tokenizer"]).to_str()


def _is_same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return one.keys() == other.keys() and all(
        torch.equal(value, other[name]) if isinstance(value, torch.Tensor) else value == other[name]
        for name, value in one.items()
    )
