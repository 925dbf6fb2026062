"""Turns what a person did wrong into one line and exit code 2."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from data.files.errors import InputError
from models.errors import OptionError
from pipelines.runtime.escaping import escape_log_messages, printable
from pipelines.runtime.run_folders import is_first_process


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Within it, an `InputError` or `OptionError` ends the command: its line on stderr, exit code 2.

    Log messages are made harmless to a terminal too.
    """
    escape_log_messages()
    try:
        yield
    except (InputError, OptionError) as error:
        if is_first_process():
            # It may quote a file that is no text.
            print(f"error: {printable(' '.join(str(error).split()))}", file=sys.stderr)
        sys.exit(2)
