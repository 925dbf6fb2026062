"""Turns what a person did wrong into one line and exit code 2."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from data.errors import InputError
from pipelines.runs import is_first_process


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Within it, an `InputError` ends the command: its line on stderr, exit code 2."""
    try:
        yield
    except InputError as error:
        if is_first_process():
            print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        sys.exit(2)
