import numpy as np
import pytest
import torch
from sklearn.calibration import calibration_curve
from sklearn.metrics import log_loss

from models.heads.calibrated import CalibratedSoftmax
from pipelines.metrics.calibration import calibrate, fit_temperature, reliability


def shares_of(scores, temperature=1.0):
    softmax = CalibratedSoftmax()
    softmax.temperature.fill_(temperature)
    return softmax(torch.from_numpy(scores)).numpy()


def drawn(temperature, count=20_000, num_classes=3):
    """Labels, and scores that are too sure by a temperature."""
    generator = np.random.default_rng(0)
    scores = generator.normal(size=(count, num_classes)) * 1.5
    labels = (shares_of(scores).cumsum(1) < generator.random((count, 1))).sum(1)
    return labels, scores * temperature


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
def test_the_temperature_is_found_and_mends(temperature):
    labels, scores = drawn(temperature)
    found = fit_temperature(labels, scores)
    assert found == pytest.approx(temperature, rel=0.05)
    probabilities, mended = shares_of(scores), shares_of(scores, found)
    assert np.array_equal(mended.argmax(1), probabilities.argmax(1))
    assert reliability(labels, mended).expected_error < 0.015
    if temperature != 1:
        assert reliability(labels, probabilities).expected_error > 0.05
        assert log_loss(labels, mended) < log_loss(labels, probabilities)


def test_the_loss_that_is_left_is_scikit_learns():
    labels, scores = drawn(2.5, count=500)
    temperature, loss = calibrate(labels, scores)
    assert loss == pytest.approx(log_loss(labels, shares_of(scores, temperature)))
    assert loss < log_loss(labels, shares_of(scores))


def test_a_few_examples_change_little():
    sure = np.log(np.tile([0.9, 0.1], (3, 1)))
    assert 0.8 < fit_temperature(np.zeros(3, int), sure) < 1
    # A hundred and more are believed.
    assert fit_temperature(np.zeros(300, int), np.tile(sure[:1], (300, 1))) < 0.6


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
    assert 0.05 <= fit_temperature(np.array([0, 1]), sure) <= 20
    assert 0.05 <= fit_temperature(np.array([1, 0]), sure) <= 20
