"""Handling of user errors and signals: one line on stderr, and exit code 2 or that of the signal."""

import errno
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from data.files.errors import InputError
from models.errors import OptionError
from pipelines.processes.own_rank import is_first_process, rank_of_process
from pipelines.processes.reasons import (
    GONE_SECONDS,
    code_of_another,
    has_other_processes,
    is_first_to_say,
)
from pipelines.processes.signals import SignalledExit, ends_on_signals
from pipelines.runtime.escaping import escape_log_messages, excerpt, printable

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
    a signal the exit code is 128 + its number. Where processes of a run fail for one reason, the
    first one says it, and what fails in the others because of that is not told. Logged messages are
    escaped too, so that they are harmless to a terminal.
    """
    escape_log_messages()
    try:
        with ends_on_signals():
            yield
    except (InputError, OptionError) as error:
        _print(str(error))
        sys.exit(2)
    except SignalledExit as end:
        if is_first_process():
            _print(str(end))
        raise
    except OSError as error:
        if error.errno not in _PLACE_ERRORS or error.filename is None:
            raise
        _print(
            f"{excerpt(str(error.filename), most=500)}: {error.strerror}; {_PLACE_ERRORS[error.errno]}"
        )
        sys.exit(2)
    except Exception as error:
        # That is what communication raises.
        if isinstance(error, RuntimeError):
            code = code_of_another()
            if code is not None:
                sys.exit(code)
        is_first_to_say(repr(error))
        if isinstance(error, RuntimeError) and has_other_processes():
            # Perhaps one of them was killed: the watch over them says so, and ends this one.
            time.sleep(GONE_SECONDS + 1)
        raise


def _print(message: str) -> None:
    # The message may quote a file that is not text.
    said = printable(" ".join(message.split()))
    if is_first_to_say(said, code=2):
        rank = "" if is_first_process() else f"rank {rank_of_process()}: "
        print(f"error: {rank}{said}", file=sys.stderr)
