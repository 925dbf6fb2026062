"""Classifiers behind the server: of texts, and of clips."""

from typing import Any

from data.files.checkpoint import Saved
from pipelines.predict.inputs import Item
from pipelines.predict.predictor import Prediction, Predictor, predictor_of
from pipelines.predict.steps import ItemSteps, TextSteps
from pipelines.serve.answerers.decoding import UploadReader
from pipelines.serve.answerers.examples import REVIEWS, motion
from pipelines.serve.answerers.explanations import explanation, frames_shown
from pipelines.serve.answerers.served import Served
from pipelines.serve.answerers.streaming import FrameStream, Stream, TextStream
from pipelines.serve.traffic.limits import Limits
from pipelines.serve.traffic.refusals import Refused


class ServedClassifier(Served):
    """A classifier; subclasses say how its items are read.

    Args:
        predictor: the model.
        limits: of requests.
    """

    answers_with = "classes"
    #: number of steps of an item that are read; None: all
    most_steps: int | None

    def __init__(self, predictor: Predictor, limits: Limits) -> None:
        self.predictor, self.limits, self.task = predictor, limits, predictor.task

    def answers(self, items: list[ItemSteps]) -> list[dict[str, Any]]:
        return [
            found.plain() if isinstance(found, Prediction) else {"error": found.reason}
            for found, _ in self.predictor.answers_to(items)
        ]

    def explanation(self, item: ItemSteps, answer: dict[str, Any]) -> dict[str, Any]:
        return explanation(self.predictor, item, answer)

    def about(self) -> dict[str, Any]:
        scorer = self.predictor.model.model
        return {
            "classes": self.predictor.classes,
            "looks_ahead": not scorer.is_causal,
            "title": scorer.title,
            "most_steps": self.most_steps,
            "parameters": sum(one.numel() for one in self.predictor.model.parameters()),
        }


class ServedTexts(ServedClassifier):
    """A classifier of texts."""

    def __init__(self, predictor: Predictor, limits: Limits) -> None:
        super().__init__(predictor, limits)
        assert isinstance(predictor.steps, TextSteps)
        self.most_steps = predictor.steps.max_tokens
        if self.is_of_embedded_data(predictor.model.description):
            self.examples = REVIEWS

    def read_text(self, text: str) -> ItemSteps:
        [[found]] = self.predictor.steps.groups([Item(text)])
        if found.item.problem is not None:
            raise Refused(422, found.item.problem)
        return found

    def explanation(self, item: ItemSteps, answer: dict[str, Any]) -> dict[str, Any]:
        assert isinstance(self.predictor.steps, TextSteps)
        pieces = self.predictor.steps.pieces(item.item.source, len(item.steps))
        return super().explanation(item, answer) | {"pieces": pieces}

    def stream(self) -> Stream:
        return TextStream(
            self.predictor,
            most_steps=self.limits.stream_steps,
            most_characters=self.limits.max_characters,
        )


class ServedClips(ServedClassifier):
    """A classifier of clips."""

    def __init__(self, predictor: Predictor, limits: Limits) -> None:
        super().__init__(predictor, limits)
        self.uploads = UploadReader.like(predictor.steps, limits, pictures=False)
        self.most_steps = self.uploads.how.max_frames
        if self.is_of_embedded_data(predictor.model.description):
            self.make_example = motion

    def explanation(self, item: ItemSteps, answer: dict[str, Any]) -> dict[str, Any]:
        return super().explanation(item, answer) | {"frames": frames_shown(item)}

    def stream(self) -> Stream | None:
        assert self.uploads is not None
        if self.predictor.model.model.encoder.looks_ahead:
            return None  # each frame would have all before it encoded anew
        return FrameStream(
            self.predictor, most_steps=self.limits.stream_steps, uploads=self.uploads
        )


def served_texts(
    saved: Saved, *, where: str, trust: str | None, device: str | None, limits: Limits
) -> ServedTexts:
    """Make what the server asks of the content of a checkpoint; see `predictor_of`."""
    return ServedTexts(predictor_of(saved, where=where, trust=trust, device=device), limits)


def served_clips(
    saved: Saved, *, where: str, trust: str | None, device: str | None, limits: Limits
) -> ServedClips:
    """Make what the server asks of the content of a checkpoint; see `predictor_of`."""
    return ServedClips(predictor_of(saved, where=where, trust=trust, device=device), limits)
