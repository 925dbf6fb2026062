"""Share of the time that training waits for data, and advice on the option to change."""

import logging
import time
from typing import Any

import torch
from pytorch_lightning import Callback, LightningModule, Trainer

from data.batches.ragged import RaggedBatch

log = logging.getLogger(__name__)

WARN_SHARE = 0.1
# In shorter epochs a change would save too little time.
WARN_SECONDS = 5.0
# Steps from one value of the progress bar to the next.
_SHOWN_EVERY = 5


def is_shown(batch_idx: int) -> bool:
    """Whether the progress bar gets new values at a step; Lightning takes a millisecond for each."""
    return batch_idx % _SHOWN_EVERY == 0


class WaitingTime(Callback):
    """Logs as ``wait`` the share of an epoch, in %, that training waited for batches.

    The time from the end of a step to the start of the next counts as waiting, validation does not.
    This callback must be the last, or the work of others at the end of a step would count too.
    """

    def __init__(self) -> None:
        self._waited = self._passed = 0.0
        self._all_waited = self._all_passed = 0.0
        self._mark = 0.0

    @property
    def share(self) -> float:
        """Share of waiting in all epochs so far; 0 before the first."""
        waited, passed = self._all_waited + self._waited, self._all_passed + self._passed
        return waited / passed if passed > 0 else 0.0

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the clock."""
        self._all_waited += self._waited
        self._all_passed += self._passed
        self._waited = self._passed = 0.0
        self._mark = time.monotonic()

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: RaggedBatch, batch_idx: int
    ) -> None:
        """Add the time since the last step to the waiting time, and log the share."""
        self._waited += self._lap()
        if not is_shown(batch_idx):
            return
        # All ranks log the value: logging on some of them only could block in a collective call.
        share = 100 * self._waited / self._passed if self._passed > 0 else 0.0
        pl_module.log("wait", round(share, 1), prog_bar=True, logger=False, batch_size=1)

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: RaggedBatch,
        batch_idx: int,
    ) -> None:
        """Restart the clock when the step is done."""
        if pl_module.device.type == "cuda":
            # Work still queued on the device must not count as waiting for data.
            torch.cuda.synchronize(pl_module.device)
        self._lap()

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Leave out the time of a validation within the epoch."""
        self._mark = time.monotonic()

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Warn, with advice, where waiting took a large share of the epoch."""
        if self._passed < WARN_SECONDS or self._waited < WARN_SHARE * self._passed:
            return
        data = trainer.datamodule  # type: ignore[attr-defined]
        hint = data.advice(is_first_epoch=trainer.current_epoch == 0)
        if trainer.is_global_zero and hint is not None:
            log.warning(
                "%.0f %% of the epoch's %.0f s went by waiting for data; %s",
                100 * self._waited / self._passed,
                self._passed,
                hint,
            )

    def _lap(self) -> float:
        """Seconds since the last mark; adds them to the passed time and sets a new mark."""
        now = time.monotonic()
        seconds = now - self._mark
        self._passed += seconds
        self._mark = now
        return seconds
