"""A saved model that answers: `load` it, then ask it.

T steps of an item · P places at which the running answer is asked · K classes
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from data.batches.plan import BatchPlan
from data.files.errors import InputError
from models.sequence.classifier import Classifier
from models.sequence.running_answer import running_answer
from pipelines.metrics.calibration import NOT_FINITE
from pipelines.predict.inputs import Item
from pipelines.predict.steps import ItemSteps, Reader
from pipelines.runtime.escaping import excerpt, printable
from pipelines.tasks import checkpoints
from pipelines.tasks.kinds import kind_of


class Timeline(NamedTuple):
    """The running answer: what the model would say had the item ended earlier."""

    steps: np.ndarray
    """(P,) int64: how many steps were read by then; the last is all of them. Every step, but of a
    model that looks ahead 200 at most."""
    seconds: np.ndarray | None
    """(P,) when the last of these frames is shown, from the file's first one on; None of texts."""
    probabilities: np.ndarray
    """(P, K)"""
    classes: list[str]


@dataclass(frozen=True, repr=False)
class Prediction:
    """What a model answers to a text or a clip."""

    task: str
    """``video`` or ``sentiment``."""
    source: str
    """The text itself, or the path of the clip."""
    probabilities: dict[str, float]
    """Of each class, the most probable first; they sum to 1."""
    steps: int
    """How many tokens or frames were read."""
    _ask_again: Callable[[], Timeline] = field(compare=False)
    """Reads the item once more: kept features would pile up."""
    unknown_share: float = 0.0
    """The share of a text's tokens that the vocabulary lacks; above a half the answer is doubtful."""

    @property
    def label(self) -> str:
        """The most probable class."""
        return next(iter(self.probabilities))

    @property
    def probability(self) -> float:
        """Of the label."""
        return self.probabilities[self.label]

    @property
    def runner_up(self) -> str:
        """The class that is second."""
        return list(self.probabilities)[1]

    def timeline(self) -> Timeline:
        """The running answer along the item, which is read again for it.

        Raises:
            InputError: the clip cannot be read any more.
        """
        return self._ask_again()

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
    """An item that could not be read, or to which the model says nothing."""

    task: str
    source: str
    reason: str

    def __str__(self) -> str:
        where = shown(self.source, self.task)
        return f"{where if _is_path(self.task) else repr(where)}: {printable(self.reason)}"


class Predictor:
    """Answers texts or clips, by what its model was trained on.

    Args:
        model: with its ``description``, as `checkpoints.load` gives it.
        device: where it computes; None takes a GPU where there is one.
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
        """The answer to a text, or to the clip of a path.

        Raises:
            InputError: a text without a word, a clip that cannot be read, or neither of them.
        """
        return next(self.many([source]))

    def many(self, sources: Iterable[str | Path]) -> Iterator[Prediction]:
        """The answers to texts or clips, in their order; memory does not grow with their number.

        Texts are taken some hundred at a time; of clips the paths are taken all at once.

        Raises:
            InputError: when it is the turn of one that cannot be read; `answers` goes on.
        """
        if isinstance(sources, str | Path):
            raise InputError(f"many('{sources}'): give a list, or ask for one by model(…)")
        for found, _ in self.answers(map(self._item, sources)):
            yield _answered(found)

    def _item(self, source: str | Path) -> Item:
        if not isinstance(source, str | Path):
            raise InputError(f"{type(source).__name__}: give one text or path, or many([…])")
        if isinstance(source, Path) and not self.steps.takes_paths:
            raise InputError(f"{source}: is a path; give the text itself, path.read_text()")
        return Item(str(source))

    def answers(
        self, items: Iterable[Item], *, timeline: bool = False
    ) -> Iterator[tuple[Prediction | Unanswered, Timeline | None]]:
        """As `many`, with what could not be answered, and on demand the running answers."""
        for group in self.steps.groups(items):
            yield from self._answer(group, timeline=timeline)

    def _answer(
        self, group: list[ItemSteps], *, timeline: bool
    ) -> list[tuple[Prediction | Unanswered, Timeline | None]]:
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
        """(B, K) float64"""
        lengths = torch.tensor([len(one.steps) for one in batch], device=self.device)
        with torch.inference_mode():
            scores = self.model(self.steps.together(batch).to(self.device), lengths)
        found: np.ndarray = self.model.probabilities(scores).numpy()
        return found

    def _timelines(self, batch: list[ItemSteps]) -> list[Timeline]:
        counts = [len(one.steps) for one in batch]
        lengths = torch.tensor(counts, device=self.device)
        with torch.inference_mode():
            steps = self.steps.together(batch).to(self.device)
            features = self.model.model.encoder.encode_ragged(steps, lengths)
            each = features.split(counts)
            running = [running_answer(self.model.model, some) for some in each]
        timelines = []
        for one, (places, scores) in zip(batch, running, strict=True):
            at = places.cpu().numpy()
            shares = self.model.probabilities(scores).numpy()
            seconds = None if one.seconds is None else one.seconds[at]
            timelines.append(Timeline(at + 1, seconds, shares, self.classes))
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


def load(
    checkpoint: str | Path,
    *,
    task: str | None = None,
    device: str | torch.device | None = None,
    num_workers: int | None = None,
    option: str = "CKPT",
    trust: str | None = None,
) -> Predictor:
    """The model of a checkpoint, ready to answer; classes, vocabulary and preprocessing come with it.

    Args:
        checkpoint: the file.
        task: what it must be a model for, ``video`` or ``sentiment``; None for any.
        device, num_workers: see `Predictor`.
        option, trust: see `checkpoints.load`.

    Raises:
        InputError: not there, damaged, no checkpoint of this project, or of another task.
    """
    model = checkpoints.load(checkpoint, task=task, option=option, trust=trust)
    return Predictor(model, device=device, num_workers=num_workers)


def shown(source: str, task: str) -> str:
    """In one line: a path, or the beginning of a text."""
    return printable(source) if _is_path(task) else excerpt(source, most=60)


def _is_path(task: str) -> bool:
    takes_paths: bool = kind_of(task).reader_class.takes_paths
    return takes_paths


def _answered(found: Prediction | Unanswered) -> Prediction:
    if isinstance(found, Unanswered):
        raise InputError(str(found))
    return found
