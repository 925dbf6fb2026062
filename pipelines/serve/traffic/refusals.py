"""Refusals: a request that gets no answer, with the HTTP status and the reason in one line."""


class Refused(Exception):  # noqa: N818 - the server's answer, not a fault of it
    """A request without an answer.

    Args:
        status: HTTP status: 400 malformed, 401 no token, 403 from elsewhere, 413 too large, 415 of
            another kind, 422 no answer to this, 503 too busy, 504 too slow.
        reason: the reason in one line, harmless to show.
        retry_seconds: when to try again; None: it will not help.
    """

    def __init__(self, status: int, reason: str, *, retry_seconds: int | None = None) -> None:
        super().__init__(reason)
        self.status, self.reason, self.retry_seconds = status, reason, retry_seconds

    @property
    def headers(self) -> dict[str, str]:
        """HTTP headers that go with it."""
        if self.status == 401:
            return {"WWW-Authenticate": "Bearer"}
        return {} if self.retry_seconds is None else {"Retry-After": str(self.retry_seconds)}


def too_busy() -> Refused:
    """Make the refusal of a request that finds all places taken."""
    return Refused(503, "too many requests at the moment; try again in a second", retry_seconds=1)
