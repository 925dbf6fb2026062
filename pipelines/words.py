"""What an embedding of words is told of the training part before it learns: vectors, frequencies."""

import logging

import numpy as np
import torch

from data.errors import InputError
from data.module import SequenceDataModule
from models.encoders import WordEmbedding

log = logging.getLogger(__name__)


def prepare_embedding(encoder: WordEmbedding, data: SequenceDataModule) -> None:
    """Give it how often each word occurs, where it normalises, and the vectors the data bring.

    Raises:
        InputError: vectors of another size.
    """
    if encoder.normalize:
        counts = np.zeros(encoder.embedding.num_embeddings, np.int64)
        for batch in data.loader(data.parts["train"], alone=True):
            counts += np.bincount(batch.steps.numpy(), minlength=len(counts))
        shares = torch.from_numpy(counts / max(counts.sum(), 1))
        encoder.frequencies.copy_(shares)
    vectors = getattr(data, "vectors", None)
    if vectors is not None:
        if vectors.table.shape[1] != encoder.out_features:
            raise InputError(
                f"--model.encoder.features={encoder.out_features}: the word vectors have"
                f" {vectors.table.shape[1]}; give that number"
            )
        found = torch.from_numpy(vectors.found)
        with torch.no_grad():
            encoder.embedding.weight[found] = torch.from_numpy(vectors.table)[found]
