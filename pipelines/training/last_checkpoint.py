"""``last.ckpt``: how far training has come, some minutes old at most, exact after an interruption."""

import logging
import time
from pathlib import Path
from typing import Any

from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import Checkpoint

from data.files.errors import InputError
from models.finite import first_not_finite
from pipelines.processes.ranks import largest_of_ranks
from pipelines.processes.signals import SignalledExit, handle_signals, received_signal

log = logging.getLogger(__name__)

NAME = "last.ckpt"
# An epoch ends in a validation, which is not stopped halfway: before its last batch at most so many
# seconds may be unsaved.
_BEFORE_VALIDATION_SECONDS = 60.0


class LastCheckpoint(Checkpoint):
    """Writes ``last.ckpt`` at the end of each epoch, every few minutes, and when training is cut off.

    Lightning's own is written only where there is a new best one. This one is never tested, and the
    best is never overwritten by it. Signals wait for the end of a step, and of a validation: then the
    checkpoint is exact, and a resumed run gives what one without interruption gives. All processes
    of a run stop at the same step. After an error of a single process, the steps before it are kept.

    Args:
        folder: folder of the checkpoints.
        minutes: the most minutes between two; 0: only the ends of epochs count.
        advice: the command to go on with, for whoever reads that training was cut off.
    """

    def __init__(self, folder: Path, *, minutes: float, advice: str) -> None:
        self.file = folder / NAME
        self.minutes, self.advice = minutes, advice
        self._saved_at = 0.0
        # Steps whose end this callback has seen; the model has taken more if one was cut off.
        self._steps = 0
        self._is_training = False
        self._ends_for = 0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the clock, and take signals over from Lightning."""
        handle_signals()
        self._saved_at, self._steps = time.monotonic(), trainer.global_step
        self._is_training = True

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Save if it is time to, or if a signal has arrived at any process."""
        if trainer.global_step == self._steps:
            return  # gradients are being accumulated
        self._steps = trainer.global_step
        if trainer.is_last_batch:
            return  # validation and the end of the epoch follow
        unsaved = time.monotonic() - self._saved_at
        is_due = 0 < 60 * self.minutes <= unsaved
        if self.minutes > 0 and batch_idx + 2 == trainer.num_training_batches:
            is_due = is_due or unsaved > _BEFORE_VALIDATION_SECONDS
        # Training that ends within an epoch ends here, as far as a checkpoint is concerned.
        is_due = is_due or trainer.should_stop or self._steps == trainer.max_steps
        number, is_due_anywhere = largest_of_ranks(trainer, [received_signal() or 0, is_due])
        if number or is_due_anywhere:
            self._save(trainer, is_needed=bool(number))
        self._end(int(number))

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Save, after all others have done their work of the epoch; its figures are logged after it."""
        [number] = largest_of_ranks(trainer, [received_signal() or 0])
        if trainer.is_last_batch:
            self._save(trainer, is_needed=bool(number))
        self._ends_for = int(number)

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """End for a signal of the epoch before."""
        self._end(self._ends_for)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Nothing can be lost any more."""
        self._is_training = False
        self._end(self._ends_for)

    def on_exception(
        self, trainer: Trainer, pl_module: LightningModule, exception: BaseException
    ) -> None:
        """Keep what was learnt before an error, and tell how to go on."""
        is_ours = isinstance(exception, SignalledExit) and bool(exception.advice)
        if is_ours or not self._is_training:
            return
        self._is_training = False
        loop = trainer.fit_loop.epoch_loop
        progress: Any = loop.batch_progress
        task: Any = pl_module
        is_between_steps = (
            trainer.world_size == 1  # the other processes are not here to save with
            and trainer.accumulate_grad_batches == 1  # what was accumulated is lost
            and trainer.training
            and trainer.global_step == self._steps > 0
            and first_not_finite(pl_module) is None
        )
        is_in_step = progress.current.ready > progress.current.completed
        is_at_end = trainer.is_last_batch and not is_in_step
        if is_between_steps and not is_at_end and progress.current.completed > 0:
            # It is set when a batch is fetched.
            progress.is_last_batch = False
            if is_in_step:
                task.take_back_step()
                loader: Any = trainer.train_dataloader
                loader.take_back()
            # As at the end of the step before, where Lightning counts what is complete after its hooks.
            for counted in (progress.current, progress.total):
                counted.ready = counted.started = counted.processed = counted.completed
                counted.completed -= 1
            loop._batches_that_stepped -= 1
            self._save(trainer, is_needed=False)
        if trainer.is_global_zero and self.file.is_file():
            log.warning("training was cut off; %s", self._told())

    def _save(self, trainer: Trainer, *, is_needed: bool) -> None:
        if trainer.fast_dev_run:  # type: ignore[attr-defined]
            return
        try:
            trainer.save_checkpoint(self.file, weights_only=False)
        except InputError as error:
            if is_needed:
                raise
            # Training itself needs no disk, and there may be room again the next time.
            log.warning("%s", error)
        self._saved_at = time.monotonic()

    def _end(self, number: int) -> None:
        if number:
            self._is_training = False
            raise SignalledExit(number, advice=self._told())

    def _told(self) -> str:
        return f"{self.file} has what was learnt; go on with: {self.advice}"
