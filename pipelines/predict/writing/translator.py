"""Translation of a user's own texts by a saved model."""

from collections.abc import Iterable, Iterator
from typing import Any

import torch

from data.files.checkpoint import Saved
from data.plain_text.content import clean
from models.sequence.search import Hypothesis
from pipelines.predict.inputs import Item
from pipelines.predict.writing.writer import Writer, WrittenAnswer
from pipelines.tasks.text_checkpoints import source_to_text_of

# Texts that are translated together have at most so many tokens, times the beam.
_TOKENS_AT_ONCE, _TEXTS_AT_ONCE = 8_192, 64


class Translator(Writer):
    """Texts → translations, by a saved model; see `Writer`."""

    def answers(self, items: Iterable[Item]) -> Iterator[WrittenAnswer]:
        """Translate items in their order, several together; each is answered as it is alone."""
        waiting: list[tuple[Item, list[int]]] = []
        longest = 0
        for item in items:
            tokens = [] if item.problem else self.tokenizer.encode(clean(item.source)).ids
            longest = max(longest, len(tokens))
            is_too_much = longest * (len(waiting) + 1) * self.width > _TOKENS_AT_ONCE
            if waiting and (is_too_much or len(waiting) == _TEXTS_AT_ONCE):
                yield from self._together(waiting)
                waiting, longest = [], len(tokens)
            waiting.append((item, tokens))
        yield from self._together(waiting)

    def _together(self, waiting: list[tuple[Item, list[int]]]) -> Iterator[WrittenAnswer]:
        found = iter(self._translated([tokens for _, tokens in waiting if tokens]))
        for item, tokens in waiting:
            if tokens:
                yield self.written(item.source, self.pieces(tokens), next(found))
            else:
                reason = item.problem or "holds no token"
                yield WrittenAnswer(item.source, [], [], [], None, reason)

    def _translated(self, texts: list[list[int]]) -> list[list[Hypothesis]]:
        if not texts:
            return []
        lengths = [len(tokens) for tokens in texts]
        with torch.inference_mode():
            memory = self.model.model.remember(
                torch.tensor([token for tokens in texts for token in tokens], device=self.device),
                torch.tensor(lengths, device=self.device),
            )
            return self.search(memory, lengths, keys=[str(tokens) for tokens in texts])


def translator_of(
    saved: Saved,
    *,
    where: str,
    trust: str | None,
    device: str | torch.device | None = None,
    num_workers: int | None = None,
    **options: Any,
) -> Translator:
    """Make a translator of the content of its checkpoint; see `predictor_of` and `Writer`.

    Nothing is decoded: ``num_workers`` is not used.
    """
    model = source_to_text_of(saved, where=where, trust=trust)
    return Translator(model, device=device, **options)
