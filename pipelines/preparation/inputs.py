"""Preparation of a model on the training part, before it learns: vectors, frequent n-grams, scales of
inputs, an order-blind member.
"""

from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor

from data.batches.data_module import SequenceDataModule
from data.batches.ragged import RaggedBatch
from data.files.errors import InputError
from data.tokens.word_vectors import WordVectors
from models.encoders.ngrams import NgramEmbedding
from models.encoders.words import Encoder, WordEmbedding
from models.errors import OptionError
from models.heads.pooling import mean
from models.sequence.ensemble import OrderBlind
from models.sequence.many_to_one import Scorer
from pipelines.metrics.baselines import MeanFrameLogisticRegression

Encoded = Callable[[], Iterable[tuple[Tensor, Tensor, RaggedBatch]]]
"""Returns the training part, batch by batch: features (N, D), lengths (B,) beside them, the batch."""

# A rarer n-gram has no vector: the model would overfit to it.
_LEAST_OFTEN = 3
# Codes are counted in blocks of about this many steps, to bound memory.
_STEPS_AT_ONCE = 2_000_000


def prepare_embeddings(encoders: Sequence[Encoder], data: SequenceDataModule) -> None:
    """Prepare word encoders of one kind; other encoders are left as they are.

    All copy the pretrained vectors of the data module. N-gram encoders get the frequent n-grams.

    Raises:
        InputError: the vectors have another size than the encoder.
    """
    # Only text data modules have vectors, but others may have tokens to embed too.
    vectors: WordVectors | None = getattr(data, "vectors", None)
    frequent = None
    for encoder in encoders:
        if isinstance(encoder, WordEmbedding) and vectors is not None:
            _take_vectors(encoder, vectors)
        if isinstance(encoder, NgramEmbedding):
            frequent = frequent_ngrams(data, encoder) if frequent is None else frequent
            encoder.know(frequent)


def frequent_ngrams(data: SequenceDataModule, encoder: NgramEmbedding) -> Tensor:
    """Codes (R,) int64 of the most frequent n-grams in the training data, as many as fit."""
    codes, counts = torch.empty(0, dtype=torch.int64), torch.empty(0, dtype=torch.int64)
    waiting: list[Tensor] = []
    num_waiting = 0

    def counted() -> tuple[Tensor, Tensor]:
        found, times = torch.cat(waiting).unique(return_counts=True)
        both, place = torch.cat([codes, found]).unique(return_inverse=True)
        sums = torch.zeros(len(both), dtype=torch.int64)
        return both, sums.index_add_(0, place, torch.cat([counts, times]))

    for batch in data.loader(data.learnt_part, alone=True):
        for code in encoder.codes_of(encoder.windows(batch.steps, batch.lengths)):
            waiting.append(code[code >= 0])
            num_waiting += len(code)
        if num_waiting >= _STEPS_AT_ONCE:
            codes, counts = counted()
            waiting, num_waiting = [], 0
    if waiting:
        codes, counts = counted()
    is_frequent = counts >= _LEAST_OFTEN
    codes, counts = codes[is_frequent], counts[is_frequent]
    # The stable sort resolves ties by the smaller code, so that all ranks agree.
    return codes[counts.argsort(descending=True, stable=True)[: encoder.num_ngrams]]


def _take_vectors(encoder: WordEmbedding, vectors: WordVectors) -> None:
    if vectors.table.shape[1] != encoder.out_features:
        raise InputError(
            f"--model.encoder.features={encoder.out_features}: the word vectors have"
            f" {vectors.table.shape[1]}; give that number"
        )
    found = torch.from_numpy(vectors.found)
    with torch.no_grad():
        encoder.embedding.weight[found] = torch.from_numpy(vectors.table)[found]


def measure_inputs(model: Scorer, encoded: Encoded) -> None:
    """Fit the standardisation of each member's inputs to all training features.

    Args:
        model: members without standardised inputs are skipped.
        encoded: returns the training part.

    Raises:
        OptionError: the encoder is trained, which would change the features.
    """
    for member in model.members:
        if member.inputs is None or not member.inputs.standardize:
            continue
        _refuse_trained(model.encoder, option="inputs.standardize")
        member.inputs.fit((member.chosen(some), lengths) for some, lengths, _ in encoded())


def fit_order_blind(model: Scorer, encoded: Encoded) -> None:
    """Fit an order-blind member as the report fits its mean frame, to the means of all examples.

    Args:
        model: one without such a member stays as it is.
        encoded: returns the training part.

    Raises:
        OptionError: the encoder is trained, which would change the features.
    """
    for member in model.members:
        if not isinstance(member, OrderBlind):
            continue
        _refuse_trained(model.encoder, option="order_blind")
        every = [
            (batch.ids, mean(features.float(), lengths).cpu(), batch.labels)
            for features, lengths, batch in encoded()
        ]
        ids, means, labels = (torch.cat(some) for some in zip(*every, strict=True))
        order = ids.argsort()  # as in the report, whatever the batches
        baseline = MeanFrameLogisticRegression()
        baseline.fit(means[order].numpy(), labels[order].numpy(), member.head.out_features)
        member.take(*map(torch.from_numpy, baseline.linear_map()))


def _refuse_trained(encoder: Encoder, *, option: str) -> None:
    if any(parameter.requires_grad for parameter in encoder.parameters()):
        raise OptionError(
            f"--model.{option}=true: the features change while the encoder is trained; freeze it"
            " (--model.encoder.trainable=none), or leave it out"
        )
