"""A training step through the whole command beside a bare loop, and the time that checkpoints take.

python -m tests.benchmarks.bench_overhead [--rounds=15] [--steps=20] [task …]

The command is that of ``make train-<task>`` at its recipe: its Trainer with all callbacks, progress
bar, loggers, signals and checkpoints. The bare loop has the same model, batches, optimiser, schedule
and clipping, and nothing else. Before each epoch of the command the bare loop takes as many steps in
the same process, from the same loader: A B A B …, so that a machine that drifts drifts for both. A
ratio is the median of those of neighbours, of seconds on the wall and of those of the processor.
``last.ckpt`` is written again and again; what that takes is compared with a minute.
"""

import copy
import itertools
import os
import statistics
import tempfile
import time
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from torch import Tensor, nn

from pipelines.recipes import recipe
from pipelines.runtime.library_warnings import ignore_noise
from pipelines.tasks.kinds import kind_of
from pipelines.training.schedules import one_cycle
from tests.benchmarks.measure import machine

TASKS = ("sentiment", "video", "captions", "translation")
NUM_CHECKPOINTS = 5
RATE, CLIP, WARMUP = 0.001, 1.0, 0.1


class Seconds(NamedTuple):
    """Seconds on the wall and of the processor, all threads together."""

    wall: float
    processor: float

    @classmethod
    def now(cls) -> "Seconds":
        """Read the clock on the wall and that of the processor."""
        return cls(time.perf_counter(), time.process_time())

    def less(self, start: "Seconds") -> "Seconds":
        """The difference to others."""
        return Seconds(self.wall - start.wall, self.processor - start.processor)


class Bare:
    """The bare loop: ``loss.backward()``, clip, step, ``zero_grad``, and the rate of the next step.

    Args:
        task: what the command trains; a copy of it is trained here.
        num_steps: of the whole schedule.
    """

    def __init__(self, task: Any, *, num_steps: int) -> None:
        self.task = copy.deepcopy(task)
        self.task.train()
        self._loss: Callable[[Any], Tensor] = (
            self.task._training_loss if hasattr(self.task, "_training_loss") else self._of_members
        )
        self.groups = getattr(self.task.model, "parameters_by_member", list)()
        self.groups = self.groups or [self.task.trained()]
        self.optimizer = torch.optim.AdamW(self.task.trained(), lr=RATE, fused=True)
        self.schedule = torch.optim.lr_scheduler.LambdaLR(
            self.optimizer,
            lambda step: one_cycle(step, total=num_steps, warmup=round(WARMUP * num_steps)),
        )

    def _of_members(self, batch: Any) -> Tensor:
        return self.task._member_losses(batch, encode=self.task.encode)[0]

    def __call__(self, batches: Iterator[Any]) -> None:
        """Learn from some batches."""
        for batch in batches:
            self._loss(batch).backward()
            for group in self.groups:
                nn.utils.clip_grad_norm_(group, CLIP)
            self.optimizer.step()
            self.schedule.step()
            self.optimizer.zero_grad()


class Beside(Callback):
    """Takes the bare loop's steps before each epoch, and both times.

    Args:
        num_steps: of an epoch.
        rounds: epochs, after a first one that does not count.
    """

    def __init__(self, num_steps: int, *, rounds: int) -> None:
        self.num_steps, self.rounds = num_steps, rounds
        self.command: list[Seconds] = []
        self.bare: list[Seconds] = []
        #: what each checkpoint has taken
        self.saves: list[Seconds] = []
        self._loop: Bare
        self._start = Seconds(0, 0)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Copy the model, which has not learnt yet."""
        self._loop = Bare(pl_module, num_steps=self.num_steps * (self.rounds + 1))

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Take the bare loop's time."""
        loader = trainer.datamodule.train_dataloader()  # type: ignore[attr-defined]
        loader.plan.set_epoch(trainer.current_epoch)
        # Whoever came first would decode the clips for both.
        for _ in itertools.islice(loader, self.num_steps):
            pass
        start = Seconds.now()
        self._loop(itertools.islice(loader, self.num_steps))
        self.bare.append(Seconds.now().less(start))
        self._start = Seconds.now()

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """The last step is over, and what it gave is logged."""
        self.command.append(Seconds.now().less(self._start))

    def timed(self, save: Callable[..., None]) -> Callable[..., None]:
        """``Trainer.save_checkpoint``, which counts by itself."""

        def timed_save(*args: Any, **options: Any) -> None:
            start = Seconds.now()
            save(*args, **options)
            taken = Seconds.now().less(start)
            self.saves.append(taken)
            # No part of the steps.
            self._start = Seconds(*map(sum, zip(self._start, taken, strict=True)))

        return timed_save

    def ratios(self) -> list[Seconds]:
        """The command's seconds by the bare loop's, round by round."""
        pairs = list(zip(self.command, self.bare, strict=True))[1:]
        return [Seconds(*(a / b for a, b in zip(ours, bare, strict=True))) for ours, bare in pairs]


def trained(name: str, beside: Beside, *options: str) -> Any:
    """The command of a task that has trained, without test and report."""
    kind = kind_of(name)
    typed = [
        f"--trainer.max_epochs={beside.rounds + 1}",
        f"--trainer.limit_train_batches={beside.num_steps}",
        "--trainer.limit_val_batches=2",
        "--early_stopping.patience=1000",
        f"--run=overhead-{name}",
        *options,
    ]
    command = kind.command_class(kind, recipe(kind.recipe) + typed)
    command.trainer.callbacks.append(beside)
    command.trainer.save_checkpoint = beside.timed(command.trainer.save_checkpoint)
    command.check_checkpoints()
    command.create_run()
    command.prepare()
    command.fit()
    return command


def row(name: str, beside: Beside) -> str:
    """The row of a task in the table."""
    command = trained(name, beside)
    wall, processor = (sorted(column) for column in zip(*beside.ratios(), strict=True))
    step = statistics.median(one.wall for one in beside.bare[1:]) / beside.num_steps
    file = command.folder / "checkpoints" / "last.ckpt"
    beside.saves = []
    for _ in range(NUM_CHECKPOINTS):
        command.trainer.save_checkpoint(file, weights_only=False)
    saves = [statistics.median(one) for one in zip(*beside.saves, strict=True)]
    cells = [
        name,
        f"{1000 * step:.0f} ms",
        *(f"{statistics.median(one):.3f} ({one[0]:.2f} to {one[-1]:.2f})" for one in (wall, processor)),
        f"{file.stat().st_size / 2**20:.0f} MiB",
        *(f"{one:.2f} s = {one / 60:.1%}" for one in saves),
    ]  # fmt: skip
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Print the table."""
    ignore_noise()
    parser = ArgumentParser()
    parser.add_argument("tasks", nargs="*", default=TASKS)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--steps", type=int, default=20)
    given = parser.parse_args()
    print(
        f"{machine()}, {torch.get_num_threads()} threads; {given.steps} steps in turns, medians of"
        f" {given.rounds} ratios (least to most)\n"
    )
    head = [
        "",
        "a bare step",
        "command ÷ bare, wall",
        "processor",
        "last.ckpt",
        "of a minute, wall",
        "processor",
    ]
    print(f"| {' | '.join(head)} |\n|{'---|' * len(head)}")
    with tempfile.TemporaryDirectory() as folder:
        before = Path.cwd()
        os.chdir(folder)
        try:
            for name in given.tasks:
                print(row(name, Beside(given.steps, rounds=given.rounds)), flush=True)
        finally:
            os.chdir(before)


if __name__ == "__main__":
    main()
