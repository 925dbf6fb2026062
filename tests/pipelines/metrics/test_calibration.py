import numpy as np
import pytest
import torch
from scipy.optimize import minimize_scalar
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
    softmax = CalibratedSoftmax()
    if calibration is not None:
        softmax.temperature.fill_(calibration.temperature)
        softmax.slope.fill_(calibration.slope)
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
    found = fit_calibration(labels, scores, alike(len(labels)))
    assert found.temperature == pytest.approx(temperature, rel=0.05)
    probabilities, mended = shares_of(scores), shares_of(scores, found)
    assert np.array_equal(mended.argmax(1), probabilities.argmax(1))
    assert reliability(labels, mended).expected_error < 0.015
    if temperature != 1:
        assert reliability(labels, probabilities).expected_error > 0.05
        assert log_loss(labels, mended) < log_loss(labels, probabilities)


@pytest.mark.parametrize("length", [1, 5, 40, 180, 3000])
def test_lengths_that_are_alike_have_no_slope_and_one_temperature(length):
    labels, scores = drawn(2.5, count=200)
    found = fit_calibration(labels, scores, alike(200, length))
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


def test_more_scores_than_are_needed_are_thinned_with_their_lengths(monkeypatch):
    labels, scores = drawn(2.0, count=900)
    lengths = drawn_lengths(900)
    due = calibrate(labels[::3], scores[::3], lengths[::3])
    monkeypatch.setattr("pipelines.metrics.calibration._MOST_SCORES", 900)
    assert calibrate(labels, scores, lengths) == due


def test_temperatures_are_described():
    labels, scores = drawn(2.0, count=50)
    before = shares_of(scores)
    found = describe_calibration(
        labels, before=before, after=before, calibration=Calibration(1.5, 0.25)
    )
    assert (found["temperature"], found["slope"], found["reference_steps"]) == (1.5, 0.25, 40)
    by_steps = {"10": 1.5 / 4**0.25, "40": 1.5, "300": 1.5 * 7.5**0.25}
    assert found["temperature_by_steps"] == pytest.approx(by_steps)


def test_the_loss_that_is_left_is_scikit_learns():
    labels, scores = drawn(2.5, count=500)
    lengths = drawn_lengths(len(labels))
    calibration, loss = calibrate(labels, scores, lengths)
    assert calibration.slope != 0
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
