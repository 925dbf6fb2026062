"""The application: routes of the page, of the API and of the stream."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from fastapi import FastAPI, Request, WebSocket, WebSocketDisconnect
from fastapi.responses import PlainTextResponse, Response
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from pipelines.runtime.strict_json import plain_values
from pipelines.serve.answerers.examples import NUM_CLIPS
from pipelines.serve.answerers.served import Served
from pipelines.serve.answerers.streaming import Stream
from pipelines.serve.answering import Answering
from pipelines.serve.page import OPEN_PATHS, page_files
from pipelines.serve.schemas import Health, Problem, answer_model, body_of
from pipelines.serve.traffic.counting import Counting
from pipelines.serve.traffic.guard import PROTOCOL, Guard
from pipelines.serve.traffic.limits import Limits
from pipelines.serve.traffic.refusals import Refused

_DESCRIPTION = (
    "Answers of one saved model. Requests that arrive together are answered as one batch. Nothing is"
    " kept, and no path in a request is opened."
)
# A stream without a message for so long is closed.
_IDLE_SECONDS = 300.0


def create_app(
    served: Served, limits: Limits, *, about: dict[str, Any], token: str | None = None
) -> FastAPI:
    """Make the application of one model.

    Args:
        served: the model.
        limits: of requests.
        about: what is told of the model beside what it knows itself.
        token: what requests must bring; None: nothing, and only this machine may ask.
    """
    answering = Answering(served, limits)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        answering.start()
        yield
        await answering.stop()

    app = FastAPI(
        title="Many to one",
        version="1",
        description=_DESCRIPTION,
        # Their pages would load scripts from elsewhere; /api is our own.
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
    )
    told = {
        "task": served.task,
        "takes": served.takes,
        "answers_with": served.answers_with,
        "streams": served.stream() is not None,
        "examples": served.examples or served.make_example is not None,
        "limits": limits._asdict(),
        **served.about(),
        **about,
    }
    _add_api(app, answering, told)
    if served.make_example is not None:
        _add_example(app, served.make_example)
    _add_stream(app, answering)
    for path, (content, kind) in page_files(served.task).items():
        app.add_api_route(path, _file(content, kind), include_in_schema=False)
    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(HTTPException, _no_route)
    routes = frozenset(route.path for route in app.routes if hasattr(route, "path"))
    app.add_middleware(Guard, token=token, open_paths=OPEN_PATHS)
    app.add_middleware(Counting, metrics=answering.metrics, routes=routes)
    return app


def _add_api(app: FastAPI, answering: Answering, told: dict[str, Any]) -> None:
    served = answering.served
    problems = {
        400: "malformed", 401: "no token", 413: "too large", 415: "not of a kind that is read",
        422: "no answer to this", 503: "too busy", 504: "took too long",
    }  # fmt: skip
    responses: dict[int | str, dict[str, Any]] = {
        status: {"model": Problem, "description": text} for status, text in problems.items()
    }

    @app.post(
        "/answer",
        summary=f"Answer to a {served.takes}",
        description="With explain, or ?explain=1, the explanation comes too; it takes longer.",
        response_model=answer_model(served.answers_with, is_list=served.takes == "text"),
        responses=responses,
        openapi_extra={"requestBody": body_of(served.takes)},
    )
    async def answer(request: Request) -> Response:
        return _json(await answering.answer(request))

    @app.get("/health", summary="Whether the server is there", response_model=Health)
    async def health() -> Response:
        return _json({"ok": True, "task": served.task})

    @app.get("/about", summary="The model, its report's figures, and the limits")
    async def about() -> Response:
        return _json(told)

    @app.get(
        "/metrics",
        summary="Figures of the server, as Prometheus reads them",
        response_class=PlainTextResponse,
    )
    async def metrics() -> PlainTextResponse:
        kind = "text/plain; version=0.0.4; charset=utf-8"
        return PlainTextResponse(answering.metrics.text(), media_type=kind)


def _add_example(app: FastAPI, make_example: Callable[[int], bytes]) -> None:
    @app.get("/example", summary="A clip to try the model with", response_class=Response)
    def example(request: Request) -> Response:
        number = request.query_params.get("number", "0")
        place = int(number[-9:]) if number.isascii() and number.isdigit() else 0
        return Response(make_example(place % NUM_CLIPS), media_type="video/mp4")


def _add_stream(app: FastAPI, answering: Answering) -> None:
    @app.websocket("/stream")
    async def stream(socket: WebSocket) -> None:
        offered = socket.headers.get("sec-websocket-protocol", "")
        chosen = PROTOCOL if PROTOCOL in map(str.strip, offered.split(",")) else None
        await socket.accept(chosen)
        state = answering.served.stream()
        if state is None:
            await _close(socket, 1003, "this model answers whole inputs only: POST /answer")
            return
        try:
            answering.take_stream()
        except Refused as refused:
            await _close(socket, 1013, refused.reason)
            return
        try:
            await _answer_stream(socket, state, answering)
        except (WebSocketDisconnect, RuntimeError):
            pass  # the other side is gone
        finally:
            answering.num_streams -= 1


async def _answer_stream(socket: WebSocket, state: Stream, answering: Answering) -> None:
    await socket.send_text(_text(state.introduction()))
    while True:
        try:
            async with asyncio.timeout(_IDLE_SECONDS):
                message = await socket.receive()
        except TimeoutError:
            await _close(socket, 1001, f"no message for {_IDLE_SECONDS:.0f} s")
            return
        if message["type"] != "websocket.receive":
            return
        text = message.get("text")
        content = message["bytes"] if text is None else text
        try:
            found = await answering.in_thread(partial(state.fed, content))
        except Refused as refused:
            found = {"error": refused.reason}
        await socket.send_text(_text(found))


async def _close(socket: WebSocket, code: int, reason: str) -> None:
    await socket.send_text(_text({"error": reason}))
    await socket.close(code, reason)


def _file(content: bytes, kind: str) -> Callable[[], Any]:
    async def file() -> Response:
        return Response(content, media_type=kind)

    return file


def _text(content: Any) -> str:
    try:
        return json.dumps(content, ensure_ascii=True, allow_nan=False)
    except ValueError:
        return json.dumps(plain_values(content), ensure_ascii=True)


def _json(content: Any) -> Response:
    return Response(_text(content), media_type="application/json")


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    return JSONResponse({"error": error.reason}, error.status, error.headers)


async def _no_route(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    headers = dict(error.headers or {})
    return JSONResponse({"error": str(error.detail).lower()}, error.status_code, headers)
