"""Prediction with a saved classifier: load it, then call it.

T steps of an item · P places at which the running answer is computed · K classes
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from data.batches.plan import BatchPlan
from data.files.checkpoint import Saved
from data.files.errors import InputError
from models.sequence.classifier import Classifier
from models.sequence.running_answer import running_answer
from pipelines.metrics.calibration import NOT_FINITE
from pipelines.predict.inputs import Item, items_of
from pipelines.predict.steps import ItemSteps, Reader
from pipelines.runtime.escaping import excerpt, printable
from pipelines.tasks import checkpoints
from pipelines.tasks.kinds import kind_of


class Timeline(NamedTuple):
    """Running answer: the probabilities if the item had ended earlier."""

    steps: np.ndarray
    """(P,) int64: number of steps read at each place; the last is T. All steps are places, except
    for a model that looks ahead: at most 200 are."""
    seconds: np.ndarray | None
    """(P,) time of the last frame read, counted from the first frame of the file; None for texts."""
    probabilities: np.ndarray
    """(P, K)"""
    classes: list[str]


@dataclass(frozen=True, repr=False)
class Prediction:
    """Answer of a model to a text or a clip."""

    task: str
    """Name of the task, such as ``video`` or ``sentiment``."""
    source: str
    """Text itself, or path of the clip."""
    probabilities: dict[str, float]
    """Probability of each class, the most probable first; they sum to 1."""
    steps: int
    """Number of tokens or frames that were read."""
    _ask_again: Callable[[], Timeline] = field(compare=False)
    """Reads the item again; features kept for it would fill the memory."""
    unknown_share: float = 0.0
    """Share of out-of-vocabulary tokens in a text; above a half the answer is doubtful."""

    @property
    def label(self) -> str:
        """Most probable class."""
        return next(iter(self.probabilities))

    @property
    def probability(self) -> float:
        """Probability of the label."""
        return self.probabilities[self.label]

    @property
    def runner_up(self) -> str:
        """Second most probable class."""
        return list(self.probabilities)[1]

    def timeline(self) -> Timeline:
        """Running answer along the item; the item is read again.

        Raises:
            InputError: the clip can no longer be read.
        """
        return self._ask_again()

    def plain(self) -> dict[str, Any]:
        """Answer as plain values, without its source."""
        return {
            "label": self.label,
            "probability": self.probability,
            "runner_up": self.runner_up,
            "probabilities": self.probabilities,
            "steps": self.steps,
            "unknown_share": self.unknown_share,
        }

    def __str__(self) -> str:
        pairs = list(self.probabilities.items())[:2]
        shares = "  ".join(f"{printable(name)}={share:.4f}" for name, share in pairs)
        return f"{shares}  {shown(self.source, self.task)}"

    def __repr__(self) -> str:
        where = shown(self.source, self.task)
        return (
            f"Prediction({self.label!r}, probability={self.probability:.4f},"
            f" runner_up={self.runner_up!r}, steps={self.steps}, source={where!r})"
        )


class Unanswered(NamedTuple):
    """Item without an answer: it could not be read, or the scores were not finite."""

    task: str
    source: str
    reason: str

    def __str__(self) -> str:
        where = shown(self.source, self.task)
        return f"{where if _is_path(self.task) else repr(where)}: {printable(self.reason)}"


class Predictor:
    """Answers texts or clips, read as in the training of the model.

    Args:
        model: a classifier with its ``description``, as `checkpoints.load` returns it.
        device: device of the model; None takes a GPU where there is one.
        num_workers: processes that decode clips; None takes half the cores.
    """

    def __init__(
        self,
        model: Classifier,
        *,
        device: str | torch.device | None = None,
        num_workers: int | None = None,
    ) -> None:
        self.device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        self.model = model.to(self.device).eval()
        self.task: str = model.description["task"]
        self.classes = model.classes
        reader_class = kind_of(self.task).reader_class
        self.steps: Reader = reader_class.of(model.description, num_workers=num_workers)

    def __call__(self, source: str | Path) -> Prediction:
        """Answer to a text, or to the clip at a path.

        Raises:
            InputError: a text without a word, a clip that cannot be read, or neither of them.
        """
        return next(self.many([source]))

    def many(self, sources: Iterable[str | Path]) -> Iterator[Prediction]:
        """Answers to texts or clips, in their order; memory does not grow with their number.

        Texts are taken from the iterable some hundred at a time, paths of clips all at once.

        Raises:
            InputError: on reaching an item that cannot be read; `answers` continues after it.
        """
        for found, _ in self.answers(items_of(sources, takes_paths=self.steps.takes_paths)):
            yield _answered(found)

    def answers(
        self, items: Iterable[Item], *, timeline: bool = False
    ) -> Iterator[tuple[Prediction | Unanswered, Timeline | None]]:
        """Answers as in `many`, with `Unanswered` items, and running answers on demand."""
        for group in self.steps.groups(items):
            yield from self.answers_to(group, timeline=timeline)

    def answers_to(
        self, group: list[ItemSteps], *, timeline: bool = False
    ) -> list[tuple[Prediction | Unanswered, Timeline | None]]:
        """Answers as in `answers` to items that were read already, in batches under the budget."""
        found: list[tuple[Prediction | Unanswered, Timeline | None]] = [
            (Unanswered(self.task, item.source, item.problem or ""), None) for item, *_ in group
        ]
        read = [k for k, one in enumerate(group) if len(one.steps)]
        lengths = [len(group[k].steps) for k in read]
        for positions in BatchPlan(
            lengths, steps_per_batch=self.steps.steps_per_batch, shuffle=False
        ):
            places = [read[position] for position in positions]
            batch = [group[place] for place in places]
            timelines = self._timelines(batch) if timeline else [None] * len(batch)
            if timeline:
                shares = np.stack([one.probabilities[-1] for one in timelines if one is not None])
            else:
                shares = self._probabilities(batch)
            for place, one, share, along in zip(places, batch, shares, timelines, strict=True):
                if np.isfinite(share if along is None else along.probabilities).all():
                    found[place] = self._prediction(one, share), along
                else:
                    found[place] = Unanswered(self.task, one.item.source, NOT_FINITE), None
        return found

    def _probabilities(self, batch: list[ItemSteps]) -> np.ndarray:
        """Probabilities (B, K) float64 of the items of a batch."""
        lengths = torch.tensor([len(one.steps) for one in batch], device=self.device)
        with torch.inference_mode():
            scores = self.model(self.steps.together(batch).to(self.device), lengths)
        found: np.ndarray = self.model.probabilities(scores, lengths).numpy()
        return found

    def _timelines(self, batch: list[ItemSteps]) -> list[Timeline]:
        counts = [len(one.steps) for one in batch]
        lengths = torch.tensor(counts, device=self.device)
        with torch.inference_mode():
            steps = self.steps.together(batch).to(self.device)
            features = self.model.model.encoder.encode_ragged(steps, lengths)
            each = zip(features.split(counts), steps.split(counts), strict=True)
            running = [running_answer(self.model.model, some, steps=own) for some, own in each]
        timelines = []
        for one, along in zip(batch, running, strict=True):
            shares = self.model.probabilities(along.scores, along.lengths).numpy()
            steps_read = along.lengths.cpu().numpy()
            seconds = None if one.seconds is None else one.seconds[steps_read - 1]
            timelines.append(Timeline(steps_read, seconds, shares, self.classes))
        return timelines

    def _prediction(self, one: ItemSteps, shares: np.ndarray) -> Prediction:
        pairs = zip(self.classes, shares.tolist(), strict=True)
        probabilities = dict(sorted(pairs, key=lambda pair: -pair[1]))
        again = partial(self._timeline_of, one.item)
        return Prediction(
            self.task, one.item.source, probabilities, len(one.steps), again, one.unknown_share
        )

    def _timeline_of(self, item: Item) -> Timeline:
        found, timeline = next(self.answers([item], timeline=True))
        _answered(found)
        assert timeline is not None
        return timeline


def load_predictor(
    checkpoint: str | Path,
    *,
    task: str | None = None,
    device: str | torch.device | None = None,
    option: str = "CKPT",
    trust: str | None = None,
) -> Predictor:
    """Load a classifier with its classes, vocabulary and preprocessing.

    Args:
        checkpoint: the file.
        task: the task that the model must be for, such as ``video`` or ``sentiment``; None for any.
        device: see `Predictor`.
        option, trust: see `checkpoints.load`.

    Raises:
        InputError: see `checkpoints.load`.
    """
    model = checkpoints.load(checkpoint, task=task, option=option, trust=trust)
    return Predictor(model, device=device)


def predictor_of(saved: Saved, *, where: str, trust: str | None, **options: Any) -> Predictor:
    """Make a classifier that answers from the content of its checkpoint.

    Args:
        saved: the content.
        where: name of the file in errors.
        trust: see `checkpoints.load`.
        options: ``device`` and ``num_workers`` of `Predictor`.
    """
    return Predictor(checkpoints.classifier_of(saved, where=where, trust=trust), **options)


def shown(source: str, task: str) -> str:
    """One line for a source: a path, or the beginning of a text."""
    return printable(source) if _is_path(task) else excerpt(source, most=60)


def _is_path(task: str) -> bool:
    takes_paths: bool = kind_of(task).reader_class.takes_paths
    return takes_paths


def _answered(found: Prediction | Unanswered) -> Prediction:
    if isinstance(found, Unanswered):
        raise InputError(str(found))
    return found
