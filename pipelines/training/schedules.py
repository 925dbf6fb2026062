"""How the learning rate goes over a run, and which layers learn when."""

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
    """The optimiser with its schedule over the whole run, as Lightning takes it.

    Args:
        optimizer: its rates are the highest ones.
        trainer: knows how long the run is.
        schedule: ``constant``; ``one_cycle`` (Smith 2018): up in the first part of the run and down
            to nothing by its end; ``cosine`` (Loshchilov & Hutter 2017, without restarts): as
            one_cycle, with a straight rise.
        warmup_share: the part of the run in which the rate rises; ``constant`` has none.
        asleep_steps: for each group of parameters how many steps it waits before it learns.
    """
    if schedule == "constant" and not any(asleep_steps or ()):
        return optimizer
    # A LambdaLR keeps no plan in a checkpoint: a resumed run may be planned longer.
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
    """The optimiser's steps in a whole run.

    Lightning's own estimate sets up the loader before a checkpoint's state can reach it, and a run
    resumed within an epoch would begin that epoch again.
    """
    # Without a number of epochs the run ends by steps, or by time, as Lightning's default does.
    epochs = trainer.max_epochs if trainer.max_epochs not in (None, -1) else 1000
    steps = steps_per_epoch(trainer) * epochs
    return max(steps if trainer.max_steps == -1 else trainer.max_steps, 1)


def steps_per_epoch(trainer: Trainer) -> int:
    """The optimiser's steps in an epoch."""
    num_batches = len(trainer.datamodule.train_dataloader())  # type: ignore[attr-defined]
    limit = trainer.limit_train_batches
    num_batches = int(num_batches * limit) if isinstance(limit, float) else min(num_batches, limit)
    return math.ceil(num_batches / trainer.accumulate_grad_batches)


def constant(step: int, *, total: int, warmup: int) -> float:
    """Always the highest rate."""
    return 1.0


def one_cycle(step: int, *, total: int, warmup: int) -> float:
    """The share of the highest learning rate at a step: up and down along cosines (Smith 2018)."""
    if step < warmup:
        return 1 - 0.96 * (1 + math.cos(math.pi * step / warmup)) / 2
    return _fall(step, total=total, warmup=warmup)


def cosine(step: int, *, total: int, warmup: int) -> float:
    """The share of the highest learning rate at a step: up straight, down along a cosine."""
    if step < warmup:
        return (step + 1) / (warmup + 1)
    return _fall(step, total=total, warmup=warmup)


def _fall(step: int, *, total: int, warmup: int) -> float:
    return (1 + math.cos(math.pi * min((step - warmup) / max(total - warmup, 1), 1))) / 2


def _awake(step: int, *, plan: Callable[[int], float], first: int) -> float:
    """Nothing before a group's first step."""
    return plan(step) if step >= first else 0.0
