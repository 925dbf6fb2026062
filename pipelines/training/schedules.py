"""Learning rate schedules, and the delayed start of layers (gradual unfreezing)."""

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Literal

from pytorch_lightning import Trainer
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

Schedule = Literal["constant", "one_cycle", "cosine"]


def scheduled(
    optimizer: Optimizer,
    trainer: Trainer,
    *,
    schedule: Schedule,
    warmup_share: float,
    asleep_steps: Sequence[int] | None = None,
) -> Any:
    """Optimiser and schedule over the whole run, in the form that Lightning takes.

    Args:
        optimizer: its rates are the peak rates.
        trainer: the trainer, which gives the length of the run.
        schedule: ``constant``; ``one_cycle`` (Smith 2018): rises along a cosine in the first part of
            the run and falls to 0 by its end; ``cosine`` (Loshchilov & Hutter 2017, without
            restarts): like one_cycle, but rises linearly.
        warmup_share: share of the run in which the rate rises; not used by ``constant``.
        asleep_steps: number of steps before each parameter group starts to learn.
    """
    if schedule == "constant" and not any(asleep_steps or ()):
        return optimizer
    # LambdaLR does not save the schedule in a checkpoint: a resumed run may have another length.
    total = planned_steps(trainer)
    shapes: dict[Schedule, Callable[..., float]] = {
        "constant": constant,
        "one_cycle": one_cycle,
        "cosine": cosine,
    }
    plan = partial(shapes[schedule], total=total, warmup=round(warmup_share * total))
    asleep = asleep_steps or [0] * len(optimizer.param_groups)
    plans: list[Callable[[int], float]] = [
        partial(_awake, plan=plan, first=first) for first in asleep
    ]
    return {
        "optimizer": optimizer,
        "lr_scheduler": {"scheduler": LambdaLR(optimizer, plans), "interval": "step"},
    }


def planned_steps(trainer: Trainer) -> int:
    """Number of optimiser steps in a whole run.

    Lightning's own estimate sets up the loader before the state in a checkpoint is restored, and a run
    resumed within an epoch would start that epoch again.
    """
    # Without a number of epochs the run ends by steps or time; 1000 is Lightning's own default.
    epochs = trainer.max_epochs if trainer.max_epochs not in (None, -1) else 1000
    steps = steps_per_epoch(trainer) * epochs
    return max(steps if trainer.max_steps == -1 else trainer.max_steps, 1)


def steps_per_epoch(trainer: Trainer) -> int:
    """Number of optimiser steps in an epoch."""
    num_batches = len(trainer.datamodule.train_dataloader())  # type: ignore[attr-defined]
    limit = trainer.limit_train_batches
    num_batches = int(num_batches * limit) if isinstance(limit, float) else min(num_batches, limit)
    return math.ceil(num_batches / trainer.accumulate_grad_batches)


def constant(step: int, *, total: int, warmup: int) -> float:
    """Share of the peak rate at a step: always 1."""
    return 1.0


def one_cycle(step: int, *, total: int, warmup: int) -> float:
    """Share of the peak rate at a step: rises and falls along cosines (Smith 2018)."""
    if step < warmup:
        return 1 - 0.96 * (1 + math.cos(math.pi * step / warmup)) / 2
    return _fall(step, total=total, warmup=warmup)


def cosine(step: int, *, total: int, warmup: int) -> float:
    """Share of the peak rate at a step: rises linearly, falls along a cosine."""
    if step < warmup:
        return (step + 1) / (warmup + 1)
    return _fall(step, total=total, warmup=warmup)


def _fall(step: int, *, total: int, warmup: int) -> float:
    return (1 + math.cos(math.pi * min((step - warmup) / max(total - warmup, 1), 1))) / 2


def _awake(step: int, *, plan: Callable[[int], float], first: int) -> float:
    """Share of the peak rate at a step: 0 before the first step of a group."""
    return plan(step) if step >= first else 0.0
