"""The queue between a source and its reader: back-pressure, or what is late is dropped and counted."""

import threading

import pytest

from data.streams.arrivals import Arrivals

SOON = 30.0  # longer than anything takes, unless it hangs


class Clock:
    def __init__(self):
        self.seconds = 0.0

    def __call__(self):
        return self.seconds


def all_of(arrivals):
    found = []
    while (some := arrivals.take(3, timeout_seconds=SOON)) is not None:
        found += some
    return found


def test_a_source_that_waits_loses_nothing():
    produced = []

    def source():
        for k in range(100):
            produced.append(k)
            yield k

    arrivals = Arrivals(source(), num_bytes=lambda _: 10, most_bytes=50)
    # Five fit into the queue, and the sixth is in hand.
    while len(produced) < 6:
        threading.Event().wait(0.01)
    threading.Event().wait(0.05)
    assert len(produced) == 6
    assert all_of(arrivals) == list(range(100))
    assert arrivals.num_dropped == 0


def read_up(*items, **options):
    """Arrivals all of which have come."""
    arrivals = Arrivals(iter(items), num_bytes=lambda one: 10, **options)
    arrivals._thread.join(SOON)
    return arrivals


def test_the_oldest_are_dropped_where_there_is_no_room():
    arrivals = read_up(*range(20), may_drop=lambda _: True, most_bytes=50)
    assert all_of(arrivals) == [15, 16, 17, 18, 19]
    assert arrivals.num_dropped == 15


def test_what_waited_too_long_is_dropped():
    clock = Clock()
    arrivals = read_up(
        "told", 1, 2, may_drop=lambda one: one != "told", late_seconds=1, clock=clock
    )
    clock.seconds = 1.5
    assert all_of(arrivals) == ["told"]
    assert arrivals.num_dropped == 2


def test_what_did_not_wait_too_long_is_read():
    clock = Clock()
    arrivals = read_up(1, 2, may_drop=lambda _: True, late_seconds=1, clock=clock)
    clock.seconds = 1.0
    assert all_of(arrivals) == [1, 2]


def test_an_error_comes_after_what_came_before():
    def source():
        yield 1
        raise ValueError("gone")

    arrivals = Arrivals(source(), num_bytes=lambda _: 1)
    assert arrivals.take(5, timeout_seconds=SOON) == [1]
    with pytest.raises(ValueError, match="gone"):
        arrivals.take(5, timeout_seconds=SOON)


def test_closing_ends_the_thread():
    def source():
        while True:
            yield 1

    arrivals = Arrivals(source(), num_bytes=lambda _: 10, most_bytes=20)
    arrivals.close()
    arrivals._thread.join(SOON)
    assert not arrivals._thread.is_alive()


def test_nothing_is_there_yet():
    waits = threading.Event()

    def source():
        waits.wait(SOON)
        yield 1

    arrivals = Arrivals(source(), num_bytes=lambda _: 1)
    assert arrivals.take(1, timeout_seconds=0.01) == []
    waits.set()
    assert all_of(arrivals) == [1]
