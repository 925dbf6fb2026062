"""Handling of user errors and signals: one line on stderr, and exit code 2 or that of the signal."""

import errno
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from data.files.errors import InputError
from models.errors import OptionError
from pipelines.runtime.escaping import escape_log_messages, excerpt, printable
from pipelines.runtime.run_folders import is_first_process
from pipelines.runtime.signals import SignalledExit, ends_on_signals

_ELSEWHERE = "make room there, or choose another place"
# Disk full, over quota, read-only, not allowed; a name that no file can have.
_PLACE_ERRORS = {
    **dict.fromkeys(
        (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM), _ELSEWHERE
    ),
    errno.ENAMETOOLONG: "give a shorter one",
}


@contextmanager
def one_line_errors() -> Iterator[None]:
    """End the command at an error that a user can cause, with its line on stderr and exit code 2.

    These are an `InputError` or `OptionError`, and a place that cannot be written to or be named. At
    a signal the exit code is 128 + its number. Logged messages are escaped too, so that they are
    harmless to a terminal.
    """
    escape_log_messages()
    try:
        with ends_on_signals():
            yield
    except (InputError, OptionError) as error:
        _print(str(error))
        sys.exit(2)
    except SignalledExit as end:
        _print(str(end))
        raise
    except OSError as error:
        if error.errno not in _PLACE_ERRORS or error.filename is None:
            raise
        _print(
            f"{excerpt(str(error.filename), most=500)}: {error.strerror}; {_PLACE_ERRORS[error.errno]}"
        )
        sys.exit(2)


def _print(message: str) -> None:
    if is_first_process():
        # The message may quote a file that is not text.
        print(f"error: {printable(' '.join(message.split()))}", file=sys.stderr)
