import pytest
import torch
from torch import nn

from models.encoders.words import WordEmbedding
from models.recurrence.recurrences import LSTM
from models.sequence.ensemble import Ensemble
from models.sequence.many_to_one import ManyToOne
from pipelines.report.attribution import integrated_gradients, log_odds


def reader(pooling="concat", num_classes=2, seed=0):
    torch.manual_seed(seed)
    made = ManyToOne(
        WordEmbedding(9, features=4),
        LSTM(4, hidden_size=8),
        num_classes=num_classes,
        pooling=pooling,
    ).eval()
    for parameter in made.parameters():  # far from linear
        nn.init.normal_(parameter, std=1.0)
    return made


def test_log_odds_by_hand():
    scores = torch.tensor([[2.0, 0.5], [0.0, 0.0]])
    torch.testing.assert_close(log_odds(scores, 0), torch.tensor([1.5, 0.0]))
    p = torch.tensor([[0.2, 0.3, 0.5]])
    torch.testing.assert_close(log_odds(p.log(), 1), torch.log(torch.tensor([0.3 / 0.7])))


@pytest.mark.parametrize("pooling", ["last", "max", "concat"])
@pytest.mark.parametrize("num_steps", [1, 40])
def test_the_shares_add_up_to_the_change(pooling, num_steps):
    model = reader(pooling, num_classes=3)
    torch.manual_seed(num_steps)
    features = 2 * torch.randn(num_steps, 4)
    found = integrated_gradients(model.read, features, 1)
    lengths = torch.tensor([num_steps])
    with torch.no_grad():
        change = log_odds(model.read(features, lengths), 1) - log_odds(
            model.read(0 * features, lengths), 1
        )
    assert found.difference == pytest.approx(float(change), abs=1e-5)
    assert found.steps.sum() == pytest.approx(float(change), abs=1e-3 * max(1, abs(float(change))))
    assert found.error <= 1e-3 * max(1, abs(float(change)))


def test_where_time_is_short_the_error_says_what_is_missed():
    model = reader("max")
    torch.manual_seed(0)
    features = 2 * torch.randn(40, 4)
    read = []

    def counted(some, lengths):
        read.append(len(some) if some.requires_grad else 0)
        return model.read(some, lengths)

    found = integrated_gradients(counted, features, 1, most_steps=2_000)
    # Eight intervals of four points are read in any case.
    assert sum(read) <= max(2_000, 8 * 4 * 40)
    assert abs(found.steps.sum() - found.difference) == pytest.approx(found.error)


def test_of_a_linear_model_each_step_has_its_own_term():
    weights = torch.tensor([1.0, -2.0])

    def read(features, lengths):
        summed = torch.stack([part.sum(0) for part in features.split(lengths.tolist())])
        return torch.stack([torch.zeros(len(lengths)), summed @ weights], dim=1)

    features = torch.tensor([[1.0, 0.0], [0.0, 1.0], [3.0, 1.0]])
    found = integrated_gradients(read, features, 1)
    assert found.steps == pytest.approx([1, -2, 1], abs=1e-5)


def test_an_ensemble_and_frozen_weights_are_attributed_too():
    first = reader()
    second = ManyToOne(first.encoder, LSTM(4, hidden_size=3), num_classes=2).eval()
    both = Ensemble([first, second]).eval().requires_grad_(False)
    found = integrated_gradients(both.read, torch.randn(12, 4), 0)
    assert found.error <= 1e-3 * max(1, abs(found.difference))


@pytest.mark.parametrize("place", [3, 20, 38])
def test_the_planted_step_is_found(place):
    """Whether a symbol stands anywhere in the sequence is learnt; it gets the most."""
    torch.manual_seed(1)
    model = ManyToOne(
        WordEmbedding(6, features=8), LSTM(8, hidden_size=16), num_classes=2, pooling="max"
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    for _ in range(80):
        tokens = torch.randint(1, 6, (32, 40))
        labels = torch.arange(32) % 2
        rows = labels.nonzero()[:, 0]
        tokens[rows, torch.randint(0, 40, (16,))] = 0
        loss = nn.functional.cross_entropy(model(tokens.flatten(), torch.full((32,), 40)), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss < 0.1
    tokens = torch.randint(1, 6, (40,))
    tokens[place] = 0
    model.eval()
    found = integrated_gradients(model.read, model.encoder(tokens), 1)
    assert found.steps.argmax() == place


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_a_gpu_says_what_the_processor_says():
    model, features = reader(), torch.randn(40, 4)
    expected = integrated_gradients(model.read, features, 1)
    found = integrated_gradients(model.cuda().read, features.cuda(), 1)
    assert found.steps == pytest.approx(expected.steps, abs=1e-3)
