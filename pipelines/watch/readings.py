"""Readings of a sequence that need not end: step by step, or a window that moves along.

T steps · D features · K classes
"""

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor

from data.files.errors import InputError
from models.errors import OptionError
from models.sequence.classifier import Classifier
from models.sequence.stepwise import Stepper, StepState
from pipelines.metrics.calibration import NOT_FINITE
from pipelines.predict.writing.captioner import Captioner
from pipelines.runtime.escaping import printable

# Times and places are compared with so much room for rounding.
_ROUNDING = 1e-6


class Answer(Protocol):
    """Answer to a sequence, as it is told."""

    def cells(self) -> list[str]:
        """Cells of a line of text."""

    def plain(self) -> dict[str, Any]:
        """Plain values, for JSON."""


class ClassAnswer(NamedTuple):
    """Probabilities of the classes."""

    classes: list[str]
    probabilities: np.ndarray
    """(K,)"""

    def cells(self) -> list[str]:
        """Label, its probability, the runner-up's."""
        order = np.argsort(-self.probabilities, kind="stable")[:2]
        shares = [f"{printable(self.classes[k])}={float(self.probabilities[k]):.4f}" for k in order]
        return [printable(self.classes[order[0]]), *shares]

    def plain(self) -> dict[str, Any]:
        """Label, probability, probabilities, as `predict` has them."""
        best = int(self.probabilities.argmax())
        pairs = zip(self.classes, self.probabilities.tolist(), strict=True)
        return {
            "label": self.classes[best],
            "probability": float(self.probabilities[best]),
            "probabilities": dict(sorted(pairs, key=lambda pair: -pair[1])),
        }


class CaptionAnswer(NamedTuple):
    """A caption."""

    text: str
    score: float

    def cells(self) -> list[str]:
        """The caption."""
        return [printable(self.text)]

    def plain(self) -> dict[str, Any]:
        """Text and score, as `caption` has them."""
        return {"text": self.text, "score": self.score}


class SequenceReading(ABC):
    """Reads one sequence after another."""

    #: whether answers come by themselves, at each stride; otherwise after each step
    has_stride: bool = False

    @abstractmethod
    def encode(self, steps: Tensor) -> Tensor:
        """Steps (T, …) that came together → what `read` takes of each, (T, …)."""

    @abstractmethod
    def read(self, step: Tensor, place: float) -> bool:
        """Read one more step.

        Args:
            step: a row of what `encode` gave.
            place: its seconds, or its number, by which windows are measured.

        Returns:
            whether an answer is due by itself.
        """

    @abstractmethod
    def answer(self) -> Answer | None:
        """The answer as it stands; None before there is one."""

    def finish(self) -> Answer | None:
        """The answer at the end of the sequence."""
        return self.answer()

    @abstractmethod
    def restart(self) -> None:
        """Begin another sequence."""


class StepReading(SequenceReading):
    """Carries the state of a causal classifier; after n steps it says what n steps at once would.

    Args:
        model: a classifier.
        device: its device.
        advice: option that reads a model which looks ahead.

    Raises:
        InputError: a model that looks ahead.
    """

    def __init__(self, model: Classifier, *, device: torch.device, advice: str) -> None:
        try:
            self._stepper = Stepper(model.model)
        except OptionError as error:
            raise InputError(f"CKPT: {error}; read windows of it by {advice}") from error
        self._model, self._device = model, device
        self._state: StepState
        self._scores: Tensor | None
        self.restart()

    def encode(self, steps: Tensor) -> Tensor:
        """Features (T, D) of frames; texts as they are."""
        steps = steps.to(self._device)
        if not self._stepper.takes_features:
            return steps
        with torch.inference_mode():
            features: Tensor = self._stepper.encoder(steps)
        return features

    def read(self, step: Tensor, place: float) -> bool:
        """Read one more step."""
        with torch.inference_mode():
            self._scores, self._state = self._stepper(step.unsqueeze(0), self._state)
        return False

    def answer(self) -> Answer | None:
        """The answer after the last step."""
        if self._scores is None:
            return None
        # The state's own number begins anew with the sequence, as all of the state does.
        return _answer_of(self._model, self._scores, self._state["steps_read"])

    def restart(self) -> None:
        """Begin another sequence."""
        with torch.inference_mode():
            self._state = self._stepper.start(1)
        self._scores = None


class WindowReading(SequenceReading):
    """Reads the last steps anew at each stride; memory is that of one window.

    Args:
        encode: steps (T, …) → what is kept of them.
        ask: what is kept of the T steps of a window → the answer.
        length: of the window: it holds the steps after ``place - length``.
        stride: from one reading to the next.
        per_step: how much of it one step is, where steps are counted; 0 where they have a time.
    """

    has_stride = True

    def __init__(
        self,
        encode: Callable[[Tensor], Tensor],
        ask: Callable[[Tensor], Answer],
        *,
        length: float,
        stride: float,
        per_step: float = 0.0,
    ) -> None:
        self._encode, self._ask = encode, ask
        self._length, self._stride, self._per_step = length, stride, per_step
        self._kept: deque[tuple[float, Tensor]] = deque()
        self._due: float | None = None
        self._answer: Answer | None = None
        self._is_new = False

    def encode(self, steps: Tensor) -> Tensor:
        """Steps (T, …) as they are kept."""
        with torch.inference_mode():
            return self._encode(steps)

    def read(self, step: Tensor, place: float) -> bool:
        """Keep one more step, and read the window where that is due."""
        # A view would keep alive all that came together with the step.
        self._kept.append((place, step.clone()))
        while self._kept[0][0] <= place - self._length + _ROUNDING:
            self._kept.popleft()
        due = place - self._per_step + self._stride if self._due is None else self._due
        self._is_new = True
        if place < due - _ROUNDING:
            self._due = due
            return False
        # Strides without a step are passed over.
        self._due = due + self._stride * (1 + (place + _ROUNDING - due) // self._stride)
        self._read()
        return True

    def answer(self) -> Answer | None:
        """The answer to the last window that was read."""
        return self._answer

    def finish(self) -> Answer | None:
        """The answer to the window that ends with the last step."""
        if self._is_new:
            self._read()
        return self._answer

    def restart(self) -> None:
        """Begin another sequence."""
        self._kept.clear()
        self._due, self._answer, self._is_new = None, None, False

    def _read(self) -> None:
        with torch.inference_mode():
            self._answer = self._ask(torch.stack([step for _, step in self._kept]))
        self._is_new = False


def class_window(
    model: Classifier, *, device: torch.device, keeps_features: bool, **window: float
) -> WindowReading:
    """Windows of a classifier.

    Args:
        model: a classifier.
        device: its device.
        keeps_features: whether a step's features are kept, if its encoder makes them of it alone.
        window: ``length``, ``stride`` and ``per_step`` of `WindowReading`.
    """

    def encode(steps: Tensor) -> Tensor:
        steps = steps.to(device)
        return model.model.encoder(steps) if keeps_features else steps

    def ask(steps: Tensor) -> Answer:
        lengths = torch.tensor([len(steps)], device=device)
        read = model.model.read if keeps_features else model.model
        return _answer_of(model, read(steps, lengths), lengths)

    return WindowReading(encode, ask, **window)


def caption_window(captioner: Captioner, *, length: float, stride: float) -> WindowReading:
    """Windows of a captioner, with its own search."""
    encoder = captioner.model.model.source.encoder
    keeps_features = not encoder.looks_ahead

    def encode(steps: Tensor) -> Tensor:
        steps = steps.to(captioner.device)
        return encoder(steps) if keeps_features else steps

    def ask(steps: Tensor) -> Answer:
        found = next(
            captioner.captioned(steps, [len(steps)], sources=[""], is_encoded=keeps_features)
        )
        return CaptionAnswer(found.text, found.score)

    return WindowReading(encode, ask, length=length, stride=stride)


def _answer_of(model: Classifier, scores: Tensor, lengths: Tensor) -> Answer:
    found: np.ndarray = model.probabilities(scores, lengths).numpy()[0]
    if not np.isfinite(found).all():
        raise InputError(f"CKPT: {NOT_FINITE}")
    return ClassAnswer(model.classes, found)
