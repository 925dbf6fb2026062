"""Members that do not see the order of the steps, alone and beside others that do."""

import math

import pytest
import torch

from models.encoders.words import Encoder, WordEmbedding
from models.errors import OptionError
from models.recurrence.recurrences import LSTM
from models.sequence.ensemble import OrderBlind, side_by_side, together
from models.sequence.step_inputs import StepInputs
from models.sequence.stepwise import Stepper

K = 3


class Same(Encoder):
    """Vectors as they are."""

    out_features = 4

    def forward(self, steps):
        return steps


def mixed(members=2, order_blind=True, **options):
    torch.manual_seed(0)
    options = {
        "inputs": lambda n: StepInputs(n, standardize=True, dropout=0.25, project=3)
    } | options
    model = side_by_side(
        Same(),
        lambda n: LSTM(n, hidden_size=5),
        members=members,
        order_blind=order_blind,
        num_classes=K,
        pooling="concat",
        **options,
    )
    for member in model.members:
        if member.inputs is not None:
            torch.nn.init.normal_(member.inputs.shift)
            torch.nn.init.uniform_(member.inputs.spread, 0.5, 2)
    return model.eval()


def test_it_is_a_linear_classifier_of_the_mean_step_and_carries_nothing():
    model = OrderBlind(Same(), num_classes=K)
    weights = torch.tensor([[1.0, 0, 0, 0], [0, 2, 0, 0], [0, 0, 0, -1]])
    model.take(weights, torch.tensor([0.0, 0.5, 0.0]))
    steps = torch.tensor([[1.0, 2, 3, 4], [3.0, 0, 0, 0], [5.0, 5, 5, 5]])
    found = model(steps, torch.tensor([2, 1]))
    torch.testing.assert_close(found, torch.tensor([[2.0, 2.5, -2], [5.0, 10.5, -5]]))
    assert model.recurrence.state_names == ()
    assert model.state_dict().keys() == {"head.weight", "head.bias"}


def test_the_order_of_steps_has_no_part_in_it():
    model, steps = OrderBlind(Same(), num_classes=K), torch.randn(9, 4)
    length = torch.tensor([9])
    torch.testing.assert_close(model(steps, length), model(steps.flip(0), length))


def test_the_votes_weigh_the_mean_of_the_probabilities():
    scores = torch.tensor([[[0.0, 0.0]], [[0.0, math.log(3)]], [[math.log(9), 0.0]]])
    # 0.5 of (1/2, 1/2), 0.3 of (1/4, 3/4), 0.2 of (9/10, 1/10).
    found = together(scores, [0.5, 0.3, 0.2]).softmax(1)
    torch.testing.assert_close(found, torch.tensor([[0.505, 0.495]]))
    torch.testing.assert_close(together(scores), together(scores, [1 / 3] * 3))


@pytest.mark.parametrize("members", [1, 2])
def test_each_form_has_half_of_the_vote(members):
    model = mixed(members)
    steps, lengths = torch.randn(7, 4), torch.tensor([4, 3])
    each = torch.stack([one(steps, lengths).softmax(1) for one in model.members])
    assert len(each) == members + 1
    halves = (each[:members].mean(0) + each[members]) / 2
    torch.testing.assert_close(model(steps, lengths).softmax(1), halves)


def test_the_title_tells_both_forms():
    assert mixed(5).title == "mean of 5 LSTMs and 1 order-blind member"
    assert mixed(1).title == "mean of 1 LSTM and 1 order-blind member"
    assert mixed(2, order_blind=False).title == "mean of 2 LSTMs"


def test_it_reads_the_features_as_they_are_and_does_not_learn():
    *others, blind = mixed().members
    assert (blind.inputs, blind.pooling, blind.dropout.p) == (None, "mean", 0)
    assert not any(parameter.requires_grad for parameter in blind.parameters())
    assert not blind.learns
    assert all(one.learns and one.head.weight.requires_grad for one in others)


def test_the_others_start_and_are_named_as_without_it():
    found = {}
    for order_blind in (False, True):
        torch.manual_seed(0)
        model = side_by_side(
            Same(),
            lambda n: LSTM(n, hidden_size=5),
            members=2,
            order_blind=order_blind,
            num_classes=K,
        )
        found[order_blind] = model.state_dict() | {"next draw": torch.rand(1)}
    added = found[True].keys() - found[False].keys()
    assert added == {"members.2.head.weight", "members.2.head.bias"}
    for name, value in found[False].items():
        assert torch.equal(found[True][name], value)


@torch.no_grad()
def test_an_answer_is_the_same_alone_in_a_batch_and_step_by_step():
    torch.manual_seed(0)
    model = side_by_side(
        WordEmbedding(11, features=4),
        lambda n: LSTM(n, hidden_size=5),
        members=2,
        order_blind=True,
        num_classes=K,
    ).eval()
    lengths = torch.tensor([9, 2, 9])
    tokens = torch.randint(11, (20,), generator=torch.Generator().manual_seed(2))
    batch = model(tokens, lengths)
    stepper = Stepper(model)
    state = stepper.start(1)
    # The order-blind member keeps its mean, and nothing else is carried.
    assert {name: tuple(value.shape) for name, value in state.items() if "2" in name} == {
        "member2_mean": (1, 4)
    }
    for row, one in enumerate(tokens.split(lengths.tolist())):
        along = model.read_along(model.encoder.encode_ragged(one, lengths[row : row + 1]))
        state = stepper.start(1)
        for count, token in enumerate(one, start=1):
            scores, state = stepper(token[None], state)
            whole = model(one[:count], torch.tensor([count]))
            torch.testing.assert_close(scores, whole, rtol=0, atol=1e-5)
            torch.testing.assert_close(along[count - 1 : count], whole, rtol=0, atol=1e-5)
        torch.testing.assert_close(scores[0], batch[row], rtol=0, atol=1e-5)


def test_encoders_of_their_own_are_refused():
    with pytest.raises(OptionError, match="order_blind=true: its member reads a frozen encoder"):
        mixed(shared_encoder=False)
