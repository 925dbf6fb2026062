"""The contract of what the server asks: a model of any kind, and how its inputs are read."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar

from pipelines.predict.steps import ItemSteps
from pipelines.serve.answerers.decoding import UploadReader
from pipelines.serve.answerers.streaming import Stream
from pipelines.serve.traffic.refusals import Refused


class Served(ABC):
    """A model behind the server."""

    #: name of the kind of model
    task: str
    #: what the page draws: ``classes`` or ``text``
    answers_with: ClassVar[str]
    #: reader of uploads; None: the model reads texts
    uploads: UploadReader | None = None

    #: texts to try it with
    examples: tuple[str, ...] = ()
    #: makes the bytes of a clip of some number to try it with; None: there is none
    make_example: Callable[[int], bytes] | None = None

    @property
    def takes(self) -> str:
        """Kind of input: ``text``, ``clip``, or ``picture`` (or a clip)."""
        if self.uploads is None:
            return "text"
        return "picture" if self.uploads.pictures else "clip"

    def read_text(self, text: str) -> ItemSteps:
        """Steps of a text.

        Raises:
            Refused: it holds none.
        """
        raise NotImplementedError(f"{type(self).__name__} reads no texts")

    def read_upload(self, content: bytes) -> ItemSteps:
        """Decode a file; takes as long as decoding takes.

        Raises:
            Refused: it cannot be read.
        """
        if self.uploads is None:
            raise Refused(415, 'this model reads texts: send JSON, {"text": "…"}')
        return self.uploads.read(content)

    def close(self) -> None:
        """End what reads."""
        if self.uploads is not None:
            self.uploads.close()

    @abstractmethod
    def answers(self, items: list[ItemSteps]) -> list[dict[str, Any]]:
        """Plain values for each item; an ``error`` among them is why there is no answer."""

    @abstractmethod
    def explanation(self, item: ItemSteps, answer: dict[str, Any]) -> dict[str, Any]:
        """Explanation that the page shows beside an answer, in plain values."""

    @abstractmethod
    def about(self) -> dict[str, Any]:
        """Description of the model, in plain values."""

    @classmethod
    def is_of_embedded_data(cls, description: dict[str, Any]) -> bool:
        """Whether a model was trained on the data that come with this project."""
        return description["data"].get("path") is None

    def stream(self) -> Stream | None:
        """State of a new stream; None: this model answers no stream."""
        return None
