"""What an embedding of words is told of the training part before it learns: vectors, frequencies."""

import torch

from data.errors import InputError
from data.text import TextDataModule
from models.encoders import Encoder, WordEmbedding
from models.ngrams import NgramEmbedding


def check_steps(encoder: Encoder, data: TextDataModule) -> None:
    """See that an encoder reads what a step of the data shows.

    Raises:
        InputError: single tokens and an encoder of n-grams, or the other way round.
    """
    if data.ngrams > 1 and not isinstance(encoder, NgramEmbedding):
        raise InputError(
            f"--data.ngrams={data.ngrams}: {type(encoder).__name__} reads single tokens; give"
            " --model.encoder=models.ngrams.NgramEmbedding, or 1"
        )
    if data.ngrams == 1 and isinstance(encoder, NgramEmbedding):
        raise InputError("--data.ngrams=1: NgramEmbedding reads n-grams; give 2 or more")


def prepare_embedding(encoder: WordEmbedding, data: TextDataModule) -> None:
    """Give it how often each word occurs, where it normalises, and the vectors the data bring.

    Raises:
        InputError: vectors of another size.
    """
    if encoder.normalize:
        counts = torch.from_numpy(data.token_counts())
        encoder.frequencies.copy_(counts / counts.sum())
    vectors = data.vectors
    if vectors is not None:
        if vectors.table.shape[1] != encoder.out_features:
            raise InputError(
                f"--model.encoder.features={encoder.out_features}: the word vectors have"
                f" {vectors.table.shape[1]}; give that number"
            )
        found = torch.from_numpy(vectors.found)
        with torch.no_grad():
            encoder.embedding.weight[found] = torch.from_numpy(vectors.table)[found]
