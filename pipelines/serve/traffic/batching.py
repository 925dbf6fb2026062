"""Batching: what arrives together, or while the model is busy, is answered by one call."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, TypeVar

from pipelines.serve.traffic.refusals import too_busy

Asked = TypeVar("Asked")
Found = TypeVar("Found")

# Requests that are sent at the same moment arrive within some milliseconds.
_GATHER_SECONDS = 0.004


@dataclass(eq=False)
class _Waiting(Generic[Asked, Found]):
    """A request; no two are alike, whatever they ask."""

    items: Sequence[Asked]
    future: "asyncio.Future[list[Found]]"


class Batcher(Generic[Asked, Found]):
    """Queue in front of a function that answers several items by one call, in a thread of its own.

    Args:
        answer: items → what is found, in their order.
        most: number of items of one call; those of one request stay together.
        queue: number of requests that wait; the next one is refused.
        seen: called with the number of items of each call.
    """

    def __init__(
        self,
        answer: Callable[[list[Asked]], Sequence[Found]],
        *,
        most: int,
        queue: int,
        seen: Callable[[int], object] = lambda _: None,
    ) -> None:
        self._answer, self._most, self._queue, self._seen = answer, most, queue, seen
        self._waiting: deque[_Waiting[Asked, Found]] = deque()
        self._thread = ThreadPoolExecutor(1)
        self._arrived = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def num_waiting(self) -> int:
        """Number of requests that wait."""
        return len(self._waiting)

    async def ask(self, items: Sequence[Asked]) -> list[Found]:
        """Results for the items of one request.

        Raises:
            Refused: too many wait already.
            Exception: what the function raised for these items.
        """
        if len(self._waiting) >= self._queue:
            raise too_busy()
        asked: _Waiting[Asked, Found] = _Waiting(items, asyncio.get_running_loop().create_future())
        self._waiting.append(asked)
        self._arrived.set()
        try:
            return await asked.future
        finally:
            # One that gave up waiting takes no place.
            if asked in self._waiting:
                self._waiting.remove(asked)

    def start(self) -> None:
        """Begin to answer."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        """End; what still waits is cancelled."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        for asked in self._waiting:
            asked.future.cancel()
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _run(self) -> None:
        while True:
            await self._arrived.wait()
            await asyncio.sleep(_GATHER_SECONDS)
            while group := self._taken():
                await self._answered(group)
            self._arrived.clear()

    def _taken(self) -> list[_Waiting[Asked, Found]]:
        group: list[_Waiting[Asked, Found]] = []
        count = 0
        while self._waiting and (not group or count + len(self._waiting[0].items) <= self._most):
            asked = self._waiting.popleft()
            if not asked.future.done():
                group.append(asked)
                count += len(asked.items)
        return group

    async def _answered(self, group: list[_Waiting[Asked, Found]]) -> None:
        items = [item for asked in group for item in asked.items]
        loop = asyncio.get_running_loop()
        try:
            found = list(await loop.run_in_executor(self._thread, self._answer, items))
        except Exception as error:
            if len(group) == 1:
                if not group[0].future.done():
                    group[0].future.set_exception(error)
                return
            # It costs the request that caused it alone.
            for asked in group:
                await self._answered([asked])
            return
        self._seen(len(items))
        for asked in group:
            ours, found = found[: len(asked.items)], found[len(asked.items) :]
            if not asked.future.done():
                asked.future.set_result(ours)
