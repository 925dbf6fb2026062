"""The task: learning to classify sequences, the same for videos and texts.

B sequences · N steps in the batch · D features · K classes
"""

import math
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from pytorch_lightning import LightningModule, Trainer
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR
from torchmetrics import MeanMetric, MetricCollection
from torchmetrics.classification import MulticlassAccuracy, MulticlassF1Score

from data.batch import RaggedBatch, Skipped
from data.module import Part, SequenceDataModule
from models.encoders import Encoder
from models.errors import OptionError
from models.inputs import StepInputs
from models.pooling import mean
from models.recurrence import Recurrence
from models.sequence import ManyToOne, Pooling

# Where a checkpoint keeps what this project needs to build the model again: plain values.
CHECKPOINT_KEY = "manytoone"
STAGES = ("train", "val", "test")


class Answers(NamedTuple):
    """What the model said of B examples; on the CPU."""

    ids: Tensor
    """(B,) int64"""
    labels: Tensor
    """(B,) int64"""
    probabilities: Tensor
    """(B, K) float64"""
    mean_features: Tensor
    """(B, D) the mean of each sequence's encoded steps: what a model blind to order could know."""
    middle_features: Tensor
    """(B, D) the encoded step in the middle of each sequence: what a single frame tells."""


class SequenceClassifier(LightningModule):
    """Trains and tests a `ManyToOne`.

    Args:
        encoder: turns one step into features.
        recurrence: makes, of the number of features, what reads the sequence.
        classes: names of the classes.
        inputs: makes, of the number of features, what the recurrence reads of them: their change
            from step to step, normalised over the sequence …; None: the features as they are.
        pooling: from the outputs at all steps to one vector: last, mean, max or concat.
        dropout: share of the pooled features that is zeroed while training.
        label_smoothing: share of the target spread over all classes (Szegedy 2016).
        class_weights: ``balanced`` makes, while training, all classes count alike, however many
            examples each has; ``none`` makes all examples count alike.
        optimizer: makes the optimiser of the parameters.
        schedule: ``constant``, or ``one_cycle`` (Smith 2018): the rate rises to the optimiser's
            in the first part of the run and falls to nothing by its end.
        warmup_share: the part of the run in which it rises.
    """

    def __init__(
        self,
        encoder: Encoder,
        recurrence: Callable[[int], Recurrence],
        *,
        classes: list[str],
        optimizer: Callable[[Iterable[nn.Parameter]], Optimizer],
        inputs: Callable[[int], StepInputs] | None = None,
        pooling: Pooling = "last",
        dropout: float = 0.0,
        label_smoothing: float = 0.0,
        class_weights: Literal["none", "balanced"] = "none",
        schedule: Literal["constant", "one_cycle"] = "constant",
        warmup_share: float = 0.1,
    ) -> None:
        super().__init__()
        self.classes = classes
        step_inputs = None if inputs is None else inputs(encoder.out_features)
        self.model = ManyToOne(
            encoder,
            recurrence((step_inputs or encoder).out_features),
            num_classes=len(classes),
            inputs=step_inputs,
            pooling=pooling,
            dropout=dropout,
        )
        self.optimizer = optimizer
        self.label_smoothing = label_smoothing
        self.schedule, self.warmup_share = schedule, warmup_share
        self.class_weights = class_weights
        self.weights: Tensor
        # What a checkpoint is for has its training part behind it.
        self.register_buffer("weights", torch.ones(len(classes)), persistent=False)
        self.metrics = {stage: _metrics(stage, len(classes)) for stage in STAGES}
        self.losses = {stage: MeanMetric() for stage in STAGES}
        # `train` is a method of modules, so a ModuleDict cannot have it as a key.
        for stage in STAGES:
            self.add_module(f"{stage}_metrics", self.metrics[stage])
            self.add_module(f"{stage}_loss", self.losses[stage])
        #: how to build this model again, written into every checkpoint; set by the command
        self.description: dict[str, Any] = {}
        #: what the test part was answered, all ranks together; set at the end of a test
        self.answers: Answers | None = None
        #: examples that could not be read, in any stage
        self.skipped: dict[int, Skipped] = {}
        self._answered: list[Answers] = []
        self._fit_started = 0.0

    def forward(self, steps: Tensor, lengths: Tensor) -> Tensor:
        """Steps (N, …) and lengths (B,) → scores (B, K)."""
        return self.model(steps, lengths)

    def setup(self, stage: str) -> None:
        """Measure the training part where options ask for it, the same on every rank."""
        if stage != "fit":
            return
        data: SequenceDataModule = self.trainer.datamodule  # type: ignore[attr-defined]
        part = data.parts["train"]
        if self.class_weights == "balanced":
            weights = balanced_weights(part.labels, num_classes=len(self.classes))
            self.weights = torch.from_numpy(weights).to(self.weights)
        inputs = self.model.inputs
        if inputs is not None and inputs.standardize:
            if any(parameter.requires_grad for parameter in self.model.encoder.parameters()):
                raise OptionError(
                    "--model.inputs.standardize=true: the features change while the encoder is"
                    " trained; freeze it (--model.encoder.trainable=none), or leave it out"
                )
            inputs.fit(self._features_of(data, part))

    def _features_of(self, data: SequenceDataModule, part: Part) -> Iterator[tuple[Tensor, Tensor]]:
        """Features (N, D) and lengths (B,), batch by batch, of a whole part."""
        self.model.encoder.eval()
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            for batch in data.loader(part, alone=True):
                if batch.num_sequences:
                    yield self.encode(batch.steps.to(self.device)), batch.lengths.to(self.device)
        self.model.encoder.train()

    def encode(self, steps: Tensor) -> Tensor:
        """Steps (N, …) → features (N, D); features that were computed before are what they are."""
        return steps if steps.is_floating_point() and steps.ndim == 2 else self.model.encoder(steps)

    def _loss(self, scores: Tensor, labels: Tensor) -> Tensor:
        """The mean over the examples of a training batch; scores (B, K), labels (B,)."""
        losses = cross_entropy(
            scores, labels, label_smoothing=self.label_smoothing, reduction="none"
        )
        # Not cross_entropy's own weights: it divides by their sum over the batch, so that in a
        # batch of few examples, or of one class, they would cancel out.
        return (self.weights[labels] * losses).mean()

    def _step(self, batch: RaggedBatch, stage: str) -> Tensor:
        self.skipped.update({one.id: one for one in batch.skipped})
        if batch.num_sequences == 0:
            # Nothing to learn here, but the ranks that have something wait for our gradients.
            return sum((p.sum() * 0 for p in self._trained()), start=self._zero())
        features = self.encode(batch.steps)
        scores = self.model.read(features, batch.lengths)
        loss = (self._loss if stage == "train" else cross_entropy)(scores, batch.labels)
        # A mean over the examples of all ranks: batches and ranks differ in size.
        self.losses[stage].update(loss.detach(), weight=batch.num_sequences)
        self.metrics[stage].update(scores.detach().float(), batch.labels)
        if stage == "test":
            self._answered.append(
                Answers(
                    batch.ids.cpu(),
                    batch.labels.cpu(),
                    scores.double().softmax(1).cpu(),
                    mean(features.float(), batch.lengths).cpu(),
                    middle(features.float(), batch.lengths).cpu(),
                )
            )
        return loss

    def _trained(self) -> list[nn.Parameter]:
        return [parameter for parameter in self.parameters() if parameter.requires_grad]

    def _zero(self) -> Tensor:
        return torch.zeros((), device=self.device)

    def training_step(self, batch: RaggedBatch, batch_idx: int) -> Tensor:
        """One batch of the training part → its mean loss."""
        loss = self._step(batch, "train")
        self.log("loss", loss.detach(), prog_bar=True, logger=False, batch_size=1)
        return loss

    def validation_step(self, batch: RaggedBatch, batch_idx: int) -> None:
        """One batch of the validation part."""
        self._step(batch, "val")

    def test_step(self, batch: RaggedBatch, batch_idx: int) -> None:
        """One batch of the test part; the answers are kept for the report."""
        self._step(batch, "test")

    def on_train_epoch_end(self) -> None:
        """Log the epoch."""
        self._log_epoch("train")

    def on_validation_epoch_end(self) -> None:
        """Log the epoch."""
        self._log_epoch("val")

    def on_test_epoch_start(self) -> None:
        """Forget an earlier test."""
        self._answered, self.answers = [], None

    def on_test_epoch_end(self) -> None:
        """Log the test, and put the answers of all ranks together."""
        self._log_epoch("test")
        ours = (self._answered, list(self.skipped.values()))
        everyone: list[Any] = [ours]
        if self.trainer.world_size > 1:
            everyone = [None] * self.trainer.world_size
            torch.distributed.all_gather_object(everyone, ours)
        answered = [answers for one, _ in everyone for answers in one]
        self.skipped = {skip.id: skip for _, skips in everyone for skip in skips}
        if answered:
            self.answers = Answers(*(torch.cat(field) for field in zip(*answered, strict=True)))

    def _log_epoch(self, stage: str) -> None:
        # Computed here and logged as numbers: torchmetrics has put the ranks together by then.
        metrics, loss = self.metrics[stage], self.losses[stage]
        values = {**metrics.compute(), f"{stage}/loss": loss.compute()}
        self.log_dict(values, prog_bar=stage != "test")
        metrics.reset()
        loss.reset()

    def configure_optimizers(self) -> Any:
        """The optimiser, and its schedule over the whole run."""
        optimizer = self.optimizer(self._trained())
        if self.schedule == "constant":
            return optimizer
        # A LambdaLR keeps no plan in a checkpoint: a resumed run may be planned longer.
        total = planned_steps(self.trainer)
        plan = partial(one_cycle, total=total, warmup=round(self.warmup_share * total))
        scheduler = LambdaLR(optimizer, plan)
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": scheduler, "interval": "step"},
        }

    def on_fit_start(self) -> None:
        """Start the clock."""
        self._fit_started = time.monotonic()

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep, as plain values, what builds this model and makes its inputs ready."""
        seconds = time.monotonic() - self._fit_started
        checkpoint[CHECKPOINT_KEY] = self.description | {"train_seconds": seconds}


def middle(features: Tensor, lengths: Tensor) -> Tensor:
    """Features (N, D) and lengths (B,) → (B, D): of each sequence the step in its middle."""
    return features[lengths.cumsum(0) - lengths + lengths // 2]


def balanced_weights(labels: np.ndarray, *, num_classes: int) -> np.ndarray:
    """Labels (n,) → (K,) float64: how much an example of each class counts.

    In inverse proportion to how many there are, n / (K n_c) (King & Zeng 2001, "Logistic Regression
    in Rare Events Data", as scikit-learn has it), K the classes that occur: the mean over all
    examples is 1. A class without an example keeps 1.
    """
    counts = np.bincount(labels, minlength=num_classes)
    return np.where(counts, len(labels) / (np.count_nonzero(counts) * np.maximum(counts, 1)), 1.0)


def planned_steps(trainer: Trainer) -> int:
    """The optimiser's steps in a whole run.

    Lightning's own estimate sets up the loader before a checkpoint's state can reach it, and a run
    resumed within an epoch would begin that epoch again.
    """
    num_batches = len(trainer.datamodule.train_dataloader())  # type: ignore[attr-defined]
    limit = trainer.limit_train_batches
    num_batches = int(num_batches * limit) if isinstance(limit, float) else min(num_batches, limit)
    steps = math.ceil(num_batches / trainer.accumulate_grad_batches)
    # Without a number of epochs the run ends by steps, or by time, as Lightning's default does.
    epochs = trainer.max_epochs if trainer.max_epochs not in (None, -1) else 1000
    return max(steps * epochs if trainer.max_steps == -1 else trainer.max_steps, 1)


def one_cycle(step: int, *, total: int, warmup: int) -> float:
    """The share of the highest learning rate at a step: up and down along cosines (Smith 2018)."""
    if step < warmup:
        return 1 - 0.96 * (1 + math.cos(math.pi * step / warmup)) / 2
    return (1 + math.cos(math.pi * min((step - warmup) / max(total - warmup, 1), 1))) / 2


def _metrics(stage: str, num_classes: int) -> MetricCollection:
    return MetricCollection(
        {
            f"{stage}/accuracy": MulticlassAccuracy(num_classes, average="micro"),
            f"{stage}/macro_f1": MulticlassF1Score(num_classes, average="macro"),
        }
    )
