"""Examples worth looking at, with the running answer and what each step adds to it.

n examples · T steps of one · P places · K classes · F frames that are shown · S their size
"""

from collections.abc import Hashable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from tokenizers import Tokenizer

from data.batches.part import Part
from models.sequence.running_answer import running_answer
from pipelines.predict.steps import pieces_of
from pipelines.report.attribution import Attribution, integrated_gradients
from pipelines.tasks.classification import Classification

NUM_MISTAKES, NUM_RIGHT = 6, 3
NUM_FRAMES = 10
# The backward pass over more steps takes minutes on a laptop.
MOST_ATTRIBUTED_STEPS = 5_000
# Steps of one example over all points of the path: some seconds.
MOST_READ_STEPS = 40_000
# But a long example is read so many times if need be.
_TIMES_READ = 64


def most_read_steps(num_steps: int) -> int:
    """Number of steps that may be read for the attribution of so many."""
    return max(MOST_READ_STEPS, _TIMES_READ * num_steps)


class ShownExample(NamedTuple):
    """One example, as the page shows it."""

    source: str
    """The path of the clip, or the text."""
    label: str
    predicted: str
    probabilities: dict[str, float]
    places: np.ndarray
    """(P,): the steps after which the model was asked."""
    running: np.ndarray
    """(P, K): its probabilities there."""
    attribution: Attribution | None
    """Contribution of each step to the log-odds of the predicted class; None for long examples."""
    pieces: list[str]
    """(T): what each step is of the text; empty for a clip."""
    frames: np.ndarray
    """(F, S, S, 3) uint8, evenly spread; F is 0 for a text."""
    frame_steps: list[int]
    """(F): which steps these are."""
    times: int = 1
    """Number of tested examples with this content."""


def choose(
    labels: np.ndarray, probabilities: np.ndarray, contents: Sequence[Hashable] | None = None
) -> list[int]:
    """Rows of the surest mistakes, then of the surest right answers of different classes.

    Args:
        labels: (n,)
        probabilities: (n, K)
        contents: (n), alike for examples of the same content, one of which is enough.
    """
    predicted, sure = probabilities.argmax(1), probabilities.max(1)
    wrong: dict[Hashable, int] = {}
    right: dict[Hashable, int] = {}
    for k in np.argsort(-sure, kind="stable").tolist():
        if predicted[k] == labels[k]:
            right.setdefault(labels[k], k)
        else:
            wrong.setdefault(k if contents is None else contents[k], k)
    return list(wrong.values())[:NUM_MISTAKES] + list(right.values())[:NUM_RIGHT]


def look_at(model: Classification, part: Part, positions: list[int]) -> Iterator[ShownExample]:
    """The examples at some positions of a part, one after the other."""
    was_training = model.training
    model.eval()
    for position in positions:
        yield _look_at(model, part, position)
    model.train(was_training)


def _look_at(model: Classification, part: Part, position: int) -> ShownExample:
    batch = part.__getitems__([position])
    with torch.no_grad():
        features = model.encode(batch)
    # Where the encoder looks ahead, each beginning is encoded anew.
    steps = part.shown([position]).steps if model.model.encoder.looks_ahead else None
    running = running_answer(model.model, features, steps=steps)
    probabilities = model.probabilities(running.scores, running.lengths).numpy()
    target = int(probabilities[-1].argmax())
    attribution = None
    if len(features) <= MOST_ATTRIBUTED_STEPS:
        attribution = integrated_gradients(
            model.model.read,
            features.float(),
            target,
            most_steps=most_read_steps(len(features)),
        )
    source = part.sources([position])[0]
    frames, frame_steps = np.empty((0, 0, 0, 3), np.uint8), []
    if part.view == "pictures":
        pixels = part.shown([position]).steps
        num_shown = min(NUM_FRAMES, len(pixels))
        # Each stands over the middle of its share of the curve.
        frame_steps = [int((k + 0.5) * len(pixels) / num_shown) for k in range(num_shown)]
        frames = pixels[frame_steps].permute(0, 2, 3, 1).numpy()
    return ShownExample(
        source=source,
        label=model.classes[int(batch.labels[0])],
        predicted=model.classes[target],
        probabilities=dict(zip(model.classes, probabilities[-1].tolist(), strict=True)),
        places=running.places.numpy(),
        running=probabilities,
        attribution=attribution,
        pieces=_pieces(model, source, len(batch.steps)) if part.view == "words" else [],
        frames=frames,
        frame_steps=frame_steps,
    )


def _pieces(model: Classification, text: str, num_steps: int) -> list[str]:
    return pieces_of(Tokenizer.from_str(model.description["inputs"]["tokenizer"]), text, num_steps)
