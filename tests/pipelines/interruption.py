"""Callbacks that cut a run off, for tests; a command names them by their path."""

import os
import signal
import time
from contextlib import suppress
from typing import Any

from pytorch_lightning import Callback

from data.files.errors import InputError


class SignalAt(Callback):
    """Sends a signal to its own process in the midst of a step.

    Args:
        step: number of steps that were done before.
        number: the signal.
        rank: the process of the run that does so.
    """

    def __init__(self, step: int, number: int = 15, rank: int = 0) -> None:
        self.step, self.number, self.rank = step, number, rank

    def on_before_optimizer_step(self, trainer: Any, *args: Any) -> None:
        if trainer.global_step == self.step and trainer.global_rank == self.rank:
            os.kill(os.getpid(), self.number)


class CtrlCTwiceAt(Callback):
    """Presses Ctrl-C twice, a second apart, in the midst of a step that would take minutes.

    Args:
        step: number of steps that were done before.
    """

    def __init__(self, step: int) -> None:
        self.step = step

    def on_before_optimizer_step(self, trainer: Any, *args: Any) -> None:
        if trainer.global_step == self.step and not os.path.exists("has-waited"):
            open("has-waited", "w").close()
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(1.1)
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(200)


class KilledAt(Callback):
    """Kills its own process in the midst of each of some steps, once.

    Args:
        steps: numbers of steps that were done before.
        rank: the process of the run that does so.
    """

    def __init__(self, steps: list[int], rank: int = 0) -> None:
        self.steps, self.rank = steps, rank

    def on_before_optimizer_step(self, trainer: Any, *args: Any) -> None:
        step = trainer.global_step
        if trainer.global_rank == self.rank and step in self.steps:
            with suppress(FileExistsError):
                open(f"killed-at-{step}", "x").close()
                os.kill(os.getpid(), signal.SIGKILL)


class SignalInValidation(Callback):
    """Sends SIGTERM to its own process while an epoch is validated."""

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch

    def on_validation_batch_end(self, trainer: Any, *args: Any) -> None:
        if trainer.current_epoch == self.epoch:
            os.kill(os.getpid(), signal.SIGTERM)


class FailAt(Callback):
    """Raises in the backward pass of a step, the first time only that a file does not exist."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_before_backward(self, trainer: Any, *args: Any) -> None:
        if trainer.global_step == self.step and not os.path.exists("has-failed"):
            open("has-failed", "w").close()
            raise RuntimeError("the device is gone")


class SignalInStartup(Callback):
    """Sends a signal to its own process before the processes of the run have found each other.

    Args:
        number: the signal.
        rank: the process of the run that does so.
    """

    def __init__(self, number: int, rank: int) -> None:
        if os.environ.get("LOCAL_RANK", "0") == str(rank):
            os.kill(os.getpid(), number)


class Refuse(Callback):
    """Raises an error that a user can cause, before a step.

    Args:
        step: number of steps that were done before.
        ranks: the processes of the run that do so.
    """

    def __init__(self, step: int, ranks: list[int]) -> None:
        self.step, self.ranks = step, ranks

    def on_train_batch_start(self, trainer: Any, *args: Any) -> None:
        if trainer.global_step == self.step and trainer.global_rank in self.ranks:
            raise InputError("this.csv: has gone; bring it back")
