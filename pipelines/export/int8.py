"""Weights of 8 bits: smaller and faster, and taken only where hardly an answer changes."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from onnxruntime.quantization import QuantType, quantize_dynamic

from data.batches.plan import BatchPlan
from data.batches.ragged import RaggedBatch
from data.files.errors import InputError
from pipelines.export.standalone.answerers import padded
from pipelines.export.standalone.reading import encode_clip
from pipelines.export.standalone.session import Session
from pipelines.tasks.checkpoints import data_module

log = logging.getLogger(__name__)

#: the most points by which accuracy on the validation part may fall
MOST_POINTS = 0.5
# Convolutions are slower in 8 bits on processors without instructions for them; they stay.
_OPERATORS = ["LSTM", "MatMul", "Gather"]


def quantise(
    folder: Path, description: dict[str, Any], *, background_frames: int | None = None
) -> dict[str, Any]:
    """Replace the graphs that read steps by ones of 8 bits, and compare both on the validation part.

    Args:
        folder: an exported folder of a classifier.
        description: that of the checkpoint; the data that it was trained on must be there.
        background_frames: see `encode_clip`.

    Returns:
        accuracies before and after, the number of examples, and the share of equal answers.

    Raises:
        InputError: accuracy falls by more than `MOST_POINTS`.
    """
    before = Session(folder / "model.onnx")
    for name in ("model.onnx", "step.onnx"):
        if (folder / name).exists():
            _quantise_file(folder / name)
    after = Session(folder / "model.onnx")
    encoder = Session(folder / "encoder.onnx") if (folder / "encoder.onnx").exists() else None
    labels, found = list[int](), {before: list[int](), after: list[int]()}
    for batch in _validation(description):
        steps, ends = batch.steps.numpy(), batch.lengths.cumsum(0)[:-1].tolist()
        items = np.split(steps, ends)
        if encoder is not None:
            frames = np.split(batch.steps.permute(0, 2, 3, 1).contiguous().numpy(), ends)
            items = [
                encode_clip(encoder, one, background_frames=background_frames) for one in frames
            ]
        grid, lengths = padded(items)
        for session, answers in found.items():
            shares = session.run({"steps": grid, "lengths": lengths})["probabilities"]
            answers += shares.argmax(1).tolist()
        labels += batch.labels.tolist()
    accuracies = [float(np.mean(np.equal(found[one], labels))) for one in (before, after)]
    if accuracies[1] < accuracies[0] - MOST_POINTS / 100:
        raise InputError(
            f"--int8: accuracy on the validation part falls from {accuracies[0]:.4f} to"
            f" {accuracies[1]:.4f}, by more than {MOST_POINTS} points; leave it out"
        )
    return {
        "validation_examples": len(labels),
        "accuracy_float32": accuracies[0],
        "accuracy_int8": accuracies[1],
        "same_answers": float(np.mean(np.equal(found[before], found[after]))),
    }


def _quantise_file(path: Path) -> None:
    quantised = path.with_name(f"int8-{path.name}")
    quantize_dynamic(
        path,
        quantised,
        op_types_to_quantize=_OPERATORS,
        weight_type=QuantType.QInt8,
        per_channel=False,
        # With 8 bits sums overflow on processors without VNNI: ten times the error.
        reduce_range=True,
    )
    quantised.replace(path)


def _validation(description: dict[str, Any]) -> Iterator[RaggedBatch]:
    data = data_module(description)
    part = data.parts["val"]
    plan = BatchPlan(part.lengths, steps_per_batch=data.steps_per_batch, shuffle=False)
    for positions in plan:
        yield part.__getitems__(positions)
