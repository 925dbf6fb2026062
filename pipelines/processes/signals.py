"""Signals that end a command: exit code 128 + number, at once or when the running step is done."""

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
#: seconds that a step, or a validation, may still take after a signal
GRACE_SECONDS = 40.0


class SignalledExit(SystemExit):
    """Exit of a command on a signal, with the exit code that shells use: 128 + its number."""

    def __init__(self, number: int, *, advice: str = "") -> None:
        super().__init__(128 + number)
        self.number = number
        #: what was kept, and how to go on
        self.advice = advice

    def __str__(self) -> str:
        said = f"interrupted by {signal.Signals(self.number).name}"
        return f"{said}; {self.advice}" if self.advice else said


class _Signals:
    """State of this process: what has arrived, and whether it is being held back."""

    def __init__(self) -> None:
        self.received: int | None = None
        self.is_held_back = False
        self._received_at = 0.0
        self._timer: threading.Timer | None = None

    def handle(self, number: int, frame: object) -> None:
        now = time.monotonic()
        # A terminal sends Ctrl-C to a command and to those that it has started, which pass it on.
        is_second = self.received is not None and now - self._received_at > 1
        if self.received is None:
            self.received, self._received_at = number, now
        if not self.is_held_back:
            raise SignalledExit(self.received)
        if is_second and number == signal.SIGINT:
            # Who presses Ctrl-C again does not want to wait.
            self.is_held_back = False
            raise SignalledExit(self.received)
        if self._timer is None:
            self._timer = threading.Timer(GRACE_SECONDS, _end_at_once, [self.received])
            self._timer.daemon = True
            self._timer.start()

    def let_go(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self.is_held_back, self._timer = False, None

    def forget(self) -> None:
        self.let_go()
        self.received = None


_signals = _Signals()


def _end_at_once(number: int) -> None:
    name = signal.Signals(number).name
    print(
        f"error: interrupted by {name}; the step did not end within {GRACE_SECONDS:.0f} s and is lost",
        file=sys.stderr,
        flush=True,
    )
    os._exit(128 + number)


def handle_signals() -> None:
    """Handle SIGINT, SIGTERM and SIGHUP in this process, also where a library has taken them over.

    SIGHUP stays ignored in a process that was started so (``nohup``).
    """
    if threading.current_thread() is not threading.main_thread():
        return
    for number in ENDING:
        if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _signals.handle)


def received_signal() -> int | None:
    """Number of the signal that is to end this process; None: there is none."""
    return _signals.received


@contextmanager
def ends_on_signals() -> Iterator[None]:
    """Within it, a signal raises `SignalledExit`."""
    before: dict[int, Any] = {number: signal.getsignal(number) for number in ENDING}
    handle_signals()
    try:
        yield
    finally:
        _signals.forget()
        if threading.current_thread() is threading.main_thread():
            for number, handler in before.items():
                signal.signal(number, handler)


@contextmanager
def held_back_signals() -> Iterator[None]:
    """Within it, a signal is only noted (`received_signal`), for whoever can end in good order.

    That has `GRACE_SECONDS`; then the process ends at once. A second SIGINT raises too.

    Raises:
        SignalledExit: at the end, a signal was noted and nobody has ended for it.
    """
    _signals.is_held_back = True
    try:
        yield
    finally:
        _signals.let_go()
    if _signals.received is not None:
        raise SignalledExit(_signals.received)
