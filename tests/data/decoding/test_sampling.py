from itertools import chain, pairwise

import numpy as np
import pytest

from data.decoding.sampling import parse_sampling, within
from data.files.errors import InputError


def taken(rule, seconds):
    indices = parse_sampling(rule)(np.asarray(seconds, float))
    assert indices.dtype == np.int64
    assert np.all(np.diff(indices) > 0)
    return indices.tolist()


STEADY = np.arange(10) / 25
# Shown for 0.1, 0.1, 0.8, 0.1, 1.9 and (the median) 0.1 seconds.
VARYING = [0, 0.1, 0.2, 1.0, 1.1, 3.0]


@pytest.mark.parametrize(
    ("rule", "seconds", "indices"),
    [
        ("all", STEADY, range(10)),
        ("all", VARYING, range(6)),
        ("every=1", STEADY, range(10)),
        ("every=3", STEADY, [0, 3, 6, 9]),
        ("every=3", VARYING, [0, 3]),
        ("every=99", STEADY, [0]),
        # Ticks at 0, 0.08, …, 0.32 s.
        ("fps=12.5", STEADY, [0, 2, 4, 6, 8]),
        # Ticks at 0, 0.1, 0.2, 0.3 s; frames are due at 0.04 k.
        ("fps=10", STEADY, [0, 2, 5, 7]),
        ("fps=25", STEADY, range(10)),
        # Ticks up to 21 / 60 s; the last frame comes at 21.6 / 60 s.
        ("fps=60", STEADY, range(9)),
        ("fps=1", STEADY, [0]),
        # Ticks at 0, 0.5, …, 3 s: frame 2 is shown from 0.2 to 1.0 s, frame 4 from 1.1 to 3.0 s.
        ("fps=2", VARYING, [0, 2, 3, 4, 5]),
        ("fps=1", VARYING, [0, 3, 4, 5]),
        # Middles of spans of 0.4 / 2 s: 0.1 and 0.3 s.
        ("count=2", STEADY, [2, 7]),
        ("count=1", STEADY, [5]),
        ("count=10", STEADY, range(10)),
        ("count=99", STEADY, range(10)),
        # Middles of spans of (3 + 0.1) / 3 s: 0.517, 1.55 and 2.583 s; frame 4 is taken once.
        ("count=3", [0, 0.1, 0.2, 1.0, 1.1, 3.0], [2, 4]),
        ("count=6", VARYING, range(6)),
    ],
)
def test_by_hand(rule, seconds, indices):
    assert taken(rule, seconds) == list(indices)


@pytest.mark.parametrize("rule", ["all", "every=2", "fps=5", "count=3"])
def test_short_clips_give_what_they_have(rule):
    assert taken(rule, []) == []
    assert taken(rule, [0.0]) == [0]


@pytest.mark.parametrize("rule", ["all", "every=2", "fps=5", "count=3"])
def test_only_differences_of_time_count(rule):
    assert taken(rule, STEADY + 1000) == taken(rule, STEADY)


def test_a_broken_rate_is_exact_over_hours():
    """30000/1001 from 60000/1001 is every second frame, also after 200,000 of them."""
    seconds = np.arange(200_000) * 1001 / 60_000
    assert taken("fps=30000/1001", seconds) == list(range(0, 200_000, 2))


def test_times_rounded_to_milliseconds_still_give_each_frame_once():
    """As Matroska rounds them; a frame that comes up to half a millisecond late is another's."""
    seconds = np.round(np.arange(3000) / 30, 3)
    indices = taken("fps=15", seconds)
    assert np.abs(np.diff(seconds[indices]) - 1 / 15).max() < 0.04
    assert abs(len(indices) - 1500) <= 1


@pytest.mark.parametrize(
    "text",
    [
        "",
        "some",
        "every",
        "every=0",
        "every=-1",
        "every=2.5",
        "every=1e3",
        "count=0",
        "count=3 ",
        "fps=0",
        "fps=1/0",
        "fps=x",
        "fps=nan",
        "fps=inf",
        "fps=-5",
        "all=1",
        " all",
    ],
)
def test_other_rules_are_refused_with_those_there_are(text):
    with pytest.raises(InputError) as caught:
        parse_sampling(text)
    line = str(caught.value)
    assert line.startswith(f"--data.frames={text}: allowed are all, every=k, fps=r and count=n")
    assert "\n" not in line


@pytest.mark.parametrize(
    ("start", "end", "indices"),
    [
        (None, None, range(10)),
        (0, 0.4, range(10)),
        (0.04, 0.12, [1, 2]),
        (0.05, 0.12, [1, 2]),
        (0.05, 0.06, [1]),
        (0.0802, 0.12, [2]),
        (0.0796, 0.12, [2]),
        (None, 0.08, [0, 1]),
        (0.32, None, [8, 9]),
        (0.37, None, [9]),
        (0.4, None, []),
        (9, 10, []),
        (0.1, 0.1, []),
        (-5, 0.01, [0]),
    ],
)
def test_sections_take_what_is_on_show_in_them(start, end, indices):
    assert within(STEADY, start, end).tolist() == list(indices)


def test_sections_that_touch_at_a_frame_share_none_and_lose_none():
    cuts = [None, 0.12, 0.2, 0.32, None]
    parts = [within(STEADY, *pair).tolist() for pair in pairwise(cuts)]
    assert list(chain(*parts)) == list(range(10))
