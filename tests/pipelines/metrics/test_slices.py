import numpy as np
import pytest
from sklearn import metrics

from pipelines.metrics.measures import curves, ranking
from pipelines.metrics.slices import OTHERS, accuracy_by, all_slices, by_category, wilson


def test_bins_by_hand():
    values = np.array([1.0, 1, 2, 2, 2, np.nan])
    is_right = np.array([True, False, True, True, True, False])
    first, second = accuracy_by(values, is_right)
    assert (first["low"], first["high"], first["num_examples"], first["accuracy"]) == (1, 1, 2, 0.5)
    assert (second["num_examples"], second["accuracy"]) == (3, 1.0)
    assert second["interval"][1] == pytest.approx(1.0)


def test_bins_hold_every_known_example_once_and_about_as_many_each():
    values = np.random.default_rng(0).permutation(1_000).astype(float)
    bins = accuracy_by(values, values % 2 == 0)
    assert len(bins) == 5
    assert sum(one["num_examples"] for one in bins) == 1_000
    assert max(one["num_examples"] for one in bins) <= 201
    highs, lows = [one["high"] for one in bins], [one["low"] for one in bins]
    assert all(high < low for high, low in zip(highs, lows[1:], strict=False))


def test_values_that_people_see_as_one_are_one():
    rates = np.array([25.0, 25.0003, 24.9998, 30.0, 29.97, 29.970003])
    bins = accuracy_by(rates, np.ones(6, bool))
    assert [one["num_examples"] for one in bins] == [3, 2, 1]
    assert (bins[0]["low"], bins[0]["high"]) == (24.9998, 25.0003)
    assert accuracy_by(rates[:3], np.ones(3, bool)) == []


def test_one_value_alone_and_unknown_ones_make_no_bins():
    is_right = np.array([True, False])
    assert accuracy_by(np.array([3.0, 3.0]), is_right) == []
    assert accuracy_by(np.array([np.nan, np.nan]), is_right) == []
    found = all_slices(np.array([4, 4]), {"height_px": np.array([1.0, 2.0])}, is_right)
    assert list(found) == ["height_px"]


def test_figures_by_name_by_hand():
    names = np.array(["b", "a", "a", None, "a"], object)
    labels = np.array([0, 1, 1, 0, 0])
    probabilities = np.array([[0.9, 0.1], [0.25, 0.75], [0.75, 0.25], [0.5, 0.5], [0.75, 0.25]])
    always = np.tile([1.0, 0.0], (5, 1))
    first, second = by_category(names, labels, probabilities, {"always": always})
    assert (first["value"], first["num_examples"], second["value"]) == ("a", 3, "b")
    assert first["accuracy"] == pytest.approx(2 / 3)
    assert first["interval"] == list(wilson(2, 3))
    # All three have a confidence of 0.75, and two thirds are right.
    assert first["expected_calibration_error"] == pytest.approx(0.75 - 2 / 3)
    assert first["baselines"] == {"always": pytest.approx(1 / 3)}
    assert second["expected_calibration_error"] == pytest.approx(0.1)
    assert by_category(names[1:3], labels[1:3], probabilities[1:3], {}) == []


def test_of_many_names_the_rare_ones_are_one():
    names = np.array([f"name {k % 20}" for k in range(50)] + [None], object)
    labels, probabilities = np.zeros(51, int), np.tile([1.0, 0.0], (51, 1))
    found = by_category(names, labels, probabilities, {})
    assert len(found) == 13
    assert found[-1]["value"] == OTHERS
    assert sum(one["num_examples"] for one in found) == 50


def test_wilson_by_hand():
    # Agresti & Coull 1998: 0 of 10 gives 0 to 0.2775.
    assert wilson(0, 10) == pytest.approx((0, 0.2775), abs=1e-3)
    assert wilson(5, 10) == pytest.approx((0.2366, 0.7634), abs=1e-3)


@pytest.mark.parametrize("num_classes", [2, 7])
def test_ranking_is_scikit_learns(num_classes):
    generator = np.random.default_rng(1)
    labels = generator.integers(0, num_classes, 300)
    probabilities = generator.dirichlet(np.ones(num_classes), 300)
    classes = [f"c{k}" for k in range(num_classes)]
    found = ranking(labels, probabilities, classes)
    for k, name in enumerate(classes):
        assert found["average_precision"][name] == pytest.approx(
            metrics.average_precision_score(labels == k, probabilities[:, k])
        )
        assert found["roc_auc"][name] == pytest.approx(
            metrics.roc_auc_score(labels == k, probabilities[:, k])
        )
    if num_classes == 2:
        assert found["top5_accuracy"] is None
    else:
        among = (np.argsort(-probabilities, 1)[:, :5] == labels[:, None]).any(1).mean()
        assert found["top5_accuracy"] == pytest.approx(among)


def test_a_class_without_an_example_has_no_curve():
    labels, probabilities = np.array([0, 0]), np.array([[0.5, 0.5], [0.9, 0.1]])
    assert ranking(labels, probabilities, ["a", "b"])["roc_auc"] == {"a": None, "b": None}
    assert curves(labels, probabilities, 1) is None
