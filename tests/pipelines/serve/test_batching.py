"""The queue before the model, without a server."""

import asyncio
import threading

import numpy as np
import pytest

from pipelines.serve.traffic.batching import Batcher
from pipelines.serve.traffic.metrics import Histogram
from pipelines.serve.traffic.refusals import Refused
from pipelines.serve.traffic.room import Room


def run(batcher_of, body):
    async def all_of_it():
        batcher = batcher_of()
        batcher.start()
        try:
            return await body(batcher)
        finally:
            await batcher.stop()

    return asyncio.run(all_of_it())


def test_what_arrives_together_is_one_call_up_to_a_most():
    calls = []

    def double(items):
        calls.append(list(items))
        return [2 * item for item in items]

    async def ask(batcher):
        return await asyncio.gather(*(batcher.ask([k, k]) for k in range(5)))

    found = run(lambda: Batcher(double, most=4, queue=9), ask)
    assert found == [[2 * k, 2 * k] for k in range(5)]
    assert [len(one) for one in calls] == [4, 4, 2]


def test_a_request_of_more_than_the_most_is_one_call():
    async def ask(batcher):
        return await batcher.ask(list(range(10)))

    assert run(lambda: Batcher(lambda items: items, most=4, queue=9), ask) == list(range(10))


def test_an_error_costs_the_request_that_caused_it():
    def inverse(items):
        return [1 / item for item in items]

    async def ask(batcher):
        several = (batcher.ask([k]) for k in (1, 0, 2))
        return await asyncio.gather(*several, return_exceptions=True)

    first, second, third = run(lambda: Batcher(inverse, most=9, queue=9), ask)
    assert (first, third) == ([1.0], [0.5])
    assert isinstance(second, ZeroDivisionError)


def test_who_gives_up_takes_no_place():
    go_on, calls = threading.Event(), []

    def slow(items):
        calls.append(list(items))
        assert go_on.wait(60)
        return items

    async def ask(batcher):
        first = asyncio.create_task(batcher.ask(["first"]))
        while not calls:
            await asyncio.sleep(0.001)
        second = asyncio.create_task(batcher.ask(["second"]))
        await asyncio.sleep(0)
        with pytest.raises(Refused) as refused:
            await batcher.ask(["third"])
        assert refused.value.status == 503
        second.cancel()
        await asyncio.wait([second])
        assert batcher.num_waiting == 0
        third = asyncio.create_task(batcher.ask(["third"]))
        await asyncio.sleep(0)
        go_on.set()
        return await asyncio.gather(first, third)

    assert run(lambda: Batcher(slow, most=9, queue=1), ask) == [["first"], ["third"]]
    assert calls == [["first"], ["third"]]


def test_items_are_never_compared():
    """Those of arrays have no truth."""
    arrays = [np.arange(3), np.arange(3), np.arange(3)]

    async def ask(batcher):
        several = [asyncio.create_task(batcher.ask([one])) for one in arrays]
        await asyncio.sleep(0)
        several[1].cancel()
        return await asyncio.gather(*several, return_exceptions=True)

    first, second, third = run(lambda: Batcher(lambda items: items, most=9, queue=9), ask)
    assert first[0] is arrays[0]
    assert third[0] is arrays[2]
    assert isinstance(second, asyncio.CancelledError)


def test_room_is_given_back():
    room = Room(most_requests=2, most_bytes=100, most_bytes_each=60)
    with room.taken() as one, room.taken() as other:
        one.grow(60)
        with pytest.raises(Refused) as refused:
            one.grow(1)
        assert refused.value.status == 413
        with pytest.raises(Refused) as refused:
            other.grow(50)
        assert refused.value.status == 503
        with pytest.raises(Refused), room.taken():
            pass
        assert (room.num_requests, room.num_bytes) == (2, 60)
    assert (room.num_requests, room.num_bytes) == (0, 0)


def test_a_histogram_counts_up_to_its_bounds():
    histogram = Histogram((1, 2))
    for value in (0.5, 1, 1.5, 7):
        histogram.add(value)
    assert histogram.lines("a", 'b="c"') == [
        'a_bucket{b="c",le="1"} 2',
        'a_bucket{b="c",le="2"} 3',
        'a_bucket{b="c",le="+Inf"} 4',
        'a_sum{b="c"} 10',
        'a_count{b="c"} 4',
    ]
