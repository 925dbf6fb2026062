"""Preparation of word encoders: pretrained vectors, frequent n-grams, vectors of context.

N steps · V tokens in the vocabulary · R n-grams with a vector
"""

from collections.abc import Iterator, Sequence
from itertools import chain

import torch
from torch import Tensor

from data.batches.data_module import SequenceDataModule
from data.batches.part import Part
from data.files.errors import InputError
from data.tokens.word_vectors import WordVectors, counted
from models.encoders.ngrams import NgramEmbedding
from models.encoders.words import Encoder, WordEmbedding
from pipelines.preparation.cooccurrence import Occurrences, cooccurrence_vectors

# A rarer n-gram has no vector: the model would overfit to it.
_LEAST_OFTEN = 3
# Texts are counted in blocks of about this many steps, to bound memory.
_STEPS_AT_ONCE = 1_000_000


def prepare_embeddings(encoders: Sequence[Encoder], data: SequenceDataModule) -> None:
    """Prepare word encoders of one kind; other encoders are left as they are.

    All copy the pretrained vectors of the data module. N-gram encoders get the frequent n-grams, and
    vectors of context if they have any.

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
    first = encoders[0]
    if isinstance(first, NgramEmbedding) and first.context is not None:
        fit_context(data, first)  # its copies share it


def frequent_ngrams(data: SequenceDataModule, encoder: NgramEmbedding) -> Tensor:
    """Codes (R,) int64 of the most frequent n-grams in the training data, as many as fit."""
    codes, counts = torch.empty(0, dtype=torch.int64), torch.empty(0, dtype=torch.int64)
    for steps, lengths in _blocks(data, [data.learnt_part]):
        some = torch.cat(list(encoder.codes_of(encoder.windows(steps, lengths))))
        found, times = some[some >= 0].unique(return_counts=True)
        codes, place = torch.cat([codes, found]).unique(return_inverse=True)
        sums = torch.zeros(len(codes), dtype=torch.int64)
        counts = sums.index_add_(0, place, torch.cat([counts, times]))
    is_frequent = counts >= _LEAST_OFTEN
    codes, counts = codes[is_frequent], counts[is_frequent]
    # The stable sort resolves ties by the smaller code, so that all ranks agree.
    return codes[counts.argsort(descending=True, stable=True)[: encoder.num_ngrams]]


def fit_context(data: SequenceDataModule, encoder: NgramEmbedding) -> None:
    """Fit the vectors of context to the training part, and to texts without labels if there are any.

    Args:
        data: a data module of texts.
        encoder: an encoder with a context, which knows its n-grams.
    """
    context = encoder.context
    assert context is not None
    num_words, num_ngrams = len(context.words), encoder.num_known
    parts = [data.parts[name] for name in ("train", "unlabelled") if name in data.parts]
    counts = counted((steps.numpy() for steps, _ in _blocks(data, parts)), num_tokens=num_words)
    found = (_occurrences(steps, lengths, encoder) for steps, lengths in _blocks(data, parts))
    vectors = cooccurrence_vectors(
        found, counts, num_units=num_words + num_ngrams, size=context.features
    )
    words, ngrams = torch.from_numpy(vectors).split([num_words, num_ngrams])
    context.take(words, ngrams)


def _occurrences(steps: Tensor, lengths: Tensor, encoder: NgramEmbedding) -> Occurrences:
    """Words and known n-grams in texts of lengths (B,), end to end in steps (N,)."""
    places = torch.arange(len(steps))
    ends = lengths.cumsum(0).repeat_interleave(lengths)
    units, firsts, lasts = [steps], [places], [places]
    for before, code in enumerate(encoder.codes_of(encoder.windows(steps, lengths)), start=1):
        row = encoder.places_of(code.to(encoder.known.device)).cpu()
        is_known = row < encoder.num_ngrams
        units.append(row[is_known] + encoder.embedding.num_embeddings)
        firsts.append(places[is_known] - before)
        lasts.append(places[is_known])
    starts = ends - lengths.repeat_interleave(lengths)
    joined = [torch.cat(each).numpy() for each in (units, firsts, lasts)]
    return Occurrences(steps.numpy(), starts.numpy(), ends.numpy(), *joined)


def _blocks(data: SequenceDataModule, parts: Sequence[Part]) -> Iterator[tuple[Tensor, Tensor]]:
    """Steps (N,) and lengths (B,) of the texts of some parts, many batches at a time."""
    steps: list[Tensor] = []
    lengths: list[Tensor] = []
    for batch in chain.from_iterable(data.loader(part, alone=True) for part in parts):
        steps.append(batch.steps)
        lengths.append(batch.lengths)
        if sum(map(len, steps)) >= _STEPS_AT_ONCE:
            yield torch.cat(steps), torch.cat(lengths)
            steps, lengths = [], []
    if steps:
        yield torch.cat(steps), torch.cat(lengths)


def _take_vectors(encoder: WordEmbedding, vectors: WordVectors) -> None:
    size = encoder.embedding.embedding_dim
    if vectors.table.shape[1] != size:
        raise InputError(
            f"--model.encoder.features={size}: the word vectors have"
            f" {vectors.table.shape[1]}; give that number"
        )
    found = torch.from_numpy(vectors.found)
    with torch.no_grad():
        encoder.embedding.weight[found] = torch.from_numpy(vectors.table)[found]
