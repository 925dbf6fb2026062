import numpy as np
import pytest
import torch
from scipy.optimize import brentq, minimize_scalar
from sklearn.calibration import calibration_curve
from sklearn.metrics import log_loss

from models.heads.calibrated import CalibratedSoftmax
from pipelines.metrics.calibration import (
    Calibration,
    calibrate,
    describe_calibration,
    fit_calibration,
    reliability,
)


def alike(count, length=40):
    return np.full(count, length)


def shares_of(scores, calibration=None, lengths=None):
    softmax = CalibratedSoftmax(scores.shape[1])
    if calibration is not None:
        calibration.put_into(softmax)
    lengths = alike(len(scores)) if lengths is None else lengths
    return softmax(torch.from_numpy(scores), torch.from_numpy(lengths)).numpy()


def drawn(temperature, count=20_000, num_classes=3):
    """Labels, and scores that are too sure by a temperature."""
    generator = np.random.default_rng(0)
    scores = generator.normal(size=(count, num_classes)) * 1.5
    labels = (shares_of(scores).cumsum(1) < generator.random((count, 1))).sum(1)
    return labels, scores * temperature


def drawn_lengths(count):
    """From 1 to some thousand."""
    return np.exp(np.random.default_rng(1).uniform(0, 8, count)).astype(int)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
def test_the_temperature_is_found_and_mends(temperature):
    labels, scores = drawn(temperature)
    found = fit_calibration(labels, scores, alike(len(labels)), has_bias=False)
    assert found.temperature == pytest.approx(temperature, rel=0.05)
    assert found.bias == (0, 0, 0)
    probabilities, mended = shares_of(scores), shares_of(scores, found)
    assert np.array_equal(mended.argmax(1), probabilities.argmax(1))
    assert reliability(labels, mended).expected_error < 0.015
    if temperature != 1:
        assert reliability(labels, probabilities).expected_error > 0.05
        assert log_loss(labels, mended) < log_loss(labels, probabilities)


@pytest.mark.parametrize("length", [1, 5, 40, 180, 3000])
def test_lengths_that_are_alike_have_no_slope_and_one_temperature(length):
    labels, scores = drawn(2.5, count=200)
    found = fit_calibration(labels, scores, alike(200, length), has_bias=False)
    assert found.slope == pytest.approx(0, abs=1e-6)

    def loss(log):
        """That of the single parameter, with its prior."""
        shares = shares_of(scores, Calibration(np.exp(log)))
        return log_loss(labels, shares) + 0.5 * (log / 0.5) ** 2 / 200

    best = minimize_scalar(loss, bounds=(-1, 2), method="bounded").x
    assert np.log(found.temperature) == pytest.approx(best, abs=1e-4)


@pytest.mark.parametrize("slope", [-0.3, 0.0, 0.2, 0.6])
def test_the_slope_is_found_and_mends_the_short(slope):
    labels, scores = drawn(1.0)
    lengths, right = drawn_lengths(len(labels)), Calibration(1.5, slope)
    scores = scores * right.at(torch.from_numpy(lengths)).numpy()[:, None]
    found = fit_calibration(labels, scores, lengths)
    assert found.temperature == pytest.approx(1.5, rel=0.05)
    assert found.slope == pytest.approx(slope, abs=0.03)
    short = lengths <= 12
    mended = shares_of(scores, found, lengths)
    assert reliability(labels[short], mended[short]).expected_error < 0.03


def test_the_bias_is_found_beside_temperature_and_slope():
    right = Calibration(1.5, 0.2, (0.4, -0.1, -0.3))
    labels, scores = drawn(1.0)
    lengths = drawn_lengths(len(labels))
    # Such that they are as they were drawn once the bias is added.
    scores = (scores - right.bias) * right.at(torch.from_numpy(lengths)).numpy()[:, None]
    found = fit_calibration(labels, scores, lengths)
    assert found.bias == pytest.approx(right.bias, abs=0.05)
    assert found.temperature == pytest.approx(1.5, rel=0.05)
    assert found.slope == pytest.approx(0.2, abs=0.03)
    mended = shares_of(scores, found, lengths)
    assert np.mean(mended.argmax(1) == labels) > np.mean(scores.argmax(1) == labels) + 0.01


def test_a_dozen_examples_leave_the_bias_near_0_and_thousands_outweigh_the_prior():
    """Two of three are of the first class, and the scores say nothing; the bias of the second is -b."""
    for count in (12, 12_000):
        labels = np.arange(count) % 3 // 2
        found = fit_calibration(labels, np.zeros((count, 2)), alike(count))
        # Where the derivative of log loss and prior by b, divided by 2, is 0.
        due = brentq(lambda b, n=count: n / (1 + np.exp(-2 * b)) - 2 / 3 * n + b / 0.3**2, 0, 1)
        assert found.bias == pytest.approx((due, -due), abs=1e-5)
        # Log-odds of 2 : 1 are ln 2.
        assert 2 * due == pytest.approx(0.23 if count == 12 else np.log(2), abs=0.01)


def test_a_class_without_an_example_has_no_bias():
    labels = np.arange(30_000) % 3 // 2
    found = fit_calibration(labels, np.zeros((30_000, 4)), alike(30_000))
    assert found.bias[2:] == (0, 0)
    # Where 2/3 - 1/3 = (exp(b) - exp(-b)) / (exp(b) + exp(-b) + 2) = tanh(b / 2).
    assert found.bias[0] == pytest.approx(2 * np.arctanh(1 / 3), abs=0.01)
    assert sum(found.bias) == pytest.approx(0, abs=1e-12)
    alone = fit_calibration(np.ones(300, int), np.zeros((300, 3)), alike(300))
    assert alone.bias == (0, 0, 0)


def test_many_classes_with_few_examples_keep_their_answers():
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 1_000, 2_000)
    scores = generator.normal(size=(2_000, 1_000))
    scores[np.arange(2_000), labels] += 6
    found = fit_calibration(labels, scores, alike(2_000))
    assert np.abs(found.bias).max() < 0.3
    assert sum(found.bias) == pytest.approx(0, abs=1e-9)


def test_more_scores_than_are_needed_are_thinned_with_their_lengths(monkeypatch):
    labels, scores = drawn(2.0, count=900)
    lengths = drawn_lengths(900)
    due = calibrate(labels[::3], scores[::3], lengths[::3])
    monkeypatch.setattr("pipelines.metrics.calibration._MOST_SCORES", 900)
    assert calibrate(labels, scores, lengths) == due


def test_temperatures_are_described():
    labels, scores = drawn(2.0, count=50)
    before = shares_of(scores)
    about = {"before": before, "after": before, "classes": ["a", "b", "c"]}
    found = describe_calibration(labels, calibration=Calibration(1.5, 0.25), **about)
    assert (found["temperature"], found["slope"], found["reference_steps"]) == (1.5, 0.25, 40)
    by_steps = {"10": 1.5 / 4**0.25, "40": 1.5, "300": 1.5 * 7.5**0.25}
    assert found["temperature_by_steps"] == pytest.approx(by_steps)
    assert "bias" not in found
    assert found["before"]["accuracy"] == np.mean(before.argmax(1) == labels)
    biased = Calibration(bias=(0.1, 0.0, -0.1))
    found = describe_calibration(labels, calibration=biased, **about)
    assert found["bias"] == {"a": 0.1, "b": 0.0, "c": -0.1}


def test_the_loss_that_is_left_is_scikit_learns():
    labels, scores = drawn(2.5, count=500)
    lengths = drawn_lengths(len(labels))
    calibration, loss = calibrate(labels, scores, lengths)
    assert calibration.slope != 0
    assert all(calibration.bias)
    assert loss == pytest.approx(log_loss(labels, shares_of(scores, calibration, lengths)))
    assert loss < log_loss(labels, shares_of(scores))


def test_a_few_examples_change_little():
    sure = np.log(np.tile([0.9, 0.1], (3, 1)))
    assert 0.8 < fit_calibration(np.zeros(3, int), sure, alike(3)).temperature < 1
    # A hundred and more are believed.
    many = fit_calibration(np.zeros(300, int), np.tile(sure[:1], (300, 1)), alike(300))
    assert many.temperature < 0.6
    # Three of one length and three of another, right and wrong: a hint of a slope, no more.
    hinted = fit_calibration(
        np.repeat([0, 1], 3), np.tile(sure[:1], (6, 1)), np.repeat([10, 160], 3)
    )
    assert 0 < hinted.slope < 0.2


def test_bins_are_scikit_learns():
    labels, scores = drawn(1.7)
    probabilities = shares_of(scores)
    found = reliability(labels, probabilities)
    is_right = probabilities.argmax(1) == labels
    right, sure = calibration_curve(is_right, probabilities.max(1), n_bins=15)
    filled = found.counts > 0
    np.testing.assert_allclose(found.accuracy[filled], right)
    np.testing.assert_allclose(found.confidence[filled], sure)
    assert found.counts.sum() == len(labels)


def test_by_hand():
    probabilities = np.array([[0.9, 0.1], [0.9, 0.1], [0.4, 0.6], [0.0, 1.0]])
    found = reliability(np.array([0, 1, 1, 1]), probabilities)
    # Two of 0.9 of which one is right, one of 0.6 and one of 1 that are right.
    assert found.expected_error == pytest.approx((2 * 0.4 + 0.4 + 0) / 4)


def test_what_cannot_be_mended_stays_finite():
    sure = np.array([[1000.0, 0.0], [0.0, 1000.0]])
    for labels in ([0, 1], [1, 0], [0, 0], [1, 1]):
        for lengths in ([40, 40], [1, 5000]):
            found = fit_calibration(np.array(labels), sure, np.array(lengths))
            assert 0.05 <= found.temperature <= 20
            assert -1 <= found.slope <= 1
