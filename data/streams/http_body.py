"""Bodies of HTTP answers, read as they come; no redirect is followed."""

import base64
import http.client
import ssl
from urllib.parse import unquote, urlsplit

from data.decoding.opening import UnreadableError
from data.streams.address import without_password


class LostError(OSError):
    """A source that gave something, and then no more. The message is the reason, in one line."""


class HttpBody:
    """The body of the answer to one GET request, as a file that cannot be sought.

    Args:
        url: the URL that a person named.
        timeout_seconds: the longest wait for the connection, and for each further byte.

    Raises:
        UnreadableError: no answer, or one of another status than 200. A redirect is told with the
            place that it names, and that place is not asked.
    """

    def __init__(self, url: str, *, timeout_seconds: float) -> None:
        parts = urlsplit(url)
        kind = (
            http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        )
        self._timeout_seconds = timeout_seconds
        self._connection = kind(parts.hostname or "", parts.port, timeout=timeout_seconds)
        #: the first bytes, by which what is no video is told
        self.start = b""
        self._num_read = 0
        self._answer: http.client.HTTPResponse | None = None
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        try:
            self._connection.request("GET", path, headers=_headers(parts.username, parts.password))
            self._answer = self._connection.getresponse()
            self._refuse_other_status(self._answer)
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.close()
            raise UnreadableError(why_unreached(error, timeout_seconds)) from error
        except UnreadableError:
            self.close()
            raise
        length = self._answer.getheader("Content-Length", "")
        #: the number of bytes that the server announced; None: it goes on for as long as it goes on
        self.length = int(length) if length.isdecimal() else None

    def _refuse_other_status(self, answer: http.client.HTTPResponse) -> None:
        status, reason = answer.status, answer.reason
        if 300 <= status < 400:
            place = answer.getheader("Location", "nowhere")
            raise UnreadableError(
                f"redirects to {without_password(place)} ({status}), which is not followed; name that"
                " as SOURCE if you mean it"
            )
        if status != 200:
            raise UnreadableError(f"the server answers {status} {reason}; change the address")

    def comes_to_its_end(self) -> bool:
        """Read what is left, and tell whether as many bytes came as were announced.

        Raises:
            LostError: see `read`.
        """
        while self.read(2**16):
            pass
        return self._num_read == self.length

    def read(self, size: int) -> bytes:
        """Read what has come, at most ``size`` bytes; none at the end.

        Raises:
            LostError: the connection broke, or nothing came for too long.
        """
        assert self._answer is not None
        try:
            some = self._answer.read1(size)
        except (OSError, http.client.HTTPException, ValueError, AttributeError) as error:
            # The last two are raised where the connection was closed in the meantime.
            raise LostError(why_unreached(error, self._timeout_seconds)) from error
        self._num_read += len(some)
        self.start = self.start or some[:4096]
        return some

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()
        # An answer that ends with its connection has taken the connection over.
        if self._answer is not None:
            self._answer.close()


def why_unreached(error: Exception, timeout_seconds: float) -> str:
    """Shorten an error of a connection to one line."""
    if isinstance(error, TimeoutError):
        return f"nothing came for {timeout_seconds:g} s (--timeout_seconds)"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted ({error.verify_message})"
    if isinstance(error, http.client.IncompleteRead):
        return "the connection broke"
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return text.splitlines()[0]


def _headers(user: str | None, password: str | None) -> dict[str, str]:
    headers = {"User-Agent": "manytoone", "Accept": "*/*", "Connection": "close"}
    if user is not None:
        both = f"{unquote(user)}:{unquote(password or '')}".encode()
        headers["Authorization"] = f"Basic {base64.b64encode(both).decode()}"
    return headers
