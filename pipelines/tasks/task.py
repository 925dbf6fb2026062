"""The base of all tasks: stages, metrics, optimiser and schedule, the clock, what checkpoints keep."""

import random
import time
from collections.abc import Callable, Iterable
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np
import torch
from pytorch_lightning import LightningModule
from pytorch_lightning.trainer.states import TrainerFn
from torch import Tensor, nn
from torch.optim import Optimizer
from torchmetrics import MeanMetric, MetricCollection

from data.files.checkpoint import CHECKPOINT_KEY
from data.files.errors import InputError
from data.files.former_checkpoints import translate_saved
from models.encoders.frames import FrameEncoder
from pipelines.metrics.torch_metrics import count_on, counted, mean_loss
from pipelines.processes.ranks import from_all_ranks, sum_of_ranks
from pipelines.training.fusing import fused
from pipelines.training.schedules import Schedule, scheduled
from pipelines.training.waiting import is_shown

Stage = Literal["train", "val", "test"]
STAGES: tuple[Stage, ...] = ("train", "val", "test")
# Key of a checkpoint under which each process keeps what it has counted and carried in an epoch.
_EPOCH_KEY = "manytoone_epoch"


class Headline(NamedTuple):
    """The figure by which runs of a task are compared."""

    metric: str
    direction: Literal["max", "min"]


class Task(LightningModule):
    """Training, validation and test, as all kinds of answers share them.

    A subclass defines `step`; it may add metrics, more for the log, and hooks of its own.

    Args:
        optimizer: makes the optimiser of the parameters.
        schedule: ``constant``, ``one_cycle`` or ``cosine`` (see `schedules.scheduled`).
        warmup_share: the part of the run in which the rate rises.
    """

    #: figure that runs are compared by
    headline: ClassVar[Headline]

    def __init__(
        self,
        *,
        optimizer: Callable[[Iterable[Any]], Optimizer],
        schedule: Schedule,
        warmup_share: float,
    ) -> None:
        super().__init__()
        self.optimizer, self.schedule, self.warmup_share = optimizer, schedule, warmup_share
        #: the mean loss of each stage: over examples or tokens, of all batches and ranks
        self.losses: dict[Stage, MeanMetric] = {}
        self.metrics: dict[Stage, MetricCollection] = {}
        # `train` is a method of modules, so a ModuleDict cannot have it as a key.
        for stage in STAGES:
            self.losses[stage] = mean_loss()
            self.metrics[stage] = self.make_metrics(stage)
            self.add_module(f"{stage}_loss", self.losses[stage])
            self.add_module(f"{stage}_metrics", self.metrics[stage])
        #: plain values that rebuild this model, written into every checkpoint; set by the command
        self.description: dict[str, Any] = {}
        self._started: float | None = None
        self._seconds = 0.0
        # Seconds before this run was resumed, and what each process had counted in the epoch.
        self._earlier_seconds = 0.0
        self._resumed: list[dict[str, Any]] = []
        # The same before the present step, and whether that step is to be taken back.
        self._before_step: dict[str, Any] | None = None
        self._is_taken_back = False
        self._weight = 0

    def step(self, batch: Any, stage: Stage) -> Tensor:
        """The mean loss of a batch; ``losses`` and ``metrics`` of the stage take it in."""
        raise NotImplementedError(f"{type(self).__name__} must define step(batch, stage)")

    @property
    def frame_encoder(self) -> FrameEncoder | None:
        """The encoder of frames, whose features can be kept where it is frozen; None: there is none."""
        return None

    def make_metrics(self, stage: Stage) -> MetricCollection:
        """Make the metrics of a stage beside the loss, by names such as ``val/accuracy``."""
        return MetricCollection({})

    def logged(self, stage: Stage, loss: float) -> dict[str, Any]:
        """Collect the values to log for an epoch; ``loss`` is that of all ranks."""
        metrics = self.metrics[stage]
        return {**(metrics.compute() if len(metrics) else {}), f"{stage}/loss": loss}

    def take(self, loss: Tensor, stage: Stage, *, weight: int) -> None:
        """Count a batch's mean loss, of so many examples or tokens, in the stage's."""
        self._weight = weight
        self.losses[stage].update(loss.detach().clone(), weight=weight)

    def trained(self) -> list[nn.Parameter]:
        """The parameters that the optimiser changes."""
        return [parameter for parameter in self.parameters() if parameter.requires_grad]

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        """One batch of the training part → its mean loss, weighed against those of other ranks."""
        self._weight = 0
        loss = self.step(batch, "train")
        if is_shown(batch_idx):
            self.log("loss", loss.detach(), prog_bar=True, logger=False, batch_size=1)
        return loss * self._weight_of_rank() if self.trainer.world_size > 1 else loss

    def _weight_of_rank(self) -> float:
        """Factor by which the mean gradient of all ranks is that of one batch of all their examples.

        DDP takes the mean over the ranks, however many examples or tokens each has.
        """
        [total] = sum_of_ranks(self.trainer, [self._weight])
        return self._weight * self.trainer.world_size / max(total, 1)

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        """Make the step depend on its place alone, and remember what was before it."""
        seed = getattr(getattr(self.trainer, "datamodule", None), "seed", 0)
        place = [seed, self.trainer.current_epoch, batch_idx, self.trainer.global_rank]
        # A resumed run draws what the run without interruption would have drawn.
        drawn = np.random.SeedSequence(place).generate_state(1, np.uint32).item()
        if self.device.type == "cpu":
            # `torch.manual_seed` looks for devices of all types, at each step.
            torch.default_generator.manual_seed(drawn)
        else:
            torch.manual_seed(drawn)
        np.random.seed(drawn)
        random.seed(drawn)
        self._before_step = self.counted_in_epoch()

    def counted_in_epoch(self) -> dict[str, Any]:
        """Copy what this process has counted, and what it carries, within the epoch of training."""
        metrics = self.metrics["train"].items(keep_base=True, copy_state=False)
        return {
            "loss": counted(self.losses["train"]),
            "metrics": {name: counted(metric) for name, metric in metrics},
        }

    def count_on_in_epoch(self, before: dict[str, Any]) -> None:
        """Go on from what `counted_in_epoch` gave."""
        count_on(self.losses["train"], before["loss"])
        for name, metric in self.metrics["train"].items(keep_base=True, copy_state=False):
            count_on(metric, before["metrics"][name])

    def take_back_step(self) -> None:
        """Let the next checkpoint say nothing of the step that was begun, which changed no weight."""
        self._is_taken_back = True

    def on_train_start(self) -> None:
        """Go on counting where the run was resumed; at the end of an epoch the counts are empty."""
        if self._resumed:
            self.count_on_in_epoch(self._resumed[self.trainer.global_rank])
            self._resumed = []

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        """One batch of the validation part."""
        self.step(batch, "val")

    def test_step(self, batch: Any, batch_idx: int) -> None:
        """One batch of the part that is reported."""
        self.step(batch, "test")

    def on_train_epoch_end(self) -> None:
        """Log the epoch."""
        self._log_epoch("train")

    def on_validation_epoch_end(self) -> None:
        """Log the epoch."""
        self._log_epoch("val")

    def on_test_epoch_end(self) -> None:
        """Log the test."""
        self._log_epoch("test")

    def _log_epoch(self, stage: Stage) -> None:
        # Computed here and logged as numbers: torchmetrics has put the ranks together by then.
        values = self.logged(stage, self.losses[stage].compute().item())
        self.log_dict(values, prog_bar=stage != "test")
        self.losses[stage].reset()
        self.metrics[stage].reset()

    def configure_optimizers(self) -> Any:
        """The optimiser, and its schedule over the whole run."""
        return self.planned(self.optimizer_of(self.trained()))

    def optimizer_of(self, parameters: Any) -> Optimizer:
        """The optimiser of some parameters, or of groups of them.

        Raises:
            InputError: it refuses its options.
        """
        try:
            return self.optimizer(parameters)
        except ValueError as error:
            raise InputError(f"--model.optimizer: {error}; change it") from error

    def planned(self, optimizer: Optimizer, **options: Any) -> Any:
        """An optimiser with the schedule of the run; ``options``: see `schedules.scheduled`."""
        return scheduled(
            fused(optimizer),
            self.trainer,
            schedule=self.schedule,
            warmup_share=self.warmup_share,
            **options,
        )

    def start_clock(self) -> None:
        """Count from here what training takes; a command does so before anything is read."""
        self._started = time.monotonic()

    def on_fit_start(self) -> None:
        """Start the clock, unless it runs."""
        if self._started is None:
            self.start_clock()

    def on_fit_end(self) -> None:
        """Stop the clock."""
        self._seconds, self._started = self.train_seconds, None

    @property
    def train_seconds(self) -> float:
        """Training time of the model in this run, or as its checkpoint says."""
        if self._started is not None:
            return self._earlier_seconds + time.monotonic() - self._started
        return self._seconds or self.description.get("train_seconds", 0.0)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep, as plain values, what builds this model and makes its inputs ready."""
        checkpoint[CHECKPOINT_KEY] = self.description | {"train_seconds": self.train_seconds}
        trainer = self._trainer
        if trainer is not None and trainer.state.fn == TrainerFn.FITTING:
            ours = self._before_step if self._is_taken_back else self.counted_in_epoch()
            checkpoint[_EPOCH_KEY] = from_all_ranks(trainer, ours)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Read one of an earlier version as it is written today; while training, go on from it."""
        if CHECKPOINT_KEY in checkpoint:
            translate_saved(checkpoint[CHECKPOINT_KEY], checkpoint["state_dict"])
        trainer = self._trainer
        if trainer is not None and trainer.state.fn == TrainerFn.FITTING:
            about = checkpoint.get(CHECKPOINT_KEY, {})
            self._earlier_seconds = float(about.get("train_seconds", 0.0))
            # Within an epoch the loader refuses another number of processes.
            found = checkpoint.get(_EPOCH_KEY, [])
            self._resumed = found if len(found) == trainer.world_size else []


def zero_of(task: Task) -> Tensor:
    """A loss of nothing, of which every trained parameter has a gradient of zero.

    Ranks that have something to learn from wait for the gradients of those that have not.
    """
    start = torch.zeros((), device=task.device)
    return sum((parameter.sum() * 0 for parameter in task.trained()), start=start)
