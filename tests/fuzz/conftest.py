"""Profiles of the fuzz tests, and what each of them may end in.

The short profile draws the same examples each time, few enough for ``make test``. With
MANYTOONE_SOAK=1 each test draws thirty times as many, others each time.
"""

import os
import tempfile
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, settings

from data.files.errors import InputError
from models.errors import OptionError

# It warns of its own use by Lightning, once in a process, and warnings are errors here.
os.environ.setdefault("JSONARGPARSE_DEPRECATION_WARNINGS", "off")
SOAKS = os.environ.get("MANYTOONE_SOAK") == "1"
_TIMES = 30
_LONGEST_LINE = 2000

settings.register_profile(
    "short", deadline=None, derandomize=True, database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)  # fmt: skip
settings.register_profile("soak", settings.get_profile("short"), derandomize=False, print_blob=True)


def fuzzed(num_examples: int) -> settings:
    """Settings of a test with so many examples in the short profile."""
    profile = settings.get_profile("soak" if SOAKS else "short")
    return settings(profile, max_examples=num_examples * (_TIMES if SOAKS else 1))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """In a soak, these tests are part of it."""
    for item in items:
        if SOAKS and Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.soak)


class Refused(NamedTuple):
    """The line that a user reads in place of a result."""

    line: str


def outcome(work: Callable[[], Any], *, names: str) -> Any:
    """The result of some work, or `Refused`; whatever else is raised fails the test.

    Args:
        work: what is tried.
        names: what the line must name: a file, or an option.
    """
    try:
        return work()
    except (InputError, OptionError) as error:
        line = str(error)
        assert names in line, line
        assert len(line) < _LONGEST_LINE, line
        return Refused(line)


@contextmanager
def folder():
    """An empty folder for one example."""
    with tempfile.TemporaryDirectory() as place:
        yield Path(place)


def damaged(content: bytes, flips: list[tuple[float, int]], cut: float | None) -> bytes:
    """Bytes with some of their bits flipped, and cut at a share of their length."""
    found = bytearray(content)
    for place, bit in flips:
        if found:
            found[int(place * len(found))] ^= 1 << bit
    return bytes(found if cut is None else found[: int(cut * len(found))])
