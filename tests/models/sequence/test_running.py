import pytest
import torch

from models.encoders.words import WordEmbedding
from models.heads.pooling import POOLINGS, RUNNING_POOLINGS
from models.recurrence.recurrences import LSTM
from models.sequence.ensemble import Ensemble
from models.sequence.many_to_one import ManyToOne
from models.sequence.running_answer import running_answer
from models.sequence.step_inputs import StepInputs


def model(pooling="last", bidirectional=False, **inputs):
    torch.manual_seed(0)
    made = StepInputs(4, **inputs) if inputs else None
    size = made.out_features if made else 4
    return ManyToOne(
        WordEmbedding(9, features=4),
        LSTM(size, hidden_size=5, bidirectional=bidirectional),
        num_classes=3,
        inputs=made,
        pooling=pooling,
    ).eval()


def answers_to_beginnings(reader, features):
    lengths = range(1, len(features) + 1)
    with torch.no_grad():
        return torch.cat([reader.read(features[:k], torch.tensor([k])) for k in lengths])


@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize(
    ("options", "is_causal"),
    [
        ({}, True),
        ({"difference": "signed", "project": 3}, True),
        ({"bidirectional": True}, False),
        ({"center": True}, False),
        ({"deviation": "absolute"}, False),
    ],
)
def test_each_place_has_the_answer_to_the_beginning_up_to_it(pooling, options, is_causal):
    reader = model(pooling, **options)
    assert reader.is_causal == is_causal
    features = torch.randn(23, 4)
    found = running_answer(reader, features)
    assert found.places.tolist() == list(range(23))
    torch.testing.assert_close(found.scores, answers_to_beginnings(reader, features))


def test_of_an_ensemble_it_is_the_mean_of_its_members():
    first = model("concat")
    second = ManyToOne(first.encoder, LSTM(4, hidden_size=3), num_classes=3, pooling="max").eval()
    both = Ensemble([first, second]).eval()
    features = torch.randn(11, 4)
    found = running_answer(both, features)
    torch.testing.assert_close(found.scores, answers_to_beginnings(both, features))


def test_one_that_looks_ahead_is_asked_at_places_spread_over_a_long_sequence():
    reader = model(bidirectional=True)
    features = torch.randn(5_000, 4)
    found = running_answer(reader, features, most=7)
    assert found.places[0] == 0
    assert found.places[-1] == 4_999
    assert len(found.places) == 7
    with torch.no_grad():
        whole = reader.read(features, torch.tensor([5_000]))
    torch.testing.assert_close(found.scores[-1:], whole)


def test_no_single_reading_for_one_that_looks_ahead():
    with pytest.raises(ValueError, match="looks ahead"):
        model(bidirectional=True).read_along(torch.randn(3, 4))


def test_running_poolings_end_where_pooling_does():
    outputs = torch.randn(6, 4)
    for name, pool in POOLINGS.items():
        whole = pool(outputs, torch.tensor([6]))
        torch.testing.assert_close(RUNNING_POOLINGS[name](outputs)[-1:], whole)
