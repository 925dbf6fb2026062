"""Handling of user errors: one line on stderr and exit code 2."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from data.files.errors import InputError
from models.errors import OptionError
from pipelines.runtime.escaping import escape_log_messages, printable
from pipelines.runtime.run_folders import is_first_process


@contextmanager
def one_line_errors() -> Iterator[None]:
    """End the command at an `InputError` or `OptionError`, with its line on stderr and exit code 2.

    Logged messages are escaped too, so that they are harmless to a terminal.
    """
    escape_log_messages()
    try:
        yield
    except (InputError, OptionError) as error:
        if is_first_process():
            # The message may quote a file that is not text.
            print(f"error: {printable(' '.join(str(error).split()))}", file=sys.stderr)
        sys.exit(2)
