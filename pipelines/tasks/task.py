"""The base of all tasks: stages, metrics, optimiser and schedule, the clock, what checkpoints keep."""

import time
from collections.abc import Callable, Iterable
from typing import Any, ClassVar, Literal, NamedTuple

import torch
from pytorch_lightning import LightningModule
from torch import Tensor, nn
from torch.optim import Optimizer
from torchmetrics import MeanMetric, MetricCollection

from data.files.checkpoint import CHECKPOINT_KEY
from data.files.former_checkpoints import translate_saved
from models.encoders.frames import FrameEncoder
from pipelines.metrics.torch_metrics import mean_loss
from pipelines.training.fusing import fused
from pipelines.training.schedules import Schedule, scheduled

Stage = Literal["train", "val", "test"]
STAGES: tuple[Stage, ...] = ("train", "val", "test")


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
        self.losses[stage].update(loss.detach().clone(), weight=weight)

    def trained(self) -> list[nn.Parameter]:
        """The parameters that the optimiser changes."""
        return [parameter for parameter in self.parameters() if parameter.requires_grad]

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        """One batch of the training part → its mean loss."""
        loss = self.step(batch, "train")
        self.log("loss", loss.detach(), prog_bar=True, logger=False, batch_size=1)
        return loss

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
        return self.planned(self.optimizer(self.trained()))

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
            return time.monotonic() - self._started
        return self._seconds or self.description.get("train_seconds", 0.0)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep, as plain values, what builds this model and makes its inputs ready."""
        checkpoint[CHECKPOINT_KEY] = self.description | {"train_seconds": self.train_seconds}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Read one of an earlier version as it is written today."""
        if CHECKPOINT_KEY in checkpoint:
            translate_saved(checkpoint[CHECKPOINT_KEY], checkpoint["state_dict"])


def zero_of(task: Task) -> Tensor:
    """A loss of nothing, of which every trained parameter has a gradient of zero.

    Ranks that have something to learn from wait for the gradients of those that have not.
    """
    start = torch.zeros((), device=task.device)
    return sum((parameter.sum() * 0 for parameter in task.trained()), start=start)
