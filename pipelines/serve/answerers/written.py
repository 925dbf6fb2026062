"""Models that write behind the server: translators, and captioners of pictures and clips."""

from typing import Any

from data.files.checkpoint import Saved
from pipelines.predict.inputs import Item
from pipelines.predict.steps import ItemSteps, batches_of
from pipelines.predict.writing.captioner import Captioner
from pipelines.predict.writing.translator import Translator
from pipelines.predict.writing.writer import Writer, WrittenAnswer
from pipelines.serve.answerers.decoding import UploadReader
from pipelines.serve.answerers.examples import phrases, scene
from pipelines.serve.answerers.explanations import frames_shown
from pipelines.serve.answerers.served import Served
from pipelines.serve.traffic.limits import Limits
from pipelines.serve.traffic.refusals import Refused
from pipelines.tasks.text_checkpoints import source_to_text_of

# A clip's weights are shown below each of so many frames.
_MOST_FRAMES = 16


class ServedWriter(Served):
    """A model that writes; subclasses say how its sources are read.

    Args:
        writer: the model, which keeps its attention.
    """

    answers_with = "text"

    def __init__(self, writer: Writer) -> None:
        self.writer = writer
        self.task = writer.model.description["task"]

    def about(self) -> dict[str, Any]:
        return {
            "title": type(self.writer.model.model.decoder.recurrence).__name__,
            "parameters": sum(one.numel() for one in self.writer.model.parameters()),
            "beam": self.writer.beam,
        }


class ServedTranslator(ServedWriter):
    """A translator of texts."""

    writer: Translator

    def __init__(self, writer: Translator) -> None:
        super().__init__(writer)
        if self.is_of_embedded_data(writer.model.description):
            self.examples = phrases()

    def read_text(self, text: str) -> ItemSteps:
        if not text.strip():
            raise Refused(422, "holds no word; give a text of at least one")
        return ItemSteps.unread(Item(text), "")._replace(item=Item(text))

    def answers(self, items: list[ItemSteps]) -> list[dict[str, Any]]:
        return [_plain(found) for found in self.writer.answers(one.item for one in items)]

    def explanation(self, item: ItemSteps, answer: dict[str, Any]) -> dict[str, Any]:
        return {}


class ServedCaptioner(ServedWriter):
    """A captioner of pictures and clips.

    Args:
        writer: see `ServedWriter`.
        limits: of requests.
    """

    writer: Captioner

    def __init__(self, writer: Captioner, limits: Limits) -> None:
        super().__init__(writer)
        self.uploads = UploadReader.like(writer.steps, limits, pictures=True)
        if self.is_of_embedded_data(writer.model.description):
            self.make_example = scene

    def answers(self, items: list[ItemSteps]) -> list[dict[str, Any]]:
        groups = batches_of(items, budget=self.writer.steps.steps_per_batch)
        return [_plain(found) for group in groups for found in self.writer.answers_to(group)]

    def explanation(self, item: ItemSteps, answer: dict[str, Any]) -> dict[str, Any]:
        return {"frames": frames_shown(item, most=_MOST_FRAMES)}


def _plain(found: WrittenAnswer) -> dict[str, Any]:
    plain = found.plain()
    plain.pop("source")
    return plain


def served_translator(
    saved: Saved, *, where: str, trust: str | None, device: str | None, limits: Limits
) -> ServedTranslator:
    """Make what the server asks of the content of a checkpoint; see `predictor_of`."""
    model = source_to_text_of(saved, where=where, trust=trust)
    return ServedTranslator(Translator(model, device=device, keeps_attention=True))


def served_captioner(
    saved: Saved, *, where: str, trust: str | None, device: str | None, limits: Limits
) -> ServedCaptioner:
    """Make what the server asks of the content of a checkpoint; see `predictor_of`."""
    model = source_to_text_of(saved, where=where, trust=trust)
    captioner = Captioner(model, device=device, num_workers=1, keeps_attention=True)
    return ServedCaptioner(captioner, limits)
