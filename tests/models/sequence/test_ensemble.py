import pytest
import torch

from models.encoders.words import OneHot, WordEmbedding
from models.errors import OptionError
from models.recurrence.recurrences import LSTM
from models.sequence.ensemble import Ensemble, side_by_side, together
from models.sequence.many_to_one import ManyToOne


def members(num):
    torch.manual_seed(0)
    encoder = WordEmbedding(10, features=4)
    return [ManyToOne(encoder, LSTM(4, hidden_size=5), num_classes=3) for _ in range(num)]


def test_softmax_of_the_scores_is_the_mean_of_the_members_probabilities():
    scores = torch.tensor([[[0.0, 0.0]], [[100.0, 100.0 + torch.log(torch.tensor(3.0))]]])
    # Halves from the first, a quarter and three from the second.
    torch.testing.assert_close(together(scores).softmax(1), torch.tensor([[0.375, 0.625]]))
    assert together(torch.randn(1, 4, 3)).softmax(1).sum(1).allclose(torch.ones(4))


def test_an_ensemble_answers_with_the_mean_of_its_members():
    models = members(3)
    ensemble = Ensemble(models).eval()
    steps, lengths = torch.arange(7), torch.tensor([4, 3])
    each = torch.stack([model(steps, lengths).softmax(1) for model in models])
    torch.testing.assert_close(ensemble(steps, lengths).softmax(1), each.mean(0))
    # Each starts elsewhere.
    assert not torch.allclose(each[0], each[1])


def test_the_encoder_is_shared_and_counted_once():
    models = members(2)
    ensemble = Ensemble(models)
    assert ensemble.encoder is models[0].encoder
    own = sum(p.numel() for name, p in models[0].named_parameters() if "encoder" not in name)
    assert sum(p.numel() for p in ensemble.parameters()) == 40 + 2 * own


def test_members_with_encoders_of_their_own_are_refused():
    with pytest.raises(ValueError, match="one and the same encoder"):
        Ensemble([members(1)[0], members(1)[0]])


def test_each_reads_through_an_encoder_of_its_own():
    torch.manual_seed(0)
    ensemble = side_by_side(
        WordEmbedding(10, features=4),
        lambda features: LSTM(features, hidden_size=5),
        members=3,
        shared_encoder=False,
        num_classes=2,
    ).eval()
    made = ensemble.members
    vectors = [encoder.embedding.weight for encoder in ensemble.encoders]
    assert len(vectors) == 3
    assert not torch.equal(vectors[0], vectors[1])
    assert all(weight.abs().max() <= 0.1 for weight in vectors)
    steps, lengths = torch.arange(7), torch.tensor([4, 3])
    made[1](steps, lengths).sum().backward()
    assert [weight.grad is not None and bool(weight.grad.any()) for weight in vectors] == [
        False,
        True,
        False,
    ]
    groups = ensemble.parameters_by_member()
    assert sum(map(len, groups)) == len(list(ensemble.parameters()))
    assert len({id(parameter) for group in groups for parameter in group}) == sum(map(len, groups))
    assert any(p is vectors[1] for p in groups[1])
    assert any(p is made[1].head.weight for p in groups[1])
    assert Ensemble(members(3)).parameters_by_member() == []
    alone = ManyToOne(ensemble.encoder.encoders[1], made[1].recurrence, num_classes=2)
    alone.head = made[1].head
    torch.testing.assert_close(alone(steps, lengths), made[1](steps, lengths))


def test_an_encoder_that_cannot_start_anew_is_shared():
    with pytest.raises(OptionError, match="OneHot has no other start"):
        side_by_side(OneHot(5), LSTM, members=2, shared_encoder=False, num_classes=2)


@pytest.mark.parametrize("shared", [True, False])
def test_a_single_model_is_asked_as_several_are(shared):
    torch.manual_seed(0)
    encoder = WordEmbedding(10, features=4)
    options = {"shared_encoder": shared, "num_classes": 3}
    one = side_by_side(encoder, LSTM, members=1, **options).eval()
    assert list(one.members) == [one]
    assert one.encoders == [encoder]
    assert one.parameters_by_member() == []
    assert one.title == "LSTM"
    # Checkpoints of single models and of several have had these names from the beginning.
    assert {"encoder.embedding.weight", "head.weight"} <= set(one.state_dict())
    several = side_by_side(encoder, LSTM, members=2, **options)
    assert several.title == "mean of 2 LSTMs"
    assert {"members.0.head.weight", "members.1.head.weight"} <= set(several.state_dict())
    steps, lengths = torch.arange(7), torch.tensor([7])
    for model in (one, several.eval()):
        along = model.read_along(model.encoder.encode_ragged(steps, lengths))
        torch.testing.assert_close(along[-1:], model(steps, lengths))
