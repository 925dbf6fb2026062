"""Room for requests: how many are taken at once, and how many bytes of them are held."""

from collections.abc import Iterator
from contextlib import contextmanager

from pipelines.serve.traffic.refusals import Refused, too_busy


class Room:
    """Count of the requests that are held, and of their bytes.

    Args:
        most_requests: number of requests.
        most_bytes: number of bytes of all of them.
        most_bytes_each: number of bytes of one.
    """

    def __init__(self, *, most_requests: int, most_bytes: int, most_bytes_each: int) -> None:
        self._most_requests, self._most_bytes = most_requests, most_bytes
        self.most_bytes_each = most_bytes_each
        self.num_requests = self.num_bytes = 0

    @contextmanager
    def taken(self) -> Iterator["Held"]:
        """Within it, a request is held.

        Raises:
            Refused: all places are taken.
        """
        if self.num_requests >= self._most_requests:
            raise too_busy()
        self.num_requests += 1
        held = Held(self)
        try:
            yield held
        finally:
            self.num_requests -= 1
            self.num_bytes -= held.num_bytes

    def grow(self, count: int) -> None:
        """Hold more bytes.

        Raises:
            Refused: there is no room.
        """
        if self.num_bytes + count > self._most_bytes:
            raise too_busy()
        self.num_bytes += count


class Held:
    """One request that is held in a room."""

    def __init__(self, room: Room) -> None:
        self._room, self.num_bytes = room, 0

    def grow(self, count: int) -> None:
        """Hold more bytes of this request.

        Raises:
            Refused: it is too large, or there is no room for it now.
        """
        most = self._room.most_bytes_each
        if self.num_bytes + count > most:
            raise Refused(413, f"is larger than {most / 1e6:g} MB, the most that is read")
        self._room.grow(count)
        self.num_bytes += count
