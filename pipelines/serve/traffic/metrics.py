"""Figures of the server as Prometheus reads them, in its text format 0.0.4."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable

import psutil

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_SIZES = (1, 2, 4, 8, 16, 32, 64, 128)


class Histogram:
    """Counts of values up to each of some bounds.

    Args:
        bounds: rising; a value beyond the last counts in the total alone.
    """

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self._bounds, self._counts = bounds, [0] * (len(bounds) + 1)
        self.total = 0.0

    @property
    def num_values(self) -> int:
        """Number of values."""
        return sum(self._counts)

    def add(self, value: float) -> None:
        """Count a value."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self.total += value

    def lines(self, name: str, labels: str = "") -> list[str]:
        """Lines of Prometheus; ``labels`` such as ``route="/answer"``."""
        found, count, comma = [], 0, "," if labels else ""
        for bound, some in zip((*self._bounds, "+Inf"), self._counts, strict=True):
            count += some
            found.append(f'{name}_bucket{{{labels}{comma}le="{bound}"}} {count}')
        braced = f"{{{labels}}}" if labels else ""
        return [*found, f"{name}_sum{braced} {self.total:g}", f"{name}_count{braced} {count}"]


class Metrics:
    """Counts since the start of the server.

    Args:
        gauges: by name, a text that says what it is, and the function that tells its value now.
    """

    def __init__(self, gauges: dict[str, tuple[str, Callable[[], float]]]) -> None:
        self._gauges = gauges
        self._requests: Counter[tuple[str, int]] = Counter()
        self._seconds: dict[str, Histogram] = {}
        self.batches = Histogram(_SIZES)
        self._process = psutil.Process()

    def add_request(self, route: str, status: int, seconds: float) -> None:
        """Count a request: its route (none of the client's words), status and time."""
        self._requests[route, status] += 1
        self._seconds.setdefault(route, Histogram(_SECONDS)).add(seconds)

    def text(self) -> str:
        """All figures."""
        lines = _head("requests_total", "counter", "HTTP requests by route and status.")
        for (route, status), count in sorted(self._requests.items()):
            labels = f'route="{route}",status="{status}"'
            lines.append(f"manytoone_requests_total{{{labels}}} {count}")
        lines += _head("request_seconds", "histogram", "Time of a request.")
        for route, histogram in sorted(self._seconds.items()):
            lines += histogram.lines("manytoone_request_seconds", f'route="{route}"')
        lines += _head("batch_items", "histogram", "Items answered by one call of the model.")
        lines += self.batches.lines("manytoone_batch_items")
        memory = self._process.memory_info().rss
        gauges = {"resident_bytes": ("Resident memory of the process.", lambda: memory)}
        for name, (help, value) in (self._gauges | gauges).items():
            lines += [*_head(name, "gauge", help), f"manytoone_{name} {value()}"]
        return "\n".join(lines) + "\n"


def _head(name: str, kind: str, help: str) -> list[str]:
    return [f"# HELP manytoone_{name} {help}", f"# TYPE manytoone_{name} {kind}"]
