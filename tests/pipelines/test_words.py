from types import SimpleNamespace

import numpy as np
import pytest
import torch

from data.errors import InputError
from models.encoders import WordEmbedding
from pipelines.words import prepare_embedding


def data(vectors=None):
    return SimpleNamespace(token_counts=lambda: np.array([1, 0, 3, 0]), vectors=vectors)


def test_frequencies_are_those_of_the_training_part():
    encoder = WordEmbedding(4, features=2, normalize=True)
    prepare_embedding(encoder, data())
    assert encoder.frequencies.tolist() == [0.25, 0, 0.75, 0]


def test_vectors_that_were_found_replace_those_drawn():
    encoder = WordEmbedding(3, features=2)
    drawn = encoder.embedding.weight.detach().clone()
    table = np.array([[0, 0], [1, 2], [0, 0]], np.float32)
    prepare_embedding(encoder, data(vectors=SimpleNamespace(table=table, found=table.any(1))))
    weight = encoder.embedding.weight
    assert weight[1].tolist() == [1, 2]
    assert torch.equal(weight[[0, 2]], drawn[[0, 2]])
    assert weight.requires_grad


def test_vectors_of_another_size_are_refused():
    vectors = SimpleNamespace(table=np.zeros((3, 50), np.float32), found=np.ones(3, bool))
    with pytest.raises(InputError, match=r"features=2: the word vectors have 50"):
        prepare_embedding(WordEmbedding(3, features=2), data(vectors=vectors))
