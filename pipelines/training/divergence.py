"""Training that diverges ends in one line, and leaves the best checkpoint from before it."""

import math
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.callbacks import ModelCheckpoint
from torch import Tensor

from data.files.errors import InputError
from models.finite import first_not_finite

# A scaler of gradients skips steps while it looks for a scale, and each time halves it; from 2^16 on.
_MOST_SKIPPED = 20


def diverged(trainer: Trainer, what: str) -> InputError:
    """The line that ends a training run: what is not finite, what to change, what is left."""
    advice = ["lower the rate (--model.optimizer.lr)"]
    if not trainer.gradient_clip_val:
        advice.append("clip the gradients (--trainer.gradient_clip_val=1)")
    if not str(trainer.precision).startswith(("32", "64")):
        advice.append("compute in full precision (--trainer.precision=32-true)")
    best = getattr(trainer.checkpoint_callback, "best_model_path", "")
    kept = "no checkpoint was written before"
    if best and Path(best).is_file():
        kept = f"the best checkpoint from before is {best}"
    return InputError(
        f"training diverged: {what} at step {trainer.global_step} (epoch {trainer.current_epoch});"
        f" {', or '.join(advice)}; {kept}"
    )


class FiniteLoss(Callback):
    """Ends training as soon as its loss is NaN or infinite.

    One process looks at the loss of each step: one number, which the mean of the epoch's losses
    fetches anyway. Several look at the losses of every ``log_every_n_steps`` steps, together, so
    that all end at the same step.
    """

    def __init__(self) -> None:
        self._losses: list[Tensor] = []
        self._num_skipped = 0

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Keep the loss of the step; look at it when it is time."""
        if isinstance(outputs, dict) and "loss" in outputs:
            self._losses.append(outputs["loss"].detach())
        every = 1 if trainer.world_size == 1 else max(trainer.log_every_n_steps, 1)  # type: ignore[attr-defined]
        if (batch_idx + 1) % every == 0:
            self._look(trainer)

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Nothing is validated, or kept, after a loss that was not looked at."""
        self._look(trainer)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Before it is decided what is kept, and whether to go on."""
        loss = trainer.callback_metrics.get("val/loss")  # one for all ranks
        if loss is not None and not loss.isfinite() and not trainer.sanity_checking:
            raise diverged(trainer, "the validation loss is not finite")

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """The last steps of the epoch."""
        self._look(trainer)

    def _look(self, trainer: Trainer) -> None:
        if trainer.sanity_checking:
            return
        scaler = getattr(trainer.precision_plugin, "scaler", None)
        most = 0 if scaler is None else _MOST_SKIPPED
        has_diverged = False
        if self._losses:
            for is_finite in torch.stack(self._losses).isfinite().tolist():
                self._num_skipped = 0 if is_finite else self._num_skipped + 1
                has_diverged |= self._num_skipped > most
            self._losses = []
        if not trainer.strategy.reduce_boolean_decision(not has_diverged):
            raise diverged(trainer, "the loss is not finite")


class FiniteCheckpoint(ModelCheckpoint):
    """Lightning's `ModelCheckpoint`, but what it keeps has finite weights, and a finite score.

    The original counts NaN as the worst score, and keeps it where there is no other yet.
    """

    @property
    def state_key(self) -> str:
        """The one of the base class: runs from before are gone on with."""
        return super().state_key.replace(type(self).__qualname__, ModelCheckpoint.__qualname__, 1)

    def check_monitor_top_k(self, trainer: Trainer, current: Tensor | None = None) -> bool:
        """A score that is not finite is none."""
        if current is not None and not math.isfinite(float(current)):
            return False
        return super().check_monitor_top_k(trainer, current)

    def _save_checkpoint(self, trainer: Trainer, filepath: str) -> None:
        # Every file that is kept: the best, the last, and those saved every so many steps.
        name = first_not_finite(trainer.lightning_module)
        if not trainer.strategy.reduce_boolean_decision(name is None):
            raise diverged(trainer, f"the weights are not finite ({name or 'of another process'})")
        super()._save_checkpoint(trainer, filepath)
