"""Generation: a sequence in, another sequence out, written token by token until END.

B sources · V tokens in the vocabulary
"""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from data.batches.pair_batch import PairBatch, pair_shards
from data.batches.ragged import Skipped
from data.tokens.vocabulary import UNKNOWN_ID
from models.encoders.frames import FrameEncoder
from models.encoders.pretrained import reads_pretrained
from models.encoders.words import Encoder
from models.recurrence.recurrences import Recurrence
from models.sequence.encoder_decoder import Memory, Start
from models.sequence.search import Hypothesis, beam_search, limits
from models.sequence.side_by_side import losses_side_by_side
from models.sequence.source_to_text import AttentionKind, SourceToText
from pipelines.metrics.writing.generation import corpus_bleu
from pipelines.processes.ranks import from_all_ranks
from pipelines.tasks.answers import skipped_of_all_ranks
from pipelines.tasks.task import Headline, Stage, Task, zero_of
from pipelines.training.finetuning import load_decoder, read_language_model
from pipelines.training.member_losses import is_shardable
from pipelines.training.schedules import Schedule

# The share of the loss in what checkpoints are chosen by: too small to outweigh the headline figure.
_TIE = 1e-6


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
    """Trains and tests an `EncoderDecoder`, here for translation.

    It learns by teacher forcing. Validation writes each answer greedily, and the test by beam search.

    Args:
        encoder: turns a source step into features.
        recurrence: makes, of the number of features, what reads the source; best in two directions.
            None leaves the features as they are, those of a picture and of its places.
        decoder: makes, of the number of features, what reads the tokens written so far.
        num_tokens: size V of the vocabulary, END being the last token.
        words: encodes the decoder's tokens; None: the encoder, where the source is text too.
        with_features: with a recurrence, whether a source step is remembered by its features too (see
            `ReadSource`).
        features: without a recurrence, the number of features that those of the encoder are mapped to;
            None leaves them as they are.
        start: where the source's summary goes: the decoder's first ``state``, its first ``input``,
            ``both``, or beside ``each`` token too (see `EncoderDecoder`).
        attention: ``general`` or ``additive``, by which the decoder looks back at the source; ``none``
            leaves it the summary alone.
        dropout: share of the features that is zeroed while training: those remembered of the source,
            and those before the softmax.
        label_smoothing: share of the right token's probability that is spread over all, while training
            (Szegedy et al. 2016, §7).
        tied: whether the softmax uses the vectors of the decoder's tokens as its weights.
        beam: hypotheses in the test.
        length_power, blocked_ngram: see `beam_search`.
        max_tokens: the most tokens of an answer (see `search.limits`).
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
        recurrence: Callable[[int], Recurrence] | None,
        decoder: Callable[[int], Recurrence],
        *,
        num_tokens: int,
        optimizer: Callable[[Iterable[nn.Parameter]], Optimizer],
        words: Encoder | None = None,
        with_features: bool = False,
        features: int | None = None,
        start: Start = "state",
        attention: AttentionKind = "general",
        dropout: float = 0.0,
        label_smoothing: float = 0.0,
        tied: bool = True,
        beam: int = 5,
        length_power: float = 1.0,
        blocked_ngram: int = 0,
        max_tokens: int = 100,
        schedule: Schedule = "one_cycle",
        warmup_share: float = 0.1,
        pretrained: str | None = None,
    ) -> None:
        super().__init__(optimizer=optimizer, schedule=schedule, warmup_share=warmup_share)
        answering = SourceToText(
            encoder,
            recurrence,
            decoder,
            num_tokens=num_tokens,
            words=words,
            with_features=with_features,
            features=features,
            attention=attention,
            start=start,
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
        self.blocked_ngram = blocked_ngram
        #: the answers of the last validation or test, of all ranks, in the order of their ids
        self.answers: list[Written] = []
        self._written: list[Written] = []
        #: examples that could not be read, in any stage
        self.skipped: dict[int, Skipped] = {}

    @property
    def frame_encoder(self) -> FrameEncoder | None:
        """The encoder of the source, if it is one of frames."""
        encoder = self.model.source.encoder
        return encoder if isinstance(encoder, FrameEncoder) else None

    def step(self, batch: PairBatch, stage: Stage) -> Tensor:
        """The mean loss of the tokens to write; validation and test write answers of their own."""
        self.skipped.update({one.id: one for one in batch.skipped})
        if batch.num_sequences == 0:
            return zero_of(self)
        if stage == "train":
            loss = self._training_loss(batch)
            self.take(loss, stage, weight=len(batch.targets))
            return loss
        memory = self.model.remember(batch.steps, batch.lengths, is_encoded=batch.is_encoded)
        loss = self._loss(memory, batch)
        self.take(loss, stage, weight=len(batch.targets))
        is_test = stage == "test"
        found = self.search(
            memory,
            batch.lengths.tolist(),
            beam=self.beam if is_test else 1,
            keeps_attention=is_test,
        )
        for id, (best, *_), num_steps in zip(
            batch.ids.tolist(), found, memory.num_steps, strict=True
        ):
            attention = best.attention[:, :num_steps].half().cpu()
            self._written.append(Written(id, best.tokens, best.score, best.is_finished, attention))
        return loss

    def _training_loss(self, batch: PairBatch) -> Tensor:
        """Mean loss of the tokens; on a CPU of shards of the batch, by threads with one core each.

        Threads that share each matrix product instead are no faster, and beside another busy process
        several times slower.
        """
        count = torch.get_num_threads() if batch.steps.device.type == "cpu" else 1
        if min(count, batch.num_sequences) == 1 or not is_shardable(self.model):
            return self._remembered_loss(batch)[0]
        shards = pair_shards(batch, count=count)
        functions = [partial(self._remembered_loss, shard) for shard in shards]
        losses, _ = losses_side_by_side(functions, [self.trained()] * len(shards))
        sizes = losses.new_tensor([len(shard.targets) for shard in shards])
        return losses @ (sizes / sizes.sum())

    def _remembered_loss(self, batch: PairBatch) -> tuple[Tensor, Tensor]:
        memory = self.model.remember(batch.steps, batch.lengths, is_encoded=batch.is_encoded)
        loss = self._loss(memory, batch)
        return loss, loss

    def _loss(self, memory: Memory, batch: PairBatch) -> Tensor:
        """Mean loss of the tokens of all targets, of sources that were read."""
        has_one_each = len(batch.source_of) == batch.num_sequences
        return self.model.losses(
            memory if has_one_each else memory.rows(batch.source_of),
            batch.tokens,
            batch.token_lengths,
            batch.targets,
        ).mean()

    def search(
        self,
        memory: Memory,
        lengths: Sequence[int],
        *,
        beam: int,
        keeps_attention: bool = False,
    ) -> list[list[Hypothesis]]:
        """Search the best answer to each of B sources.

        Args:
            memory: of the sources.
            lengths: steps of each source, which limit its answer.
            beam: hypotheses.
            keeps_attention: whether answers have their attention.
        """
        return beam_search(
            self.model,
            memory,
            end=self.end,
            max_tokens=limits(self.model, lengths, max_tokens=self.max_tokens),
            beam=beam,
            length_power=self.length_power,
            blocked_ngram=self.blocked_ngram,
            never=(UNKNOWN_ID,),
            keeps_attention=keeps_attention,
        )

    def on_validation_epoch_start(self) -> None:
        """Forget earlier answers."""
        self._written = []

    def on_test_epoch_start(self) -> None:
        """Forget earlier answers."""
        self._written = []

    def on_test_epoch_end(self) -> None:
        """Log the test, and put together what could not be read."""
        super().on_test_epoch_end()
        self.skipped = skipped_of_all_ranks(self.trainer, self.skipped.values())

    def logged(self, stage: Stage, loss: float) -> dict[str, Any]:
        """Loss, the headline figure of what was written, and what checkpoints are chosen by."""
        values = {f"{stage}/loss": loss}
        if stage == "train":
            return values
        everyone = from_all_ranks(self.trainer, self._written)
        self.answers = sorted((one for ours in everyone for one in ours), key=lambda one: one.id)
        data: Any = self.trainer.datamodule  # type: ignore[attr-defined]
        part = data.parts[data.reported_part if stage == "test" else stage]
        answers = {one.id: data.tokenizer.decode(one.tokens) for one in self.answers}
        pairs = [
            (answers[id], targets)
            for id, targets in zip(part.ids.tolist(), part.written(), strict=True)
            if id in answers
        ]
        score = self.score([one for one, _ in pairs], [some for _, some in pairs]) if pairs else 0.0
        values[f"{stage}/{self.headline.metric}"] = score
        if stage == "val":
            # A model that has just begun writes nothing right for epochs: then the loss decides.
            values["val/choice"] = score - _TIE * loss
        return values

    def score(self, answers: list[str], references: list[list[str]]) -> float:
        """Compute the headline figure of answers, here BLEU with one reference each."""
        return corpus_bleu(answers, [one for (one,) in references])
