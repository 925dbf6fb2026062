import numpy as np
import pytest
from sklearn.calibration import calibration_curve
from sklearn.metrics import log_loss

from pipelines.metrics.calibration import calibrate, fit_temperature, reliability, tempered


def drawn(temperature, count=20_000, num_classes=3):
    """Labels, and probabilities that are too sure by a temperature."""
    generator = np.random.default_rng(0)
    scores = generator.normal(size=(count, num_classes)) * 1.5
    shares = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    labels = (shares.cumsum(1) < generator.random((count, 1))).sum(1)
    return labels, tempered(shares, 1 / temperature)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
def test_the_temperature_is_found_and_mends(temperature):
    labels, probabilities = drawn(temperature)
    found = fit_temperature(labels, probabilities)
    assert found == pytest.approx(temperature, rel=0.05)
    mended = tempered(probabilities, found)
    assert np.array_equal(mended.argmax(1), probabilities.argmax(1))
    assert reliability(labels, mended).expected_error < 0.015
    if temperature != 1:
        assert reliability(labels, probabilities).expected_error > 0.05
        assert log_loss(labels, mended) < log_loss(labels, probabilities)


def test_the_loss_that_is_left_is_scikit_learns():
    labels, probabilities = drawn(2.5, count=500)
    temperature, loss = calibrate(labels, probabilities)
    assert loss == pytest.approx(log_loss(labels, tempered(probabilities, temperature)))
    assert loss < log_loss(labels, probabilities)


def test_a_few_examples_change_little():
    sure = np.tile([0.9, 0.1], (3, 1))
    assert 0.8 < fit_temperature(np.zeros(3, int), sure) < 1
    # A hundred and more are believed.
    assert fit_temperature(np.zeros(300, int), np.tile([0.9, 0.1], (300, 1))) < 0.6


def test_bins_are_scikit_learns():
    labels, probabilities = drawn(1.7)
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
    sure = np.array([[1.0, 0.0], [0.0, 1.0]])
    assert 0.05 <= fit_temperature(np.array([0, 1]), sure) <= 20
    assert 0.05 <= fit_temperature(np.array([1, 0]), sure) <= 20
