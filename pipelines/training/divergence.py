"""End of diverged training: an error of one line, and the best checkpoint from before is kept."""

import math
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.callbacks import ModelCheckpoint
from torch import Tensor

from data.files.errors import InputError
from models.finite import first_not_finite

# A gradient scaler starts at 2^16. While gradients overflow it skips steps and halves its scale at each,
# so more skipped steps in a row than this mean divergence.
_MOST_SKIPPED = 20


def diverged(trainer: Trainer, what: str) -> InputError:
    """Error that ends a training run: cause, advice, and the best checkpoint so far."""
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

    A single process checks the loss of each step, which the mean of the epoch's losses copies from
    the device anyway. Several processes check the losses together every ``log_every_n_steps`` steps,
    so that all end at the same step.
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
        """Keep the loss of the step, and check the kept losses when it is due."""
        if isinstance(outputs, dict) and "loss" in outputs:
            self._losses.append(outputs["loss"].detach())
        every = 1 if trainer.world_size == 1 else max(trainer.log_every_n_steps, 1)  # type: ignore[attr-defined]
        if (batch_idx + 1) % every == 0:
            self._look(trainer)

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Check the remaining losses, so that no diverged model is validated or saved."""
        self._look(trainer)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Check the validation loss before checkpointing and early stopping use it."""
        loss = trainer.callback_metrics.get("val/loss")  # the same on all ranks
        if loss is not None and not loss.isfinite() and not trainer.sanity_checking:
            raise diverged(trainer, "the validation loss is not finite")

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Check the losses of the last steps of the epoch."""
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
    """`ModelCheckpoint` that saves only finite weights with a finite score.

    Lightning's own counts NaN as the worst score, and saves it where there is no other yet.
    """

    @property
    def state_key(self) -> str:
        """Key of the base class, so that checkpoints written by it can be resumed."""
        return super().state_key.replace(type(self).__qualname__, ModelCheckpoint.__qualname__, 1)

    def check_monitor_top_k(self, trainer: Trainer, current: Tensor | None = None) -> bool:
        """Reject a score that is not finite."""
        if current is not None and not math.isfinite(float(current)):
            return False
        return super().check_monitor_top_k(trainer, current)

    def _save_checkpoint(self, trainer: Trainer, filepath: str) -> None:
        # All checkpoints are saved here: the best, the last, and those at a fixed interval.
        name = first_not_finite(trainer.lightning_module)
        if not trainer.strategy.reduce_boolean_decision(name is None):
            raise diverged(trainer, f"the weights are not finite ({name or 'of another process'})")
        super()._save_checkpoint(trainer, filepath)
