"""The error for mistakes that a user can correct."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager


class InputError(ValueError):
    """A user's mistake, in one line: what came, what is allowed, and what to change.

    The commands print the line alone and exit with code 2.
    """


@contextmanager
def options_called(names: Mapping[str, str]) -> Iterator[None]:
    """Put other names of options into errors: a reader that several tasks share knows one of them."""
    try:
        yield
    except InputError as error:
        told = str(error)
        for name, here in names.items():
            told = told.replace(name, here)
        raise InputError(told) from error
