"""Translation of a user's own texts by a saved model."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

import torch

from data.files.encodings import clean
from models.sequence.search import Hypothesis, beam_search
from pipelines.predict.inputs import Item
from pipelines.tasks.text_checkpoints import tokenizer_of

if TYPE_CHECKING:
    from pipelines.tasks.generation import Generation

# Texts that are translated together have at most so many tokens, times the beam.
_TOKENS_AT_ONCE, _TEXTS_AT_ONCE = 8_192, 64


class Translation(NamedTuple):
    """The best translations of one text, or the reason why there is none."""

    source: str
    tokens: list[int]
    """Tokens of the source."""
    best: list[Hypothesis]
    texts: list[str]
    """The translations, the best first."""
    problem: str | None = None


class Translator:
    """Texts → translations, by a saved model.

    Args:
        task: the trained task, read from a checkpoint.
        beam: hypotheses of the search; None: as in the test.
        num_best: translations of each text.
    """

    def __init__(self, task: "Generation", *, beam: int | None = None, num_best: int = 1) -> None:
        self.task, self.tokenizer = task.eval(), tokenizer_of(task)
        # A text that spells END has no END in it.
        self.tokenizer.encode_special_tokens = True
        self.beam = task.beam if beam is None else beam
        self.num_best = num_best

    def __call__(self, text: str) -> Translation:
        """Translate one text."""
        return next(self.answers([Item(text)]))

    def answers(self, items: Iterable[Item]) -> Iterator[Translation]:
        """Translate items in their order, several together; each is answered as it is alone."""
        waiting: list[tuple[Item, list[int]]] = []
        longest = 0
        for item in items:
            tokens = [] if item.problem else self.tokenizer.encode(clean(item.source)).ids
            longest = max(longest, len(tokens))
            is_too_much = longest * (len(waiting) + 1) * self.beam > _TOKENS_AT_ONCE
            if waiting and (is_too_much or len(waiting) == _TEXTS_AT_ONCE):
                yield from self._together(waiting)
                waiting, longest = [], len(tokens)
            waiting.append((item, tokens))
        yield from self._together(waiting)

    def pieces(self, tokens: Sequence[int]) -> list[str]:
        """Spell tokens one by one."""
        return [self.tokenizer.decode([token]) for token in tokens]

    def _together(self, waiting: list[tuple[Item, list[int]]]) -> Iterator[Translation]:
        found = iter(self._search([tokens for _, tokens in waiting if tokens]))
        for item, tokens in waiting:
            if tokens:
                best = next(found)
                texts = [self.tokenizer.decode(one.tokens) for one in best]
                yield Translation(item.source, tokens, best, texts)
            else:
                yield Translation(item.source, [], [], [], item.problem or "holds no token")

    def _search(self, texts: list[list[int]]) -> list[list[Hypothesis]]:
        if not texts:
            return []
        with torch.inference_mode():
            memory = self.task.model.remember(
                torch.tensor([token for tokens in texts for token in tokens]),
                torch.tensor([len(tokens) for tokens in texts]),
            )
            return beam_search(
                self.task.model,
                memory,
                end=self.task.end,
                max_tokens=self.task.limits(map(len, texts)),
                beam=self.beam,
                num_best=self.num_best,
                length_power=self.task.length_power,
            )
