"""Answers that are written: what a saved model says of a source, by search or by chance.

B sources
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch

from data.files.errors import InputError
from data.tokens.vocabulary import UNKNOWN_ID
from models.sequence.encoder_decoder import Memory
from models.sequence.search import Hypothesis, beam_search, limits, sampled
from models.sequence.source_to_text import SourceToText
from pipelines.predict.inputs import Item, items_of
from pipelines.runtime.escaping import excerpt, printable
from pipelines.tasks.text_checkpoints import tokenizer_of

#: columns of the rows of an answer
COLUMNS = ("source", "rank", "text", "score", "finished", "error")


class WrittenAnswer(NamedTuple):
    """The best answers to one source, or the reason why there is none."""

    source: str
    """The text itself, or the path of the picture or clip."""
    steps: list[str]
    """Its tokens, or the numbers of its frames."""
    best: list[Hypothesis]
    texts: list[str]
    """The answers, the best first."""
    words: list[list[str]] | None
    """The tokens of each, one by one; None: their attention was not kept."""
    problem: str | None = None
    steps_name: str = "source_tokens"
    """Name of the steps among plain values."""

    @property
    def text(self) -> str:
        """The best answer."""
        return self.texts[0]

    @property
    def score(self) -> float:
        """Score of the best answer (see `Hypothesis.score`)."""
        return self.best[0].score

    @property
    def is_finished(self) -> bool:
        """Whether the best answer came to its end; False: it was cut off."""
        return self.best[0].is_finished

    def __str__(self) -> str:
        if self.problem is not None:
            return f"{excerpt(self.source, most=60)}: {printable(self.problem)}"
        return printable(self.text)

    def plain(self) -> dict[str, Any]:
        """The answer as plain values, with the attention where it was kept."""
        if self.problem is not None:
            return {"source": self.source, "error": self.problem}
        best: list[dict[str, Any]] = [
            {"text": text, "score": one.score, "log_probability": one.log_probability,
             "finished": one.is_finished}
            for text, one in zip(self.texts, self.best, strict=True)
        ]  # fmt: skip
        if self.words is not None:
            for found, one, words in zip(best, self.best, self.words, strict=True):
                found |= self._attention(one, words)
        return {"source": self.source, **best[0]} | ({"best": best} if len(best) > 1 else {})

    def rows(self) -> Iterator[list[Any]]:
        """The answers as rows of a table (see `COLUMNS`)."""
        if self.problem is not None:
            yield [self.source, None, None, None, None, self.problem]
        for rank, (text, one) in enumerate(zip(self.texts, self.best, strict=True), start=1):
            yield [self.source, rank, text, one.score, str(one.is_finished).lower(), None]

    def _attention(self, one: Hypothesis, words: list[str]) -> dict[str, Any]:
        """Weights for each word: of each source step, or, with P places of a frame, steps × P."""
        num_places = one.attention.shape[1] // max(len(self.steps), 1)
        weights = one.attention[: len(words)]
        if num_places > 1:
            weights = weights.unflatten(1, (len(self.steps), num_places))
        return {
            self.steps_name: self.steps,
            "tokens": words,
            "attention": _rounded(weights.tolist()),
        }


class Writer:
    """Sources → answers, by a saved model. Subclasses define `answers`.

    Args:
        model: the trained model with its ``description``, read from a checkpoint.
        beam: hypotheses of the search; None: as in the test, or as many as ``num_best``.
        num_best: answers to each source.
        blocked_ngram: n; no n tokens come twice in an answer. 0: they may; None: as in the test.
        temperature: draws answers from probabilities p^(1 / temperature), and searches for none;
            None searches.
        seed: what they are drawn from, together with the source: it is drawn the same in any batch.
        keeps_attention: whether answers have their attention.
        device: device of the model; None takes a GPU where there is one.
    """

    #: whether sources are paths of files; otherwise they are the texts themselves
    takes_paths: bool = False
    #: name of what is read of a source, among plain values
    steps_name: str = "source_tokens"

    def __init__(
        self,
        model: SourceToText,
        *,
        beam: int | None = None,
        num_best: int = 1,
        blocked_ngram: int | None = None,
        temperature: float | None = None,
        seed: int = 0,
        keeps_attention: bool = False,
        device: str | torch.device | None = None,
    ) -> None:
        self.device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        self.model, self.tokenizer = model.to(self.device).eval(), tokenizer_of(model)
        # A text that spells END has no END in it.
        self.tokenizer.encode_special_tokens = True
        self.beam = max(model.beam, num_best) if beam is None else beam
        self.num_best, self.temperature, self.seed = num_best, temperature, seed
        self.keeps_attention = keeps_attention
        self._options: dict[str, Any] = {
            "end": model.end,
            "length_power": model.length_power,
            "blocked_ngram": model.blocked_ngram if blocked_ngram is None else blocked_ngram,
            "never": (UNKNOWN_ID,),
            "keeps_attention": keeps_attention,
        }

    @property
    def width(self) -> int:
        """Number of sequences that are written of each source at once."""
        return self.beam if self.temperature is None else self.num_best

    def __call__(self, source: str | Path) -> WrittenAnswer:
        """Answer one source.

        Raises:
            InputError: it cannot be read, or is neither a text nor a path.
        """
        return next(self.many([source]))

    def many(self, sources: Iterable[str | Path]) -> Iterator[WrittenAnswer]:
        """Answer sources in their order.

        Raises:
            InputError: on reaching a source without an answer; `answers` continues after it.
        """
        for found in self.answers(items_of(sources, takes_paths=self.takes_paths)):
            if found.problem is not None:
                raise InputError(str(found))
            yield found

    def answers(self, items: Iterable[Item]) -> Iterator[WrittenAnswer]:
        """Answer items in their order; each is answered as it is alone."""
        raise NotImplementedError(f"{type(self).__name__} must define answers(items)")

    def written(self, source: str, steps: list[str], best: list[Hypothesis]) -> WrittenAnswer:
        """Put the hypotheses of a source into words."""
        words = [self.pieces(one.tokens) for one in best] if self.keeps_attention else None
        texts = [self.tokenizer.decode(one.tokens) for one in best]
        num_steps = len(steps)
        best = [_without_padding(one, num_steps, self.num_places) for one in best]
        return WrittenAnswer(source, steps, best, texts, words, steps_name=self.steps_name)

    #: number of places of a source step that are attended to
    num_places: int = 1

    def pieces(self, tokens: Sequence[int]) -> list[str]:
        """Spell tokens one by one."""
        return [self.tokenizer.decode([token]) for token in tokens]

    def search(
        self, memory: Memory, lengths: Sequence[int], *, keys: Sequence[str]
    ) -> list[list[Hypothesis]]:
        """Search or draw answers to B sources.

        Args:
            memory: of the sources.
            lengths: steps of each source, which limit its answer.
            keys: what tells sources apart, for those that are drawn.
        """
        most = limits(self.model.model, lengths, max_tokens=self.model.max_tokens)
        if self.temperature is None:
            return beam_search(
                self.model.model,
                memory,
                max_tokens=most,
                beam=self.beam,
                num_best=self.num_best,
                **self._options,
            )
        count = self.num_best
        rows = torch.arange(len(keys), device=self.device).repeat_interleave(count)
        found = sampled(
            self.model.model,
            memory.rows(rows),
            max_tokens=[limit for limit in most for _ in range(count)],
            temperature=self.temperature,
            generators=[_generator(self.seed, key, k) for key in keys for k in range(count)],
            **self._options,
        )
        drawn = (found[k * count : (k + 1) * count] for k in range(len(keys)))
        return [sorted(some, key=lambda one: -one.score) for some in drawn]


def _without_padding(one: Hypothesis, num_steps: int, num_places: int) -> Hypothesis:
    return one._replace(attention=one.attention[:, : num_steps * num_places])


def _generator(seed: int, key: str, number: int) -> torch.Generator:
    """Make the generator of a source's answer of some number."""
    digest = hashlib.blake2b(f"{seed} {number} {key}".encode(), digest_size=8).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest, "big"))


def _rounded(values: Any) -> Any:
    return [_rounded(one) for one in values] if isinstance(values, list) else round(values, 4)
