"""AUC and correlation of units, and which are chosen."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from pipelines.microscope import unit_ranking
from pipelines.microscope.tracks import Track
from pipelines.microscope.unit_ranking import States, Unit, auc, correlation, rank_units


def test_auc_is_that_of_scikit_learn(monkeypatch):
    generator = np.random.default_rng(0)
    values = generator.normal(size=(7, 90)).round(1).astype(np.float32)  # with ties
    holds = generator.random((3, 90)) < 0.3
    monkeypatch.setattr(unit_ranking, "_VALUES_AT_ONCE", 200)
    found = auc(values, holds)
    for k, track in enumerate(holds):
        for u, unit in enumerate(values):
            assert found[k, u] == pytest.approx(roc_auc_score(track, unit), abs=1e-12)
    # By hand: of the pairs 1-2, 1-4, 3-2, 3-4 three rise.
    assert auc(np.array([[1, 2, 3, 4]]), np.array([[False, True, False, True]])) == 0.75
    with pytest.raises(ValueError, match="never or always"):
        auc(values, np.zeros((1, 90), bool))


def test_correlation_is_that_of_numpy(monkeypatch):
    generator = np.random.default_rng(0)
    values, numbers = generator.normal(size=(7, 50)), generator.normal(size=(2, 50))
    values[3] = 0.1
    monkeypatch.setattr(unit_ranking, "_VALUES_AT_ONCE", 100)
    found = correlation(values, numbers)
    assert found[:, 3].tolist() == [0, 0]
    moving = [0, 1, 2, 4, 5, 6]
    expected = np.corrcoef(numbers, values[moving])[:2, 2:]
    np.testing.assert_allclose(found[:, moving], expected, atol=1e-12)


def noise(num_steps=400, size=20, seed=0):
    return np.random.default_rng(seed).normal(size=(num_steps, size)).astype(np.float32)


HOLDS = Track("inside a comment", np.arange(400) // 10 % 3 == 0)
GROWS = Track("the position in the line", np.arange(400) % 37 / 1.0)


def test_planted_units_are_found():
    first, second = noise(), noise(seed=1)
    first[:, 5] -= 6 * HOLDS.values
    second[:, 7] += 0.5 * GROWS.values
    states = [States(1, False, "c", first), States(2, True, "h", second)]
    (of_holds, of_grows), left_out = rank_units(states, [GROWS, HOLDS], top=2)
    assert left_out == []
    best = of_holds[0]
    assert (best.track, best.measure, best.sign) == (HOLDS.name, "auc", -1)
    assert best.unit == Unit(1, False, "c", 5)
    assert best.unit.name == "1.c.5"
    assert best.first > 0.99
    assert best.second == pytest.approx(roc_auc_score(HOLDS.values[200:], -first[200:, 5]))
    assert of_grows[0].unit.name == "2b.h.7"
    assert (of_grows[0].sign, of_grows[0].measure) == (1, "correlation")
    expected = np.corrcoef(second[200:, 7], GROWS.values[200:])[0, 1]
    assert of_grows[0].second == pytest.approx(expected)
    assert [len(of_holds), len(of_grows)] == [2, 2]
    assert of_holds[1].first < 0.7


def test_what_holds_on_one_half_alone_is_told_apart():
    values = noise()
    values[:200, 3] += 6 * HOLDS.values[:200]
    values[200:, 3] -= 1 * HOLDS.values[200:]
    ((best, *_),), _ = rank_units([States(1, False, "h", values)], [HOLDS], top=3)
    assert best.unit.place == 3
    assert best.first > 0.99
    assert best.second < 0.5


@pytest.mark.parametrize(
    ("values", "says"),
    [
        (np.zeros(400, bool), "never holds"),
        (np.ones(400, bool), "always holds"),
        (np.arange(400) > 350, "holds at 0 of the 200 steps of the first half"),
        (np.arange(400) % 200 < 50, "in 1 stretch(es)"),
        (np.arange(400) % 50 == 3, "holds at 4 of the 200 steps"),
        (np.minimum(np.arange(400.0), 100), "does not change within a half"),
    ],
)
def test_what_says_nothing_is_left_out(values, says):
    states = [States(1, False, "h", noise())]
    found, (line,) = rank_units(states, [Track("x", values)], top=3)
    assert found == []
    assert line.startswith("x: ")
    assert says in line
