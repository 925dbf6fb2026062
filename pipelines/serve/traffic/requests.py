"""Bodies of requests: read under a limit, and taken apart into texts or a file. No path is opened."""

import asyncio
import base64
import binascii
import json
from collections.abc import AsyncIterator
from typing import NamedTuple

from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request

from pipelines.runtime.escaping import excerpt
from pipelines.serve.traffic.limits import Limits
from pipelines.serve.traffic.refusals import Refused
from pipelines.serve.traffic.room import Held

_KEYS = ("text", "texts", "file", "explain")
_USE = 'send JSON: {"text": "…"}, {"texts": ["…"]}, or {"file": "…in base64"}'
_RAW = ("application/octet-stream", "video/", "image/")


class Asked(NamedTuple):
    """Inputs of a request: texts, or the bytes of one file."""

    texts: list[str]
    file: bytes | None = None
    is_list: bool = False
    """Whether the answer is a list."""
    explain: bool = False
    """Whether the answer is to be explained."""


class _InMemory(MultiPartParser):
    """Parser of forms that never puts a file on disk: the whole body is in memory already."""

    spool_max_size = 2**62


async def read_request(request: Request, held: Held, limits: Limits) -> Asked:
    """Read the body of a request.

    Raises:
        Refused: it is too large, malformed, or asks for nothing or for too much.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    content = await _body(request, held)
    explain = request.query_params.get("explain", "") in ("1", "true")
    if kind == "application/json":
        # A large one takes a while, and others wait.
        asked = await asyncio.to_thread(_of_json, content)
    elif kind == "multipart/form-data":
        asked = await _of_form(content, request.headers)
    elif kind.startswith(_RAW):
        asked = Asked([], content)
    else:
        raise Refused(415, f"Content-Type {excerpt(kind or 'none')}: is not read; {_USE}")
    asked = asked._replace(explain=asked.explain or explain)
    _check(asked, limits)
    return asked


async def _body(request: Request, held: Held) -> bytes:
    content = bytearray()
    try:
        # One that says it is too large is not read at all.
        promised = request.headers.get("content-length", "")
        promised_bytes = int(promised) if promised.isdecimal() and len(promised) < 16 else 0
        held.grow(promised_bytes)
        async for some in request.stream():
            held.grow(max(len(content) + len(some) - max(promised_bytes, len(content)), 0))
            content += some
    except ClientDisconnect as error:
        raise Refused(400, "the connection ended before the body did") from error
    return bytes(content)


def _of_json(content: bytes) -> Asked:
    try:
        values = json.loads(content)
    except (ValueError, RecursionError) as error:
        reason = "it nests too deep" if isinstance(error, RecursionError) else str(error)
        raise Refused(400, f"is no JSON ({excerpt(reason)}); {_USE}") from error
    if not isinstance(values, dict):
        raise Refused(422, f"is no JSON object; {_USE}")
    if unknown := values.keys() - set(_KEYS):
        raise Refused(422, f"{excerpt(sorted(unknown)[0])}: no such key; {_USE}")
    if not isinstance(values.get("explain", False), bool):
        raise Refused(422, "explain: give true or false")
    explain = values.pop("explain", False)
    if len(values) != 1:
        raise Refused(422, f"one of text, texts and file is needed; {_USE}")
    ((name, value),) = values.items()
    if name == "texts":
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise Refused(422, "texts: give a list of texts")
        return Asked(value, is_list=True, explain=explain)
    if not isinstance(value, str):
        raise Refused(422, f"{name}: give a text")
    if name == "text":
        return Asked([value], explain=explain)
    try:
        return Asked([], base64.b64decode(value, validate=True), explain=explain)
    except (binascii.Error, ValueError) as error:
        raise Refused(422, "file: is no base64") from error


async def _of_form(content: bytes, headers: Headers) -> Asked:
    async def once() -> AsyncIterator[bytes]:
        yield content

    parser = _InMemory(headers, once(), max_files=1, max_fields=2)  # type: ignore[arg-type]
    try:
        form = await parser.parse()
    except (MultiPartException, KeyError, ValueError) as error:
        raise Refused(400, f"is no form of one file ({excerpt(str(error))})") from error
    files = [one for one in form.values() if isinstance(one, UploadFile)]
    texts = [value for name, value in form.multi_items() if name == "text"]
    explain = form.get("explain") in ("1", "true")
    try:
        if files:
            return Asked([], await files[0].read(), explain=explain)
        if texts:
            return Asked([str(texts[0])], explain=explain)
    finally:
        await form.close()
    raise Refused(422, "holds no file; send one as a part of the form")


def _check(asked: Asked, limits: Limits) -> None:
    if asked.file is not None:
        if not asked.file:
            raise Refused(422, "is empty (0 bytes)")
        return
    if asked.is_list and asked.explain:
        raise Refused(422, "explain: one text at a time")
    if not asked.texts:
        raise Refused(422, "texts: holds none")
    if len(asked.texts) > limits.max_texts:
        raise Refused(
            413, f"texts: are {len(asked.texts):,}, and at most {limits.max_texts} are read"
        )
    longest = max(map(len, asked.texts))
    if longest > limits.max_characters:
        raise Refused(
            413,
            f"a text has {longest:,} characters, and at most {limits.max_characters:,} are read;"
            " divide it",
        )
