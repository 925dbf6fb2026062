"""Streams: the answer so far, after each piece of a text or each frame of a camera.

N steps that come together · T steps that are kept · D features · K classes
"""

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
import torch
from torch import Tensor

from data.plain_text.content import clean
from models.sequence.classifier import Classifier
from models.sequence.stepwise import Stepper
from pipelines.metrics.calibration import NOT_FINITE
from pipelines.predict.predictor import Predictor
from pipelines.predict.steps import TextSteps
from pipelines.serve.answerers.decoding import UploadReader
from pipelines.serve.traffic.refusals import Refused


class Running:
    """The running answer of one sequence, whose steps come little by little.

    It keeps the encoded steps, and reads them anew each time. Of more than ``most_steps``, the last
    so many are read.

    Args:
        model: the classifier, in eval mode.
        most_steps: number of steps that are kept.
        device: device of the model.
    """

    def __init__(self, model: Classifier, *, most_steps: int, device: torch.device) -> None:
        self._model, self._most, self._device = model, most_steps, device
        self._features: Tensor | None = None
        #: number of steps so far, and of those at the beginning that were forgotten
        self.num_steps = self.num_forgotten = 0

    def cut(self, num_steps: int) -> None:
        """Take back the steps after the first so many."""
        if self._features is not None:
            self._features = self._features[: max(num_steps - self.num_forgotten, 0)]
            self.num_steps = self.num_forgotten + len(self._features)

    def feed(self, steps: Tensor, *, before: Tensor | None = None) -> np.ndarray:
        """Read on; return the probabilities (K,) of the answer had the sequence ended here.

        Args:
            steps: (N, …) tokens or frames.
            before: the steps before them that the encoder looks back at.
        """
        num_before = 0 if before is None else len(before)
        if before is not None and num_before:
            steps = torch.cat([before, steps])
        with torch.inference_mode():
            if len(steps) > num_before:
                steps = steps.to(self._device)
                lengths = torch.tensor([len(steps)], device=self._device)
                found = self._model.model.encoder.encode_ragged(steps, lengths)[num_before:]
                kept = found if self._features is None else torch.cat([self._features, found])
                self.num_steps += len(found)
                self.num_forgotten += max(len(kept) - self._most, 0)
                self._features = kept[-self._most :].clone()
            assert self._features is not None
            length = torch.tensor([len(self._features)], device=self._device)
            scores = self._model.model.read(self._features, length)
        return _finite(self._model.probabilities(scores, length).numpy()[0])


class Carried:
    """The running answer of a model that does not look ahead: its state is carried, without end.

    Args:
        model: the classifier, in eval mode.
        device: device of the model.
    """

    #: nothing is ever forgotten
    num_forgotten = 0

    def __init__(self, model: Classifier, *, device: torch.device) -> None:
        self._model, self._device = model, device
        self._stepper = Stepper(model.model)
        self._state = self._stepper.start(1)
        self.num_steps = 0

    def feed(self, steps: Tensor) -> np.ndarray:
        """Read on; see `Running.feed`."""
        with torch.inference_mode():
            steps = steps.to(self._device)
            if self._stepper.takes_features:
                steps = self._model.model.encoder(steps)
            for step in steps:
                scores, self._state = self._stepper(step.unsqueeze(0), self._state)
        self.num_steps += len(steps)
        return _finite(self._model.probabilities(scores, self._state["steps_read"]).numpy()[0])


def _finite(shares: np.ndarray) -> np.ndarray:
    if not np.isfinite(shares).all():
        raise Refused(422, NOT_FINITE)
    return shares


class Stream(ABC):
    """The state of one connection.

    Args:
        predictor: the model.
        most_steps: see `Running`.
        step: what a step is called.
    """

    #: what reads on; `clear` makes it
    _running: Running | Carried

    def __init__(self, predictor: Predictor, *, most_steps: int, step: str) -> None:
        self._predictor, self._most, self._step = predictor, most_steps, step
        self.clear()

    @abstractmethod
    def clear(self) -> None:
        """Begin anew."""

    def introduction(self) -> dict[str, Any]:
        """The first message: how the stream is read."""
        return {
            "takes": self._step,
            "classes": self._predictor.classes,
            "looks_ahead": not self._predictor.model.model.is_causal,
            "most_steps": self._most,
            "reading": self._reading(),
        }

    def _reading(self) -> str:
        if self._predictor.model.model.is_causal:
            return f"every {self._step} so far counts; of more than {self._most:,} the last so many"
        return (
            f"looks ahead: the last {self._most:,} {self._step}s are read anew at each message, in both"
            " directions"
        )

    @abstractmethod
    def fed(self, message: str | bytes) -> dict[str, Any]:
        """The answer so far, after a message.

        Raises:
            Refused: the message cannot be read; the state is that from before it.
        """

    def _told(self, shares: np.ndarray) -> dict[str, Any]:
        pairs = zip(self._predictor.classes, shares.tolist(), strict=True)
        probabilities = dict(sorted(pairs, key=lambda pair: -pair[1]))
        label, runner_up = list(probabilities)[:2]
        return {
            "label": label,
            "probability": probabilities[label],
            "runner_up": runner_up,
            "probabilities": probabilities,
            "steps": self._running.num_steps,
            "forgotten": self._running.num_forgotten,
        }


class TextStream(Stream):
    """A text that grows by each message; the answer is that of the text so far.

    Args:
        predictor: a classifier of texts.
        most_steps: see `Running`.
        most_characters: length of the text.
    """

    def __init__(self, predictor: Predictor, *, most_steps: int, most_characters: int) -> None:
        assert isinstance(predictor.steps, TextSteps)
        self._reader, self._most_characters = predictor.steps, most_characters
        super().__init__(predictor, most_steps=most_steps, step="word")

    def clear(self) -> None:
        self._running = self._of_words = Running(
            self._predictor.model, most_steps=self._most, device=self._predictor.device
        )
        self._text, self._tokens = "", torch.empty(0, dtype=torch.int64)

    def fed(self, message: str | bytes) -> dict[str, Any]:
        if isinstance(message, bytes):
            raise Refused(415, "this model reads texts: send text messages")
        if not message:
            self.clear()
            return {"steps": 0, "forgotten": 0}
        text = self._text + clean(message)
        if len(text) > self._most_characters:
            raise Refused(413, f"the text has more than {self._most_characters:,} characters")
        tokens = self._reader.tokens(text)
        # A further piece may change the last word: "un", "able".
        same = _num_alike(self._tokens, tokens)
        self._text, self._tokens = text, tokens
        self._of_words.cut(same)
        if not len(tokens):
            return {"steps": 0, "forgotten": 0}
        looks_back = max(one.looks_back for one in self._predictor.model.model.encoders)
        before = tokens[max(same - looks_back, 0) : same]
        return self._told(self._of_words.feed(tokens[same:], before=before))


class FrameStream(Stream):
    """Frames of a camera, each sent as a picture.

    Args:
        predictor: a classifier of clips.
        most_steps: see `Running`.
        uploads: reader of the pictures.
    """

    def __init__(self, predictor: Predictor, *, most_steps: int, uploads: UploadReader) -> None:
        self._uploads = uploads
        super().__init__(predictor, most_steps=most_steps, step="frame")

    def clear(self) -> None:
        model, device = self._predictor.model, self._predictor.device
        self._running = (
            Carried(model, device=device)
            if model.model.is_causal
            else Running(model, most_steps=self._most, device=device)
        )

    def _reading(self) -> str:
        is_causal = self._predictor.model.model.is_causal
        return "every frame so far counts, without end" if is_causal else super()._reading()

    def fed(self, message: str | bytes) -> dict[str, Any]:
        if message == "":
            self.clear()
            return {"steps": 0, "forgotten": 0}
        if isinstance(message, str):
            raise Refused(415, "this model reads frames: send each as a JPEG, PNG or WebP picture")
        frame = self._uploads.read_frame(message)
        return self._told(self._running.feed(self._predictor.steps.together([frame])))


def _num_alike(some: Tensor, others: Tensor) -> int:
    """Number of tokens at the beginning that are alike."""
    count = min(len(some), len(others))
    differ = (some[:count] != others[:count]).nonzero()
    return int(differ[0]) if len(differ) else count
