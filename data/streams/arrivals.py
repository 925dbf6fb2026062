"""Arrivals: what a thread reads of a source, in a bounded queue, for whoever works it off.

Where the source waits (a file, a pipe), the thread waits while the queue is full. Where it does not
(a camera), what is late is dropped, by two rules:

- what has waited longer than ``late_seconds`` when its turn comes,
- the oldest, where the queue has no room for the newest.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator
from threading import Condition, Thread
from typing import Generic, TypeVar

T = TypeVar("T")
#: bytes that wait at most
MOST_BYTES = 2**28


class Arrivals(Generic[T]):
    """Items of an iterator, which a thread of their own reads.

    Args:
        source: the iterator; whatever it raises is raised by `take`.
        num_bytes: memory that an item takes.
        may_drop: whether an item may be dropped, where the source does not wait.
        late_seconds: None: nothing is late.
        most_bytes: of the queue.
        clock: seconds.
    """

    def __init__(
        self,
        source: Iterator[T],
        *,
        num_bytes: Callable[[T], int],
        may_drop: Callable[[T], bool] = lambda _: False,
        late_seconds: float | None = None,
        most_bytes: int = MOST_BYTES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._source, self._num_bytes, self._may_drop = source, num_bytes, may_drop
        self._late_seconds, self._most_bytes, self._clock = late_seconds, most_bytes, clock
        self._queue: deque[tuple[float, T]] = deque()
        self._waiting_bytes = 0
        self._changed = Condition()
        self._is_closed = self._is_ended = False
        self._error: BaseException | None = None
        #: number of items that were dropped
        self.num_dropped = 0
        self._thread = Thread(target=self._read, name="arrivals", daemon=True)
        self._thread.start()

    def take(self, most: int, *, timeout_seconds: float) -> list[T] | None:
        """Take the next items, those that are there, at most so many.

        Returns:
            the items, none where none came within the timeout; None at the end of the source.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._queue or self._is_ended, timeout_seconds)
            found: list[T] = []
            while self._queue and len(found) < most:
                arrived, item = self._popped()
                if self._is_late(arrived) and self._may_drop(item):
                    self.num_dropped += 1
                else:
                    found.append(item)
            self._changed.notify_all()
            if found or self._queue or not self._is_ended:
                return found
        if self._error is not None:
            raise self._error
        return None

    def close(self) -> None:
        """Let the thread end; it may still wait for its source, which has a timeout of its own."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    def _popped(self) -> tuple[float, T]:
        arrived, item = self._queue.popleft()
        self._waiting_bytes -= self._num_bytes(item)
        return arrived, item

    def _is_late(self, arrived: float) -> bool:
        return self._late_seconds is not None and self._clock() - arrived > self._late_seconds

    def _read(self) -> None:
        try:
            for item in self._source:
                if not self._put(item):
                    break
        except BaseException as error:
            self._error = error
        finally:
            with self._changed:
                self._is_ended = True
                self._changed.notify_all()

    def _put(self, item: T) -> bool:
        """Add an item; False: nobody wants it any more."""
        size = self._num_bytes(item)
        with self._changed:
            if not self._may_drop(item):
                self._changed.wait_for(lambda: self._is_closed or self._has_room(size))
            else:
                self._make_room(size)
            if self._is_closed:
                return False
            self._queue.append((self._clock(), item))
            self._waiting_bytes += size
            self._changed.notify_all()
            return True

    def _has_room(self, size: int) -> bool:
        return not self._queue or self._waiting_bytes + size <= self._most_bytes

    def _make_room(self, size: int) -> None:
        while not self._has_room(size):
            if not self._may_drop(self._queue[0][1]):
                # Messages are small, and none may get lost.
                return
            self._popped()
            self.num_dropped += 1
