"""How the next token is drawn."""

from itertools import islice

import pytest
import torch

from models.encoders.words import WordEmbedding
from models.recurrence.recurrences import LSTM
from models.sequence.language_model import LanguageModel
from pipelines.predict import continuation


def small_model(num_tokens=20):
    encoder = WordEmbedding(num_tokens, features=6)
    return LanguageModel(encoder, LSTM(6, hidden_size=12), num_tokens=num_tokens).eval()


def test_no_temperature_takes_the_likeliest():
    model = small_model()
    drawn = list(islice(continuation.continuation(model, [1, 2, 3], temperature=0), 8))
    tokens = [1, 2, 3]
    for token in drawn:
        log_probabilities, _ = model(torch.tensor(tokens), torch.tensor([len(tokens)]))
        assert token == log_probabilities[-1].argmax().item()
        tokens.append(token)
    cold = list(islice(continuation.continuation(model, [1, 2, 3], temperature=1e-6), 8))
    assert cold == drawn


def test_chance_is_the_seed_s():
    model = small_model()
    first, again, other = (
        list(islice(continuation.continuation(model, [1], seed=s), 30)) for s in (1, 1, 2)
    )
    assert first == again != other


def test_chance_by_hand():
    log_probabilities = torch.tensor([0.5, 0.3, 0.15, 0.05]).log()
    generator = torch.Generator().manual_seed(0)

    def shares(**options):
        drawn = [
            continuation.choose(log_probabilities, generator=generator, **options)
            for _ in range(4000)
        ]
        return [drawn.count(k) / 4000 for k in range(4)]

    assert shares(temperature=1, top_p=1) == pytest.approx([0.5, 0.3, 0.15, 0.05], abs=0.03)
    # Squared and divided by their sum, 0.365.
    assert shares(temperature=0.5, top_p=1) == pytest.approx([0.685, 0.247, 0.062, 0.007], abs=0.03)
    # The first two have 0.8 of 0.79 asked for.
    assert shares(temperature=1, top_p=0.79) == pytest.approx([0.625, 0.375, 0, 0], abs=0.03)
    assert shares(temperature=1, top_p=0.01) == [1, 0, 0, 0]


def test_a_token_that_is_never_drawn():
    model = small_model(num_tokens=3)
    assert 1 not in islice(continuation.continuation(model, [1], never=1), 50)
