import tracemalloc

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.metrics import accuracy_score, f1_score

from pipelines.metrics import intervals
from pipelines.metrics.intervals import describe_intervals, interval, resample, wilson


@pytest.fixture
def answers():
    generator = np.random.default_rng(0)
    labels = generator.integers(3, size=400)
    some = np.where(generator.random(400) < 0.7, labels, generator.integers(3, size=400))
    other = np.where(generator.random(400) < 0.6, labels, generator.integers(3, size=400))
    return labels, {"some": some, "other": other}


def test_figures_are_scikit_learns(answers, monkeypatch):
    monkeypatch.setattr(intervals, "RESAMPLES", 7)
    labels, given = answers
    found = resample(labels, given, num_classes=4)
    counts = np.concatenate(list(intervals._counts(400, 0, 3)))
    assert (counts.sum(1) == 400).all()
    for name, predicted in given.items():
        for k, count in enumerate(counts):
            rows = np.repeat(np.arange(400), count)
            assert found[name].accuracy[k] == accuracy_score(labels[rows], predicted[rows])
            f1 = f1_score(
                labels[rows], predicted[rows], labels=range(4), average="macro", zero_division=0
            )
            assert found[name].macro_f1[k] == pytest.approx(f1)


def test_an_interval_holds_what_theory_says(answers):
    labels, given = answers
    value, low, high = interval(resample(labels, given, num_classes=3)["some"].accuracy)
    assert value == accuracy_score(labels, given["some"])
    deviation = (value * (1 - value) / 400) ** 0.5
    assert low == pytest.approx(value - 1.96 * deviation, abs=0.006)
    assert high == pytest.approx(value + 1.96 * deviation, abs=0.006)


def test_a_difference_is_surer_than_its_parts(answers):
    labels, given = answers
    # Nearly the same answers: what both get wrong does not count.
    given["near"] = given["some"].copy()
    given["near"][:20] = labels[:20]
    found = resample(labels, given, num_classes=3)
    _, low, high = interval(found["near"].accuracy - found["some"].accuracy)
    alone = interval(found["some"].accuracy)
    assert low >= 0
    assert high - low < 0.5 * (alone.high - alone.low)


def test_chunks_change_nothing(answers, monkeypatch):
    labels, given = answers
    monkeypatch.setattr(intervals, "RESAMPLES", 50)
    whole = resample(labels, given, num_classes=3)["some"]
    monkeypatch.setattr(intervals, "_NUMBERS_AT_ONCE", 1)
    parts = resample(labels, given, num_classes=3)["some"]
    assert np.array_equal(whole.accuracy, parts.accuracy)


def test_what_the_report_says(answers):
    labels, given = answers
    found = describe_intervals(labels, given["some"], {"other": given["other"]}, num_classes=3)
    value, low, high = found["against"]["other"]["accuracy"]
    assert value == pytest.approx(
        accuracy_score(labels, given["some"]) - accuracy_score(labels, given["other"])
    )
    assert low < value < high
    assert found["macro_f1"][1] < found["macro_f1"][0] < found["macro_f1"][2]


def test_hundreds_of_classes_take_no_more_memory_than_a_few():
    generator = np.random.default_rng(0)
    labels, predicted = generator.integers(400, size=(2, 500))
    tracemalloc.start()
    found = resample(labels, {"some": predicted}, num_classes=400)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(found["some"].macro_f1) == intervals.RESAMPLES + 1
    assert peak < 300e6


@pytest.fixture
def quick_wilson(monkeypatch):
    """Without the p-value, which takes scipy longer than the interval."""
    monkeypatch.setattr(intervals, "binomtest", lambda k, n: binomtest(k, n, p=k / n))


def assert_holds(right, count):
    low, high = wilson(right, count)
    assert 0 <= low <= right / count <= high <= 1, (right, count, low, high)


def test_the_interval_of_a_share_holds_it(quick_wilson):
    for count in range(1, 1_001):
        for right in {0, 1, count // 3, count // 2, count - 1, count}:
            assert_holds(right, count)
    assert wilson(0, 7)[0] == 0
    assert wilson(7, 7)[1] == 1


@pytest.mark.slow
def test_the_interval_of_every_share_holds_it(quick_wilson):
    for count in range(1, 1_001):
        for right in range(count + 1):
            assert_holds(right, count)


def holds(found):
    value, low, high = found
    return -1 <= low <= value <= high <= 1


# How many classes, how many examples of each, and how many of those are wrong.
@pytest.mark.parametrize("num_classes", [2, 12, 1_000])
@pytest.mark.parametrize(("each", "wrong"), [(1, 0), (2, 0), (2, 1), (2, 2), (5, 1)])
def test_macro_f1_lies_in_its_interval(num_classes, each, wrong):
    labels = np.repeat(np.arange(num_classes), each)
    is_wrong = np.tile(np.arange(each) < wrong, num_classes)
    predicted = np.where(is_wrong, (labels + 1) % num_classes, labels)
    rivals = {"first": np.zeros_like(labels), "same": predicted}
    found = describe_intervals(labels, predicted, rivals, num_classes=num_classes)
    expected = f1_score(labels, predicted, average="macro", zero_division=0)
    assert found["macro_f1"][0] == pytest.approx(expected)
    for one in (found, *found["against"].values()):
        assert holds(one["accuracy"])
        assert holds(one["macro_f1"])
    value, low, high = found["macro_f1"]
    # Not merely an end: more could be right or wrong on other examples, unless all was.
    assert low < value or value == 0
    assert value < high or value == 1
    assert high - low < 3 * (found["accuracy"][2] - found["accuracy"][1])
    assert found["against"]["same"]["macro_f1"] == [0, 0, 0]


def test_no_mistake_seen_is_no_proof_of_none():
    labels = np.tile([0, 1], 30)
    found = describe_intervals(labels, labels, {"wrong": 1 - labels}, num_classes=2)
    # Wilson's interval for 60 of 60 right: 60 / (60 + 1.96²).
    assert found["accuracy"] == pytest.approx([1, 0.93982, 1], abs=1e-4)
    assert found["macro_f1"] == pytest.approx([1, 0.94, 1], abs=0.015)


@pytest.mark.parametrize(("count", "is_sure"), [(1, False), (3, False), (12, True)])
def test_a_lead_on_few_examples_may_be_chance(count, is_sure):
    labels = np.arange(count) % 2
    found = describe_intervals(labels, labels, {"wrong": 1 - labels}, num_classes=2)
    value, low, _ = found["against"]["wrong"]["accuracy"]
    assert value == 1
    assert (low > 0) == is_sure


def test_the_class_of_a_rare_example_is_not_a_mistake_where_it_is_not_drawn():
    labels = np.array([0] * 20 + [1])
    found = resample(labels, {"right": labels}, num_classes=3)["right"]
    # Two of three classes occur and are right: 2 / 3, as in the report.
    assert found.macro_f1 == pytest.approx(np.full(intervals.RESAMPLES + 1, 2 / 3))
