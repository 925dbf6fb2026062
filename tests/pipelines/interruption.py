"""Callbacks that cut a run off, for tests; a command names them by their path."""

import os
import signal
from typing import Any

from pytorch_lightning import Callback


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
