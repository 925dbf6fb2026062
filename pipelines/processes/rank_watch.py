"""Watch over the ranks of a run on this machine: none waits for ever for one that is gone."""

import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from subprocess import Popen
from typing import Any

import psutil
from pytorch_lightning import Trainer
from pytorch_lightning.strategies.launchers import subprocess_script

from pipelines.processes.reasons import GONE_SECONDS, code_of_another

#: seconds that a rank may stand still (SIGSTOP, a debugger) before the run is ended
STILL_SECONDS = 30.0
_PERIOD_SECONDS = 0.5
# Tells the ranks that the first one starts which process it is.
_FIRST_RANK = "MANYTOONE_FIRST_RANK"


def watch_ranks(trainer: Trainer) -> None:
    """Watch the other ranks of this machine from now on, if the run has any.

    Communication waits half an hour for a rank that has died before it could connect, or that stands
    still. The watch says which one it was, kills the ranks that it knows and ends this process.
    """
    if trainer.world_size > 1:
        # The ranks that this process starts inherit it: PyTorch prints no C++ stack when this one ends.
        os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
        # Lightning's watch would kill this process where another fails: exit code and reason are lost.
        subprocess_script._launch_process_observer = lambda child_processes: None
        _RankWatch(trainer.strategy.launcher).start()


class _RankWatch(threading.Thread):
    """The first rank watches those that it has started, and they watch it.

    Ranks that another launcher has started (torchrun, SLURM) watch whether those beside them stand
    still; where one dies, the launcher ends them all.
    """

    def __init__(self, launcher: Any) -> None:
        super().__init__(name="rank-watch", daemon=True)
        self._launcher = launcher
        me = str(os.getpid())
        first = os.environ.setdefault(_FIRST_RANK, me)
        self._first_pid = None if first == me else int(first)
        # How often each fault was seen in a row. Seconds would not do: Ctrl-Z stops this process too.
        self._seen: dict[str, int] = {}

    def run(self) -> None:
        """Look twice a second, as long as the process lives."""
        while True:
            time.sleep(_PERIOD_SECONDS)
            with suppress(psutil.Error):
                self._look()

    def _look(self) -> None:
        started: list[Popen[bytes]] = getattr(self._launcher, "procs", [])
        if self._first_pid is not None:
            # It started this process, and ends last.
            if os.getppid() != self._first_pid:
                self._end_if(True, "the first rank has ended before this one", GONE_SECONDS)
            else:
                self._end_if_still("the first rank", psutil.Process(self._first_pid))
        elif started:
            for rank, process in enumerate(started, 1):
                code = process.poll()
                if code is None:
                    self._end_if_still(f"rank {rank}", psutil.Process(process.pid))
                elif code > 0:
                    what = f"rank {rank} has ended with exit code {code}"
                    # After a signal, which all of them know of, the first one has things to write.
                    seconds = GONE_SECONDS if code < 128 else STILL_SECONDS
                    self._end_if(True, what, seconds, code, is_said=code_of_another() is not None)
                elif code < 0:
                    what = f"rank {rank} has ended with {signal.Signals(-code).name}"
                    self._end_if(True, what, GONE_SECONDS, 128 - code)
        else:
            me = psutil.Process()
            parent = me.parent()
            for other in [] if parent is None else parent.children():
                if other != me and other.cmdline() == me.cmdline():
                    self._end_if_still("another rank", other)

    def _end_if_still(self, who: str, process: psutil.Process) -> None:
        what = f"{who} (process {process.pid}) has stood still for {STILL_SECONDS:.0f} s"
        is_still = process.status() == psutil.STATUS_STOPPED
        self._end_if(is_still, what, STILL_SECONDS, also=[process])

    def _end_if(
        self,
        is_seen: bool,
        what: str,
        seconds: float,
        code: int = 1,
        *,
        also: Sequence[psutil.Process] = (),
        is_said: bool = False,
    ) -> None:
        """End this process, the ranks that it has started and ``also``, if a fault stays that long."""
        self._seen[what] = self._seen.get(what, 0) + 1 if is_seen else 0
        if self._seen[what] * _PERIOD_SECONDS < seconds:
            return
        if not is_said:
            print(f"error: {what}; all are ended", file=sys.stderr, flush=True)
        for process in [*getattr(self._launcher, "procs", []), *also]:
            with suppress(psutil.Error):
                process.kill()
        os._exit(code)
