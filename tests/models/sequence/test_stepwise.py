"""Single steps are one sequence: the same scores, for whatever reads it."""

import itertools

import pytest
import torch

from models.encoders.ngrams import NgramEmbedding
from models.encoders.words import OneHot, WordEmbedding
from models.errors import OptionError
from models.recurrence.cells import GRUCell
from models.recurrence.recurrences import GRU, LSTM, RNN, Unrolled
from models.sequence.ensemble import side_by_side
from models.sequence.step_inputs import StepInputs
from models.sequence.stepwise import Stepper

V, K = 11, 3
RECURRENCES = {
    "rnn": lambda n: RNN(n, hidden_size=5),
    "gru": lambda n: GRU(n, hidden_size=5),
    "lstm": lambda n: LSTM(n, hidden_size=5),
    "deep": lambda n: LSTM(n, hidden_size=4, num_layers=3),
    "unrolled": lambda n: Unrolled(n, cell=GRUCell, hidden_size=4),
}
INPUTS = {
    "plain": None,
    "signed": lambda n: StepInputs(n, difference="signed", gap=3),
    "absolute": lambda n: StepInputs(n, difference="absolute", keep=False, project=4),
    "standardised": lambda n: StepInputs(n, difference="signed", standardize=True),
}


def words():
    return WordEmbedding(V, features=6)


def pairs(**options):
    encoder = NgramEmbedding(V, ngrams=3, features=6, num_ngrams=40, **options)
    every = [torch.tensor(pair) for pair in itertools.product(range(V), repeat=2)]
    windows = torch.stack([torch.stack([b, a, torch.tensor(-1)]) for a, b in every[:40]])
    encoder.know(next(iter(encoder.codes_of(windows))))
    torch.nn.init.normal_(encoder.ngrams.weight)
    return encoder


def made(encoder=None, recurrence="lstm", pooling="last", inputs="plain", **options):
    torch.manual_seed(1)
    options = {"members": 1, "num_classes": K} | options
    model = side_by_side(
        encoder or words(),
        RECURRENCES[recurrence],
        inputs=INPUTS[inputs],
        pooling=pooling,
        **options,
    )
    for member in model.members:
        if member.inputs is not None and member.inputs.standardize:
            torch.nn.init.normal_(member.inputs.shift)
            torch.nn.init.uniform_(member.inputs.spread, 0.5, 2)
    return model.eval()


@torch.no_grad()
def assert_single_steps_are_one_sequence(model, *, num_steps=9):
    """Two sequences side by side; the running answers of each are those of reading it alone."""
    tokens = torch.randint(V, (2, num_steps), generator=torch.Generator().manual_seed(2))
    stepper = Stepper(model)
    state = stepper.start(2)
    found = []
    for step in tokens.unbind(1):
        scores, state = stepper(step, state)
        found.append(scores)
    for row, one in enumerate(tokens):
        for length in range(1, num_steps + 1):
            whole = model(one[:length], torch.tensor([length]))[0]
            torch.testing.assert_close(found[length - 1][row], whole, rtol=0, atol=1e-5)


@pytest.mark.parametrize("pooling", ["last", "mean", "max", "concat"])
@pytest.mark.parametrize("recurrence", RECURRENCES)
def test_every_recurrence_and_pooling(recurrence, pooling):
    assert_single_steps_are_one_sequence(made(recurrence=recurrence, pooling=pooling))


@pytest.mark.parametrize("inputs", list(INPUTS)[1:])
def test_inputs_that_look_back(inputs):
    assert_single_steps_are_one_sequence(made(inputs=inputs))


def test_an_encoder_of_ngrams_remembers_the_tokens_before():
    assert_single_steps_are_one_sequence(made(encoder=pairs(), pooling="concat"))


def test_unit_vectors():
    assert_single_steps_are_one_sequence(made(encoder=OneHot(V)))


@pytest.mark.parametrize("pooling", ["last", "mean", "max", "concat"])
@pytest.mark.parametrize("recurrence", RECURRENCES)
def test_gated_inputs(recurrence, pooling):
    options = {"recurrence": recurrence, "pooling": pooling, "inputs": "signed"}
    assert_single_steps_are_one_sequence(made(gated_features=3, **options))


def test_members_that_answer_together():
    shared = made(members=3, pooling="concat")
    assert_single_steps_are_one_sequence(shared)
    own = made(encoder=pairs(), members=2, shared_encoder=False, inputs="signed", gated_features=2)
    assert_single_steps_are_one_sequence(own)


def test_the_state_keeps_its_size():
    stepper = Stepper(made(encoder=pairs(), pooling="concat", inputs="signed", members=2))
    state = first = stepper.start(4)
    for token in torch.arange(30) % V:
        with torch.no_grad():
            _, state = stepper(token.expand(4), state)
        assert [(name, value.shape) for name, value in state.items()] == [
            (name, value.shape) for name, value in first.items()
        ]
    assert all((value == 0).all() for value in first.values())


def test_a_mean_over_very_many_steps_keeps_its_digits():
    stepper = Stepper(made(pooling="mean"))
    state = stepper.start(1)
    state["steps_read"] += 2**40
    state["mean"] += 0.25
    with torch.no_grad():
        _, after = stepper(torch.tensor([1]), state)
    assert after["mean"] == pytest.approx(0.25, abs=1e-6)


@pytest.mark.parametrize(
    "model",
    [
        side_by_side(words(), lambda n: LSTM(n, hidden_size=3, bidirectional=True),
                     members=1, num_classes=K),
        side_by_side(words(), lambda n: LSTM(n, hidden_size=3), members=1, num_classes=K,
                     inputs=lambda n: StepInputs(n, center=True)),
    ],
)  # fmt: skip
def test_a_model_that_looks_ahead_is_refused(model):
    with pytest.raises(OptionError, match="looks ahead"):
        Stepper(model)


def test_an_encoder_that_looks_back_in_a_way_of_its_own_is_refused():
    class Smoothed(WordEmbedding):
        looks_back = 1

    with pytest.raises(OptionError, match="Smoothed looks back"):
        Stepper(made(encoder=Smoothed(V, features=6)))
