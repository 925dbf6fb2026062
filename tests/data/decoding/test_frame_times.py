from fractions import Fraction

import numpy as np
import pytest

from data.decoding.frame_times import breaks_of, is_wound_back, seconds_of, times_of_frames

MS = Fraction(1, 1000)


def ordered(times, dts=None, **options):
    known = [None] * len(times) if dts is None else dts
    return times_of_frames(list(times), list(known), time_base=MS, rate=Fraction(25), **options)


def seconds(found):
    return (found.pts - found.pts[0]) * float(found.time_base)


@pytest.mark.parametrize(
    ("times", "milliseconds", "starts", "alike"),
    [
        ([], [], (), 0),
        ([7], [0], (), 0),
        ([7, 47, 100], [0, 40, 93], (), 0),
        # No time at all, and one for all: the rate counts.
        ([None] * 4, [0, 40, 80, 120], (), 0),
        ([9, 9, 9], [0, 40, 80], (), 2),
        # Started again, twice; to a time within the first recording, and with one that is longer.
        ([0, 40, 80, 120] * 3, range(0, 480, 40), (4, 8), 0),
        ([100, 140, 180, 220, 260, 120, 160, 200, 240], range(0, 360, 40), (5,), 0),
        ([*range(0, 200, 40), *range(0, 800, 40)], range(0, 1000, 40), (5,), 0),
        # Out of order and back soon.
        ([0, 80, 40, 120, 160], range(0, 200, 40), (), 0),
        # Two frames a step early, as program streams have it, and then on time.
        ([0, 40, 80, 80, 120, 200, 240], range(0, 280, 40), (), 1),
        # Groups, with the last as wide as those before; a frame without a time among others.
        ([0, 0, 80, 80, 160, 160], range(0, 240, 40), (), 3),
        ([0, None, 80, 120], [0, 40, 80, 120], (), 1),
        ([None, 40, 80, 120], [0, 27, 53, 80], (), 1),
        # Before a pause they are not spread over it.
        ([0, 40, 80, 80, 80, 5000, 5040], [0, 40, 80, 120, 160, 5000, 5040], (), 2),
    ],
)
def test_by_hand(times, milliseconds, starts, alike):
    found = ordered(times)
    np.testing.assert_allclose(
        1000 * seconds(found) if times else [], list(milliseconds), atol=0.01
    )
    assert found.starts == starts
    assert found.num_alike == alike
    assert np.all(np.diff(found.pts) > 0)


def test_times_that_ascend_stay_as_they_are():
    found = ordered([5, 9, 10**15])
    assert found.pts.tolist() == [5, 9, 10**15]
    assert found.are_exact
    assert not ordered([5, 5, 9]).are_exact


def test_times_of_decoding_stand_in_where_the_others_are_not_said():
    found = ordered([None, 40, None], dts=[0, 40, 120])
    assert found.pts.tolist() == [0, 40, 120]
    assert not found.are_exact


def test_any_times_come_out_in_order_and_without_a_crash():
    draw = np.random.default_rng(0)
    for _ in range(300):
        size = int(draw.integers(1, 40))
        most = int(draw.choice([3, 50, 10**6, 2**40, 2**61]))
        times = draw.integers(-most, most, size).tolist()
        found = ordered([time if draw.random() > 0.1 else None for time in times], clock=1000)
        assert len(found.pts) == size
        assert np.all(np.diff(found.pts) >= 0)
        assert len(seconds_of(found.pts, found.time_base)) == size


@pytest.mark.parametrize(
    ("steps", "breaks"),
    [
        ([1, 1, 1], []),
        ([1, 1800, 1], []),
        ([1, 1801, 1], [2]),
        ([3600] * 5, []),
        ([20, 1900, 20], []),
        ([18, 18, 1801, 18, 9000, 18], [3, 5]),
        ([10**9], []),
    ],
)
def test_breaks_are_longer_than_half_an_hour_and_than_a_hundred_steps(steps, breaks):
    pts = 1000 * np.cumsum([5, *steps])
    assert breaks_of(pts, MS).tolist() == breaks
    closed = np.array(steps, float)
    closed[np.array(breaks, int) - 1] = np.median(steps)
    np.testing.assert_allclose(seconds_of(pts, MS), np.cumsum([0, *closed]))


def test_a_clock_that_comes_round_is_told_from_one_that_was_set_back():
    clock = 2**33
    on = clock - 7200 + 3600 * np.arange(6)
    assert not is_wound_back(on, clock)
    back = np.concatenate([np.arange(5) * 3600 + 10**9, clock + np.arange(5) * 3600])
    assert is_wound_back(back, clock)
    assert not is_wound_back(back, None)
    assert ordered(back.tolist(), clock=clock).starts == (5,)
