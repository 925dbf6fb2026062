"""Counting of requests by route, status and time, as ASGI middleware around all others."""

import logging
import time
import traceback
from pathlib import Path

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pipelines.serve.traffic.metrics import Metrics

log = logging.getLogger(__name__)


class Counting:
    """Counts requests, and answers 500 where the server itself has failed.

    Args:
        app: what is counted.
        metrics: where.
        routes: the paths that are named; others count as one, whatever a client asks for.
    """

    def __init__(self, app: ASGIApp, *, metrics: Metrics, routes: frozenset[str]) -> None:
        self._app, self._metrics, self._routes = app, metrics, routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and count it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status, started = 0, time.monotonic()

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except Exception as error:
            # The message of an error may quote a text, which no log should hold.
            place = traceback.extract_tb(error.__traceback__)[-1]
            log.error(
                "%s (%s, line %d)", type(error).__name__, Path(place.filename).name, place.lineno
            )
            if status == 0:
                response = JSONResponse({"error": "the server failed at this request"}, 500)
                await response(scope, receive, watched)
        finally:
            route = scope["path"] if scope["path"] in self._routes else "other"
            self._metrics.add_request(route, status, time.monotonic() - started)
