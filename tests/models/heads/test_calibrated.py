"""Calibrated softmax: the temperature of a length, biases, and probabilities by hand."""

import math

import pytest
import torch

from models.heads.calibrated import CalibratedSoftmax, temperatures

SCORES = torch.tensor([[math.log(9.0), 0.0], [math.log(9.0), 0.0]])


def fitted(temperature, slope, bias=(0.0, 0.0)):
    softmax = CalibratedSoftmax(len(bias))
    softmax.temperature.fill_(temperature)
    softmax.slope.fill_(slope)
    softmax.bias.copy_(torch.tensor(bias))
    return softmax


def test_two_lengths_by_hand():
    """Odds of 9 : 1; at 10 steps a temperature of 4 · (10 / 40)^0.5 = 2, at 160 one of 8."""
    found = fitted(4, 0.5)(SCORES, torch.tensor([10, 160]))
    due = [3 / 4, 9 ** (1 / 8) / (1 + 9 ** (1 / 8))]
    assert found[:, 0].tolist() == pytest.approx(due, abs=1e-7)
    assert found.sum(1).tolist() == pytest.approx([1, 1])


def test_a_bias_adds_the_same_log_odds_at_every_length():
    """Odds of 3 : 1 at 10 steps and 9^(1/8) : 1 at 160, as above, times 1 : 4."""
    softmax = fitted(4, 0.5, bias=[-math.log(2.0), math.log(2.0)])
    found = softmax(SCORES, torch.tensor([10, 160]))
    odds = found[:, 0] / found[:, 1]
    assert odds.tolist() == pytest.approx([3 / 4, 9 ** (1 / 8) / 4], rel=1e-6)
    assert found.argmax(1).tolist() == [1, 1]
    # The largest calibrated score is the answer's.
    assert softmax.calibrated(SCORES, torch.tensor([10, 160])).softmax(1).equal(found)


def test_three_classes_by_hand():
    """Shares 6 : 3 : 1, at a temperature of 1, times 1 : 2 : 4, make 6 : 6 : 4."""
    scores = torch.tensor([[6.0, 3.0, 1.0]]).log()
    bias = torch.tensor([1.0, 2.0, 4.0]).log().tolist()
    found = fitted(1, 0, bias)(scores, torch.tensor([40]))
    assert found[0].tolist() == pytest.approx([3 / 8, 3 / 8, 1 / 4], abs=1e-6)


def test_temperatures_are_those_of_the_reference_and_never_beyond_the_longest():
    lengths = torch.tensor([1, 40, 300, 301, 2**40])
    found = temperatures(lengths, torch.tensor(1.5), torch.tensor(-0.25))
    longest = 1.5 * 7.5**-0.25
    assert found.tolist() == pytest.approx([1.5 * 40**0.25, 1.5, longest, longest, longest])


@pytest.mark.parametrize("temperature", [1.0, 0.37, 2.123])
def test_without_slope_and_bias_the_answers_are_exactly_those_of_one_temperature(temperature):
    chance = torch.Generator().manual_seed(0)
    scores = torch.randn(500, 3, generator=chance) * 5
    lengths = torch.randint(1, 2000, (500,), generator=chance)
    due = (scores.double() / torch.tensor(temperature)).softmax(1)
    assert fitted(temperature, 0, [0.0] * 3)(scores, lengths).equal(due)


def test_a_row_does_not_depend_on_its_batch():
    softmax, lengths = fitted(1.3, 0.2, [0.3, -0.1]), torch.tensor([1, 17, 400])
    scores = torch.tensor([[1.0, 2.0], [0.0, -3.0], [2.0, 2.5]])
    together = softmax(scores, lengths)
    for row in range(3):
        one = slice(row, row + 1)
        assert softmax(scores[one], lengths[one])[0].equal(together[row])


def test_scores_that_are_none_are_no_probabilities():
    scores = torch.tensor([[1.0, 2.0], [math.nan, 0.0], [math.inf, 0.0]])
    found = fitted(1, 0.2)(scores, torch.tensor([3, 3, 3]))
    assert found.isnan().any(1).tolist() == [False, True, True]


@pytest.mark.parametrize("lengths", [[3], [3, 0], [3, 3, 3]])
def test_lengths_that_are_not_those_of_the_rows_are_refused(lengths):
    with pytest.raises(ValueError, match="of 2 sequences: one for each, 1 or more"):
        CalibratedSoftmax(2)(SCORES, torch.tensor(lengths))
