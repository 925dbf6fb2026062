"""Turns what a person did wrong into one line and exit code 2."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from data.errors import InputError
from models.errors import OptionError
from pipelines.lettering import printable
from pipelines.runs import is_first_process


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Within it, an `InputError` or `OptionError` ends the command: its line on stderr, exit code 2."""
    try:
        yield
    except (InputError, OptionError) as error:
        if is_first_process():
            print(f"error: {printable(' '.join(str(error).split()))}", file=sys.stderr)
        sys.exit(2)
