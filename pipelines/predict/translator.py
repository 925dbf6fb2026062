"""Translation of a user's own texts by a saved model."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

import torch

from models.sequence.search import Hypothesis, beam_search
from pipelines.predict.inputs import Item

if TYPE_CHECKING:
    from pipelines.tasks.generation import Generation

# Texts that are translated together have at most so many tokens, times the beam.
_TOKENS_AT_ONCE, _TEXTS_AT_ONCE = 8_192, 64


class Translation(NamedTuple):
    """The best translations of one text, or the reason why there is none."""

    source: str
    best: list[Hypothesis]
    texts: list[str]
    """The translations, the best first."""
    pieces: tuple[list[str], list[list[str]]]
    """Tokens of the source and of each translation."""
    problem: str | None = None

    @property
    def text(self) -> str:
        """The best translation."""
        return self.texts[0] if self.texts else ""


class Translator:
    """Texts → translations, by a saved model.

    Args:
        task: the trained task, read from a checkpoint.
        beam: hypotheses of the search; None: as in the test.
        num_best: translations of each text.
    """

    def __init__(
        self,
        task: "Generation",
        *,
        beam: int | None = None,
        num_best: int = 1,
    ) -> None:
        assert task.tokenizer is not None
        self.task, self.tokenizer = task.eval(), task.tokenizer
        self.beam = task.beam if beam is None else beam
        self.num_best = num_best

    def __call__(self, text: str) -> Translation:
        """Translate one text."""
        return next(self.answers([Item(text)]))

    def answers(self, items: Iterable[Item]) -> Iterator[Translation]:
        """Translate items in their order, several together; each is answered as it is alone."""
        waiting: list[tuple[Item, list[int]]] = []
        remaining = iter(items)
        while group := list(islice(remaining, _TEXTS_AT_ONCE)):
            for item in group:
                tokens = [] if item.problem else self.tokenizer.encode(item.source).ids
                longest = max([len(tokens), *(len(ids) for _, ids in waiting)])
                if waiting and longest * (len(waiting) + 1) * self.beam > _TOKENS_AT_ONCE:
                    yield from self._together(waiting)
                    waiting = []
                waiting.append((item, tokens))
            yield from self._together(waiting)
            waiting = []

    def _together(self, waiting: list[tuple[Item, list[int]]]) -> Iterator[Translation]:
        read = [tokens for _, tokens in waiting if tokens]
        found: Iterator[list[Hypothesis]] = iter(())
        if read:
            with torch.inference_mode():
                memory = self.task.model.remember(
                    torch.tensor([token for tokens in read for token in tokens]),
                    torch.tensor([len(tokens) for tokens in read]),
                )
                found = iter(
                    beam_search(
                        self.task.model,
                        memory,
                        end=self.task.end,
                        max_tokens=self.task.limits(map(len, read)),
                        beam=self.beam,
                        num_best=self.num_best,
                        length_power=self.task.length_power,
                    )
                )
        for item, tokens in waiting:
            if not tokens:
                problem = item.problem or "holds no token"
                yield Translation(item.source, [], [], ([], []), problem)
                continue
            best = next(found)
            texts = [self.tokenizer.decode(one.tokens) for one in best]
            pieces = self._pieces(tokens), [self._pieces(one.tokens) for one in best]
            yield Translation(item.source, best, texts, pieces)

    def _pieces(self, tokens: list[int]) -> list[str]:
        return [self.tokenizer.decode([token]) for token in tokens]
