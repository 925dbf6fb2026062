"""Guard before all routes: who may ask, from where, and what a browser may do with the answer.

A page from elsewhere must not reach a server on the user's own machine, neither by a request of its
own (the Origin tells) nor by a name that it points at 127.0.0.1 (the Host tells).
"""

import base64
import binascii
import hmac
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pipelines.serve.traffic.refusals import Refused

#: what a browser may load and run: what this server gives
CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:;"
    " media-src 'self' blob:; connect-src 'self'; base-uri 'none'; form-action 'none';"
    " frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": CONTENT_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
    "Cache-Control": "no-store",
}
#: name of the WebSocket's protocol; a browser sends the token beside it
PROTOCOL = "manytoone"
_TOKEN_PROTOCOL = "token."


class Guard:
    """ASGI middleware; see the module.

    Args:
        app: what is guarded.
        token: what requests must bring; None: nothing, and then the Host must be a loopback one.
        open_paths: paths that need no token.
    """

    def __init__(self, app: ASGIApp, *, token: str | None, open_paths: frozenset[str]) -> None:
        self._app, self._token, self._open = app, token, open_paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        try:
            self._check(scope)
        except Refused as refused:
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1008, "reason": refused.reason})
                return
            response = JSONResponse(
                {"error": refused.reason}, refused.status, refused.headers | _HEADERS
            )
            await response(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        await self._app(scope, receive, with_headers)

    def _check(self, scope: Scope) -> None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if self._token is None and not is_loopback(_split(f"//{host}").hostname or ""):
            raise Refused(403, "this server is asked as localhost or 127.0.0.1 only")
        asks = scope["type"] == "websocket" or scope["method"] not in ("GET", "HEAD")
        origin = headers.get("origin")
        if asks and origin is not None and _split(origin).netloc != host:
            raise Refused(403, "pages from elsewhere may not ask this server")
        if self._token is not None and scope["path"] not in self._open:
            given = _token_of(headers)
            if not hmac.compare_digest(given.encode(), self._token.encode()):
                raise Refused(401, "the token is missing or wrong: Authorization: Bearer …")


def _split(url: str) -> SplitResult:
    """Parts of an address; none of what is no address."""
    try:
        return urlsplit(url)
    except ValueError:
        return urlsplit("")


def is_loopback(host: str) -> bool:
    """Whether a name or address is this machine's own, whoever asks."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _token_of(headers: Headers) -> str:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return token.strip()
    # A browser's WebSocket has no headers of its own, but names protocols.
    for one in headers.get("sec-websocket-protocol", "").split(","):
        if one.strip().startswith(_TOKEN_PROTOCOL):
            encoded = one.strip().removeprefix(_TOKEN_PROTOCOL)
            try:
                return base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode()
            except (binascii.Error, ValueError):
                return ""
    return ""
