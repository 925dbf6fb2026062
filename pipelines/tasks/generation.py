"""Generation: a sequence in, another sequence out, written token by token until END.

B pairs · V tokens in the vocabulary
"""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from torch import Tensor, nn
from torch.optim import Optimizer

from data.batches.pair_batch import PairBatch
from models.encoders.pretrained import reads_pretrained
from models.encoders.words import Encoder
from models.recurrence.recurrences import Recurrence
from models.sequence.search import beam_search, limits
from models.sequence.text_to_text import AttentionKind, TextToText
from pipelines.metrics.generation import corpus_bleu
from pipelines.runtime.ranks import from_all_ranks
from pipelines.tasks.task import Headline, Stage, Task, zero_of
from pipelines.training.finetuning import load_decoder, read_language_model
from pipelines.training.schedules import Schedule


class Written(NamedTuple):
    """The answer to one example."""

    id: int
    tokens: list[int]
    score: float
    """ln p over a power of the number of tokens (see `beam_search`)."""
    is_finished: bool
    """Whether END was reached; False: cut off."""
    attention: Tensor
    """(number of tokens + 1, S) float16 or fewer rows: the weight of each source step."""


class Generation(Task):
    """Trains and tests an `EncoderDecoder` for translation.

    It learns by teacher forcing. Validation writes each answer greedily, and the test by beam search.

    Args:
        encoder: turns a source token into features. The decoder encodes its own tokens by the same.
        recurrence: makes, of the number of features, what reads the source; best in two directions.
        decoder: makes, of the number of features, what reads the tokens written so far.
        num_tokens: size V of the vocabulary, END being the last token.
        attention: ``general`` or ``additive``, by which the decoder looks back at the source; ``none``
            leaves it the summary alone.
        dropout: share of the features that is zeroed while training: those remembered of the source,
            and those before the softmax.
        label_smoothing: share of the right token's probability that is spread over all, while training
            (Szegedy et al. 2016, §7).
        tied: whether the softmax uses the encoder's vectors as its weights.
        beam: hypotheses in the test.
        length_power: see `beam_search`.
        max_tokens: the most tokens of an answer to a source of half as many (see `search.limits`).
        optimizer: makes the optimiser of the parameters.
        schedule: ``constant``, ``one_cycle`` or ``cosine`` (see `schedules.scheduled`).
        warmup_share: the part of the run in which the rate rises.
        pretrained: checkpoint of a language model (`make train-language`) that the decoder starts from:
            it brings encoder, decoder, softmax and tokenizer.
    """

    headline = Headline("bleu", "max")

    def __init__(
        self,
        encoder: Encoder,
        recurrence: Callable[[int], Recurrence],
        decoder: Callable[[int], Recurrence],
        *,
        num_tokens: int,
        optimizer: Callable[[Iterable[nn.Parameter]], Optimizer],
        attention: AttentionKind = "general",
        dropout: float = 0.0,
        label_smoothing: float = 0.0,
        tied: bool = True,
        beam: int = 5,
        length_power: float = 1.0,
        max_tokens: int = 100,
        schedule: Schedule = "one_cycle",
        warmup_share: float = 0.1,
        pretrained: str | None = None,
    ) -> None:
        super().__init__(optimizer=optimizer, schedule=schedule, warmup_share=warmup_share)
        answering = TextToText(
            encoder,
            recurrence,
            decoder,
            num_tokens=num_tokens,
            attention=attention,
            dropout=dropout,
            label_smoothing=label_smoothing,
            tied=tied,
        )
        # Under the same name as there: weights of this are weights of that, which needs no trainer.
        self.model, self.end = answering.model, answering.end
        if pretrained is not None and reads_pretrained():
            _, weights = read_language_model(pretrained)
            load_decoder(self.model.decoder, weights, where=f"--model.pretrained={pretrained}")
        self.beam, self.length_power, self.max_tokens = beam, length_power, max_tokens
        #: the answers of the last validation or test, of all ranks, in the order of their ids
        self.answers: list[Written] = []
        self._written: list[Written] = []

    def step(self, batch: PairBatch, stage: Stage) -> Tensor:
        """The mean loss of the tokens to write; validation and test write answers of their own."""
        if batch.num_sequences == 0:
            return zero_of(self)
        memory = self.model.remember(batch.steps, batch.lengths)
        losses = self.model.losses(memory, batch.tokens, batch.token_lengths, batch.targets)
        loss = losses.mean()
        self.take(loss, stage, weight=len(losses))
        if stage != "train":
            found = beam_search(
                self.model,
                memory,
                end=self.end,
                max_tokens=limits(batch.lengths.tolist(), least=self.max_tokens),
                beam=self.beam if stage == "test" else 1,
                length_power=self.length_power,
                keeps_attention=stage == "test",
            )
            for id, (best, *_), length in zip(
                batch.ids.tolist(), found, batch.lengths.tolist(), strict=True
            ):
                attention = best.attention[:, :length].half().cpu()
                self._written.append(
                    Written(id, best.tokens, best.score, best.is_finished, attention)
                )
        return loss

    def on_validation_epoch_start(self) -> None:
        """Forget earlier answers."""
        self._written = []

    def on_test_epoch_start(self) -> None:
        """Forget earlier answers."""
        self._written = []

    def logged(self, stage: Stage, loss: float) -> dict[str, Any]:
        """Loss, and the BLEU of what was written."""
        values = {f"{stage}/loss": loss}
        if stage == "train":
            return values
        everyone = from_all_ranks(self.trainer, self._written)
        self.answers = sorted((one for ours in everyone for one in ours), key=lambda one: one.id)
        data: Any = self.trainer.datamodule  # type: ignore[attr-defined]
        part = data.parts[data.reported_part if stage == "test" else stage]
        answers = {one.id: data.tokenizer.decode(one.tokens) for one in self.answers}
        pairs = [
            (answers[id], target)
            for id, target in zip(part.ids.tolist(), part.targets, strict=True)
            if id in answers
        ]
        return values | {f"{stage}/bleu": corpus_bleu(*map(list, zip(*pairs, strict=True)))}
