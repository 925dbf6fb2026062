import tracemalloc

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score

from pipelines import intervals
from pipelines.intervals import describe_intervals, interval, resample


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
