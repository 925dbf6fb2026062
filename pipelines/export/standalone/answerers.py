"""Answerers: items become classes, texts or continuations, by the graphs of an exported folder.

B items of a batch · T steps of the longest · K classes
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from data.decoding.opening import UnreadableError
from data.plain_text.content import clean
from data.plain_text.prompts import first_tokens, readable
from pipelines.export.standalone.reading import ClipReader, Reader, TextReader, VectorReader
from pipelines.export.standalone.search import beam_search
from pipelines.export.standalone.session import Session, state_after

Answer = dict[str, Any]
"""Plain values; ``error`` in place of an answer."""
# Items are batched by length within so many; a batch has at most so many steps, padding included.
_ITEMS_AT_ONCE, _STEPS_AT_ONCE = 256, 16_384


class Answerer:
    """Answers items one after the other, several together where that is faster.

    Args:
        folder: the exported folder.
        about: its ``model.json``.
    """

    def __init__(self, folder: Path, about: dict[str, Any]) -> None:
        self.folder, self.about = folder, about
        self.tokenizer: Tokenizer | None = None
        if (folder / "tokenizer.json").is_file():
            self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.read = self._reader()

    def __call__(self, source: str | Path) -> Answer:
        """Answer one text, or the clip at a path."""
        return next(self.many([source]))

    def many(self, sources: Iterable[str | Path]) -> Iterator[Answer]:
        """Answer items in their order; an item that cannot be read has an ``error``."""
        remaining = iter(sources)
        while group := [str(one) for one in islice(remaining, _ITEMS_AT_ONCE)]:
            steps: list[np.ndarray | str] = []
            for source in group:
                try:
                    steps.append(self.read(source))
                except UnreadableError as error:
                    steps.append(str(error))
            found = iter(self._answers([one for one in steps if isinstance(one, np.ndarray)]))
            for source, one in zip(group, steps, strict=True):
                answer = {"error": one} if isinstance(one, str) else next(found)
                yield {"source": source, **answer}

    def _answers(self, items: list[np.ndarray]) -> Iterable[Answer]:
        raise NotImplementedError(f"{type(self).__name__} must define _answers(items)")

    def _reader(self) -> Reader:
        if self.about["steps"] == "frames":
            encoder = self.session("encoder.onnx")
            pictures = self.about["answers"] == "text"
            return ClipReader(
                self.about["reading"],
                encoder,
                pictures=pictures,
                background_frames=self.about.get("background_frames"),
            )
        if self.about["steps"] == "vectors":
            return VectorReader(self.about["width"])
        assert self.tokenizer is not None
        if self.about["answers"] != "class":
            # A text that spells END has no END in it.
            self.tokenizer.encode_special_tokens = True
        return TextReader(self.tokenizer, max_tokens=self.about.get("max_tokens"))

    def session(self, name: str) -> Session:
        """Open a graph of the folder."""
        return Session(self.folder / name)


class ClassAnswerer(Answerer):
    """Classes and their probabilities."""

    def __init__(self, folder: Path, about: dict[str, Any]) -> None:
        super().__init__(folder, about)
        self.classes: list[str] = about["classes"]
        self._model = self.session("model.onnx")

    def _answers(self, items: list[np.ndarray]) -> list[Answer]:
        found: list[Answer] = [{} for _ in items]
        for batch in batches([len(one) for one in items]):
            steps, lengths = padded([items[k] for k in batch])
            shares = self._model.run({"steps": steps, "lengths": lengths})["probabilities"]
            for k, share in zip(batch, shares, strict=True):
                found[k] = self._answer(share, len(items[k]))
        return found

    def _answer(self, shares: np.ndarray, num_steps: int) -> Answer:
        if not np.isfinite(shares).all():
            return {"error": "the model's scores are not finite (NaN or infinite)"}
        pairs = zip(self.classes, shares.tolist(), strict=True)
        probabilities = dict(sorted(pairs, key=lambda pair: -pair[1]))
        label = next(iter(probabilities))
        return {
            "label": label,
            "probability": probabilities[label],
            "probabilities": probabilities,
            "steps": num_steps,
        }

    def running(self, source: str | Path) -> Iterator[dict[str, float]]:
        """The probabilities after each step of an item, read one by one with the state carried.

        Raises:
            UnreadableError: the item cannot be read, or the model looks ahead.
        """
        if not (self.folder / "step.onnx").is_file():
            raise UnreadableError("the model looks ahead, and has no answer after each step")
        step = self.session("step.onnx")
        state = step.zeros(batch=1)
        for one in self.read(str(source)):
            found = step.run({"steps": one[None], **state})
            state = state_after(found)
            yield dict(zip(self.classes, found["probabilities"][0].tolist(), strict=True))


class TextAnswerer(Answerer):
    """Texts: captions of clips and pictures, or translations."""

    def __init__(self, folder: Path, about: dict[str, Any]) -> None:
        super().__init__(folder, about)
        self._source, self._step = self.session("source.onnx"), self.session("step.onnx")
        self._search = dict(about["search"])
        self._is_long = self._search.pop("twice_the_source")

    def _answers(self, items: list[np.ndarray]) -> Iterator[Answer]:
        assert self.tokenizer is not None
        most = self._search["max_tokens"]
        for steps in items:
            lengths = np.array([len(steps)], np.int64)
            remembered = self._source.run({"steps": steps[None], "lengths": lengths})
            limit = max(most, 2 * len(steps)) if self._is_long else most
            found = beam_search(self._step, remembered, **{**self._search, "max_tokens": limit})
            yield {
                "text": self.tokenizer.decode(found.tokens),
                "score": found.score,
                "log_probability": found.log_probability,
                "finished": found.is_finished,
            }


class ContinuationAnswerer(Answerer):
    """Continuations of prompts by a language model.

    Attributes:
        length: the number of tokens to add.
        temperature: probabilities become p^(1 / temperature); 0: always the likeliest token.
        seed: what chance is drawn from, together with the prompt's place.
    """

    length, temperature, seed = 100, 0.8, 0

    def __init__(self, folder: Path, about: dict[str, Any]) -> None:
        super().__init__(folder, about)
        self._step = self.session("step.onnx")

    def many(self, sources: Iterable[str | Path]) -> Iterator[Answer]:
        """Continue prompts."""
        for place, prompt in enumerate(sources):
            yield {"source": str(prompt), "text": self._continued(clean(str(prompt)), place)}

    def _continued(self, prompt: str, place: int) -> str:
        assert self.tokenizer is not None
        end, drawn = self.about["end"], np.random.default_rng([self.seed, place])
        state, written = self._step.zeros(batch=1), list[int]()
        waiting = first_tokens(self.tokenizer, prompt, end=end)
        while len(written) < self.length:
            for token in waiting:
                found = self._step.run({"tokens": np.array([token]), **state})
                state = state_after(found)
            scores = found["log_probabilities"][0].astype(np.float64)
            scores[self.about["never"]] = -np.inf
            if self.temperature == 0:
                token = int(scores.argmax())
            else:
                shares = np.exp((scores - scores.max()) / self.temperature)
                token = int(drawn.choice(len(shares), p=shares / shares.sum()))
            written.append(token)
            waiting = [token]
        return readable(self.tokenizer, prompt, written, end=end)


ANSWERERS: dict[str, type[Answerer]] = {
    "class": ClassAnswerer,
    "text": TextAnswerer,
    "continuation": ContinuationAnswerer,
}


def batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Places of items of similar length, as many as fit the budget with padding."""
    group: list[int] = []
    for place in np.argsort(lengths, kind="stable").tolist():
        if group and lengths[place] * (len(group) + 1) > _STEPS_AT_ONCE:
            yield group
            group = []
        group.append(place)
    if group:
        yield group


def padded(items: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Items (T, …) → (B, T, …) with zeros behind each end, and lengths (B,)."""
    lengths = np.array([len(one) for one in items], np.int64)
    grid = np.zeros((len(items), lengths.max(), *items[0].shape[1:]), items[0].dtype)
    for row, one in zip(grid, items, strict=True):
        row[: len(one)] = one
    return grid, lengths
