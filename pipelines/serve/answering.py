"""Answering of requests: read, decoded, answered in a batch, and explained if asked."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

from starlette.requests import Request

from data.files.workers import available_cores
from pipelines.predict.steps import ItemSteps
from pipelines.serve.answerers.served import Served
from pipelines.serve.traffic.batching import Batcher
from pipelines.serve.traffic.limits import Limits
from pipelines.serve.traffic.metrics import Metrics
from pipelines.serve.traffic.refusals import Refused, too_busy
from pipelines.serve.traffic.requests import Asked, read_request
from pipelines.serve.traffic.room import Room

# Clips that are decoded, or wait decoded for their answer: they take the most memory.
_CLIPS_AT_ONCE = 8
_MOST_DECODERS = 4

Value = TypeVar("Value")
_Explained = tuple[ItemSteps, dict[str, Any]]


class Answering:
    """The way of all requests to the model.

    Args:
        served: the model.
        limits: of requests.
    """

    def __init__(self, served: Served, limits: Limits) -> None:
        self.served, self.limits = served, limits
        self.metrics = Metrics(
            {
                "queue_length": (
                    "Requests that wait for the model.",
                    lambda: self._batches.num_waiting,
                ),
                "requests_held": (
                    "Requests without an answer yet.",
                    lambda: self._room.num_requests,
                ),
                "bytes_held": ("Bytes of their bodies.", lambda: self._room.num_bytes),
                "streams_open": ("Open streams.", lambda: self.num_streams),
            }
        )
        self.num_streams = 0
        self._room = Room(
            most_requests=limits.queue,
            most_bytes=limits.bytes_at_once,
            most_bytes_each=limits.max_bytes,
        )
        self._batches: Batcher[ItemSteps, dict[str, Any]] = Batcher(
            served.answers, most=limits.batch, queue=limits.queue, seen=self.metrics.batches.add
        )
        self._explanations: Batcher[_Explained, dict[str, Any]] = Batcher(
            lambda asked: [served.explanation(*one) for one in asked], most=1, queue=limits.queue
        )
        self._clips = asyncio.Semaphore(_CLIPS_AT_ONCE)
        self._readers = ThreadPoolExecutor(min(max(available_cores() // 2, 1), _MOST_DECODERS))
        self._stream_readers = ThreadPoolExecutor(2)

    def start(self) -> None:
        """Begin to answer."""
        self._batches.start()
        self._explanations.start()

    async def stop(self) -> None:
        """End."""
        await self._batches.stop()
        await self._explanations.stop()
        for pool in (self._readers, self._stream_readers):
            pool.shutdown(wait=False, cancel_futures=True)
        self.served.close()

    async def answer(self, request: Request) -> Any:
        """Plain values that answer a request.

        Raises:
            Refused: it gets no answer.
        """
        limit = self.limits.limit_seconds
        is_read = False
        with self._room.taken() as held:
            try:
                async with asyncio.timeout(limit):
                    asked = await read_request(request, held, self.limits)
                    is_read = True
                    if asked.file is not None:
                        async with self._clips:
                            return await self._answered(asked, [await self._decoded(asked.file)])
                    return await self._of_texts(asked)
            except TimeoutError as error:
                if not is_read:
                    raise Refused(408, f"the body took longer than {limit:g} s") from error
                reason = f"took longer than {limit:g} s; send something shorter, or try again later"
                raise Refused(504, reason, retry_seconds=5) from error

    async def in_thread(self, function: Callable[[], Value]) -> Value:
        """Result of a function of a stream, which may take a while."""
        return await self._run(self._stream_readers, function)

    def take_stream(self) -> None:
        """Count one stream more.

        Raises:
            Refused: too many are open.
        """
        if self.num_streams >= self.limits.streams:
            raise too_busy()
        self.num_streams += 1

    async def _decoded(self, content: bytes) -> ItemSteps:
        return await self._run(self._readers, partial(self.served.read_upload, content))

    async def _run(self, pool: ThreadPoolExecutor, function: Callable[[], Value]) -> Value:
        return await asyncio.get_running_loop().run_in_executor(pool, function)

    async def _of_texts(self, asked: Asked) -> Any:
        if self.served.uploads is not None:
            raise Refused(422, f"this model reads a {self.served.takes}, and no text; send a file")
        items = await self._run(self._readers, partial(self._texts_read, asked.texts))
        if not asked.is_list:
            (item,) = items
            if isinstance(item, Refused):
                raise item
            return await self._answered(asked, [item])
        read = [one for one in items if isinstance(one, ItemSteps)]
        found = iter(await self._all_answered(asked, read) if read else [])
        return {
            "answers": [
                {"error": one.reason} if isinstance(one, Refused) else next(found) for one in items
            ]
        }

    def _texts_read(self, texts: list[str]) -> list[ItemSteps | Refused]:
        items: list[ItemSteps | Refused] = []
        for text in texts:
            try:
                items.append(self.served.read_text(text))
            except Refused as refused:
                items.append(refused)
        return items

    async def _answered(self, asked: Asked, items: list[ItemSteps]) -> dict[str, Any]:
        (found,) = await self._all_answered(asked, items)
        if "error" in found:
            raise Refused(422, found["error"])
        return found

    async def _all_answered(self, asked: Asked, items: list[ItemSteps]) -> list[dict[str, Any]]:
        answers = await self._batches.ask(items)
        if asked.explain:
            for item, answer in zip(items, answers, strict=True):
                if "error" not in answer:
                    (answer["explanation"],) = await self._explanations.ask([(item, answer)])
        return answers
