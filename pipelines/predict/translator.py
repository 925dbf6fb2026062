"""Translation of a user's own texts by a saved model."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch

from data.files.checkpoint import Saved
from data.files.encodings import clean
from data.files.errors import InputError
from models.sequence.encoder_decoder import Memory
from models.sequence.search import Hypothesis, beam_search, limits, sampled
from models.sequence.text_to_text import TextToText
from pipelines.predict.inputs import Item, items_of
from pipelines.runtime.escaping import excerpt, printable
from pipelines.tasks.text_checkpoints import text_to_text_of, tokenizer_of

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

    @property
    def text(self) -> str:
        """The best translation."""
        return self.texts[0]

    @property
    def score(self) -> float:
        """Score of the best translation (see `Hypothesis.score`)."""
        return self.best[0].score

    @property
    def is_finished(self) -> bool:
        """Whether the best translation came to its end; False: it was cut off."""
        return self.best[0].is_finished

    def __str__(self) -> str:
        if self.problem is not None:
            return f"{excerpt(self.source, most=60)}: {printable(self.problem)}"
        return printable(self.text)


class Translator:
    """Texts → translations, by a saved model.

    Args:
        model: the trained model with its ``description``, read from a checkpoint.
        beam: hypotheses of the search; None: as in the test, or as many as ``num_best``.
        num_best: translations of each text.
        blocked_ngram: n; no n tokens come twice in a translation. 0: they may.
        temperature: draws translations from probabilities p^(1 / temperature), and searches for none;
            None searches.
        seed: what they are drawn from, together with the text: it is drawn the same in any batch.
        keeps_attention: whether translations have their attention.
        device: device of the model; None takes a GPU where there is one.
    """

    def __init__(
        self,
        model: TextToText,
        *,
        beam: int | None = None,
        num_best: int = 1,
        blocked_ngram: int = 0,
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
        self._options: dict[str, Any] = {
            "end": model.end,
            "length_power": model.length_power,
            "blocked_ngram": blocked_ngram,
            "keeps_attention": keeps_attention,
        }

    def __call__(self, text: str) -> Translation:
        """Translate one text.

        Raises:
            InputError: a text without a token, or something else than a text.
        """
        return next(self.many([text]))

    def many(self, texts: Iterable[str | Path]) -> Iterator[Translation]:
        """Translate texts in their order.

        Raises:
            InputError: on reaching a text that has no translation; `answers` continues after it.
        """
        for found in self.answers(items_of(texts, takes_paths=False)):
            if found.problem is not None:
                raise InputError(str(found))
            yield found

    def answers(self, items: Iterable[Item]) -> Iterator[Translation]:
        """Translate items in their order, several together; each is answered as it is alone."""
        waiting: list[tuple[Item, list[int]]] = []
        width = self.beam if self.temperature is None else self.num_best
        longest = 0
        for item in items:
            tokens = [] if item.problem else self.tokenizer.encode(clean(item.source)).ids
            longest = max(longest, len(tokens))
            is_too_much = longest * (len(waiting) + 1) * width > _TOKENS_AT_ONCE
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
        lengths = [len(tokens) for tokens in texts]
        with torch.inference_mode():
            memory = self.model.model.remember(
                torch.tensor([token for tokens in texts for token in tokens], device=self.device),
                torch.tensor(lengths, device=self.device),
            )
            most = limits(lengths, least=self.model.max_tokens)
            if self.temperature is not None:
                return self._sample(memory, texts, most, temperature=self.temperature)
            return beam_search(
                self.model.model,
                memory,
                max_tokens=most,
                beam=self.beam,
                num_best=self.num_best,
                **self._options,
            )

    def _sample(
        self, memory: Memory, texts: list[list[int]], most: list[int], *, temperature: float
    ) -> list[list[Hypothesis]]:
        count = self.num_best
        rows = torch.arange(len(texts), device=self.device).repeat_interleave(count)
        found = sampled(
            self.model.model,
            memory.rows(rows),
            max_tokens=[limit for limit in most for _ in range(count)],
            temperature=temperature,
            generators=[_generator(self.seed, text, k) for text in texts for k in range(count)],
            **self._options,
        )
        drawn = (found[k * count : (k + 1) * count] for k in range(len(texts)))
        return [sorted(some, key=lambda one: -one.score) for some in drawn]


def _generator(seed: int, tokens: list[int], number: int) -> torch.Generator:
    """Make the generator of a text's translation of some number."""
    digest = hashlib.blake2b(f"{seed} {number} {tokens}".encode(), digest_size=8).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest, "big"))


def translator_of(
    saved: Saved,
    *,
    where: str,
    trust: str | None,
    device: str | torch.device | None = None,
    **unused: Any,
) -> Translator:
    """Make a translator of the content of its checkpoint; see `predictor_of`."""
    return Translator(text_to_text_of(saved, where=where, trust=trust), device=device)
