"""Export of classifiers: whole sequences, single steps where nothing looks ahead, frames to features.

B sequences · T steps of the longest · N steps in the batch · D features · S height and width of a frame
"""

from functools import partial
from typing import Any

import torch

from data.files.checkpoint import Saved
from models.forms.classifier import StepForm, WholeForm
from models.sequence.classifier import Classifier
from pipelines.export.kinds.steps import EXAMPLE, Steps, check_frames, frame_graph
from pipelines.export.tracing.exported import Check, Exported, Sizes, padded, random_lengths, zeros
from pipelines.export.tracing.graphs import Graph
from pipelines.tasks import checkpoints


def export_classifier(saved: Saved, *, where: str, trust: str | None) -> Exported:
    """The graphs of a classifier; see `Kind.exported_by`.

    Args:
        saved: content of its checkpoint.
        where: name of the file in errors.
        trust: see `checkpoints.load`.
    """
    model = checkpoints.classifier_of(saved, where=where, trust=trust)
    steps = Steps(model.model.encoder, saved.description)
    whole = Graph(
        WholeForm(model).eval(),
        (steps.padded(EXAMPLE), random_lengths(EXAMPLE)),
        {"steps": {0: "batch", 1: "time"}, "lengths": {0: "batch"}},
        ("probabilities",),
    )
    graphs = {"model.onnx": whole}
    checks: dict[str, Any] = {"model.onnx": partial(_check_whole, model, steps)}
    if model.model.is_causal:
        graphs["step.onnx"] = _step_graph(model, steps)
        checks["step.onnx"] = partial(_check_steps, model, steps)
    if steps.are_frames:
        graphs["encoder.onnx"] = frame_graph(model.model.encoder, steps.size_px)
        checks["encoder.onnx"] = partial(check_frames, model.model.encoder, steps.size_px)
    about = {"answers": "class", "classes": model.classes, **steps.about()}
    return Exported(graphs, checks, about, saved.description["inputs"].get("tokenizer"))


def _step_graph(model: Classifier, steps: Steps) -> Graph:
    form = StepForm(model).eval()
    state = form.stepper.start(EXAMPLE["batch"])
    recurrent = {name for reader in model.members for name in reader.recurrence.state_names}
    axes = {f"state.{name}": {int(name.rpartition("_")[2] in recurrent): "batch"} for name in state}
    return Graph(
        form,
        (steps.flat(EXAMPLE["batch"]), state),
        {"steps": {0: "batch"}, **axes},
        ("probabilities", *(f"next.{name}" for name in state)),
    )


def _check_whole(model: Classifier, steps: Steps, sizes: Sizes) -> Check:
    lengths = random_lengths(sizes)
    flat = steps.flat(int(lengths.sum()))
    due = model.probabilities(model.model.read(steps.encoded(flat, lengths), lengths), lengths)
    feed = {"steps": padded(flat, lengths), "lengths": lengths}
    return Check(sizes, [feed], {"probabilities": due.float()})


def _check_steps(model: Classifier, steps: Steps, sizes: Sizes) -> Check:
    """All steps one after the other, against the trained model that reads them in one go."""
    flat = steps.flat(sizes["batch"] * sizes["time"])
    lengths = torch.full((sizes["batch"],), sizes["time"])
    due = model.probabilities(model.model.read(steps.encoded(flat, lengths), lengths), lengths)
    each = padded(flat, lengths).unbind(1)
    start = zeros(StepForm(model).stepper.start(sizes["batch"]))
    feeds = [{"steps": one} | (start if k == 0 else {}) for k, one in enumerate(each)]
    return Check(sizes, feeds, {"probabilities": due.float()})
