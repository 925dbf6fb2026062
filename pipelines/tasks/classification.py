"""The task: learning to classify sequences, the same for videos and texts.

B sequences · N steps in the batch · D features · K classes
"""

import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, Literal

import torch
from pytorch_lightning import LightningModule
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.optim import Optimizer

from data.batches.data_module import Part, SequenceDataModule
from data.batches.joined import NO_LABEL
from data.batches.pairing import Pair
from data.batches.ragged import RaggedBatch, Skipped
from data.files.checkpoint import CHECKPOINT_KEY
from data.text.data_module import TextDataModule
from models.encoders.pretrained import reads_pretrained
from models.encoders.words import Encoder
from models.errors import OptionError
from models.recurrence.recurrences import Recurrence
from models.sequence.ensemble import side_by_side
from models.sequence.many_to_one import Pooling
from models.sequence.step_inputs import StepInputs
from pipelines.metrics.calibration import calibrate
from pipelines.metrics.order import chosen_ids
from pipelines.metrics.torch_metrics import accuracy_and_f1, mean_loss
from pipelines.runtime.ranks import from_all_ranks
from pipelines.tasks.answers import Answers, Reordered, TestRecord
from pipelines.training.class_weights import balanced_weights
from pipelines.training.finetuning import layer_groups, load_layers, read_language_model
from pipelines.training.fusing import fused
from pipelines.training.measured_inputs import measure_inputs
from pipelines.training.member_losses import MemberLosses
from pipelines.training.objective import MixedObjective
from pipelines.training.schedules import Schedule, scheduled, steps_per_epoch
from pipelines.training.training_loss import TrainingLoss
from pipelines.training.word_encoders import prepare_embeddings

STAGES = ("train", "val", "test")


class SequenceClassifier(LightningModule):
    """Trains and tests a `ManyToOne`, or several at once.

    Args:
        encoder: turns one step into features.
        recurrence: makes, of the number of features, what reads the sequence.
        classes: names of the classes.
        inputs: makes, of the number of features, what the recurrence reads of them: their change
            from step to step, normalised over the sequence …; None: the features as they are.
        pooling: from the outputs at all steps to one vector: last, mean, max or concat.
        dropout: share of the pooled features that is zeroed while training.
        label_smoothing: share of the target spread over all classes (Szegedy 2016).
        members: how many models to train side by side, each from its own start; the answer is the
            mean of their probabilities (Lakshminarayanan 2017).
        shared_encoder: whether the members share it; or each has one of its own, which costs more,
            and is better where an encoder learns by heart.
        class_weights: ``balanced`` makes, while training, all classes count alike, however many
            examples each has; ``none`` makes all examples count alike.
        optimizer: makes the optimiser of the parameters.
        objective: what is learnt from beside the labels.
        schedule: ``constant``, ``one_cycle`` or ``cosine``: the rate rises to the optimiser's in the
            first part of the run and falls to nothing by its end (see `schedules.scheduled`).
        warmup_share: the part of the run in which it rises.
        pretrained: checkpoint of a language model (`make train-language`) to go on from: it brings
            encoder, recurrence and tokenizer.
        rate_decay: each layer learns by so much slower than the one above it; 2.6 in ULMFiT (Howard
            & Ruder 2018, §3.2), 1 alike.
        gradual_unfreezing: whether only the last layer learns in the first epoch, and one more
            from each epoch on (ULMFiT, §3.3).
    """

    def __init__(
        self,
        encoder: Encoder,
        recurrence: Callable[[int], Recurrence],
        *,
        classes: list[str],
        optimizer: Callable[[Iterable[Any]], Optimizer],
        inputs: Callable[[int], StepInputs] | None = None,
        pooling: Pooling = "last",
        dropout: float = 0.0,
        label_smoothing: float = 0.0,
        members: int = 1,
        shared_encoder: bool = True,
        class_weights: Literal["none", "balanced"] = "none",
        objective: MixedObjective = MixedObjective(),  # noqa: B008 - frozen
        schedule: Schedule = "constant",
        warmup_share: float = 0.1,
        pretrained: str | None = None,
        rate_decay: float = 1.0,
        gradual_unfreezing: bool = False,
    ) -> None:
        super().__init__()
        self.classes = classes
        if rate_decay < 1:
            raise OptionError(f"--model.rate_decay={rate_decay}: 1 (alike) or more")
        self.model = side_by_side(
            encoder,
            recurrence,
            members=members,
            shared_encoder=shared_encoder,
            inputs=inputs,
            num_classes=len(classes),
            pooling=pooling,
            dropout=dropout,
        )
        # A list and no module: their weights are the model's.
        self.members = list(self.model.members)
        if pretrained is not None and reads_pretrained():
            _, weights = read_language_model(pretrained)
            for member in self.members:
                load_layers(member, weights, where=f"--model.pretrained={pretrained}")
        self.optimizer = optimizer
        self.training_loss = TrainingLoss(len(classes), label_smoothing=label_smoothing)
        self.objective = objective
        self._member_losses = MemberLosses(self.model, self.training_loss, objective)
        self.schedule, self.warmup_share = schedule, warmup_share
        self.rate_decay, self.gradual_unfreezing = rate_decay, gradual_unfreezing
        self.class_weights = class_weights
        self.metrics = {stage: accuracy_and_f1(stage, len(classes)) for stage in STAGES}
        self.losses = {stage: mean_loss() for stage in STAGES}
        # `train` is a method of modules, so a ModuleDict cannot have it as a key.
        for stage in STAGES:
            self.add_module(f"{stage}_metrics", self.metrics[stage])
            self.add_module(f"{stage}_loss", self.losses[stage])
        #: how to build this model again, written into every checkpoint; set by the command
        self.description: dict[str, Any] = {}
        #: what the test part was answered, all ranks together; set at the end of a test
        self.answers: Answers | None = None
        #: the same for some of them in other orders
        self.reordered: Reordered | None = None
        #: examples that could not be read, in any stage
        self.skipped: dict[int, Skipped] = {}
        #: what scores are divided by to make the probabilities mean what they say: fitted on the
        #: validation part after each epoch, and kept in checkpoints
        self.temperature = 1.0
        self._record: TestRecord
        self._validated: list[tuple[Tensor, Tensor]] = []
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
        learns = self.objective.learns_without_labels or self.training_loss.is_taught
        if "unlabelled" in data.parts and not learns:
            raise OptionError(
                "--data.unlabelled: nothing is learnt from them; give --teachers=[a.ckpt],"
                " --model.objective.virtual_adversarial=1 or --model.objective.entropy=1, or drop it"
            )
        if self.class_weights == "balanced":
            weights = balanced_weights(part.labels, num_classes=len(self.classes))
            self.training_loss.weights.copy_(torch.from_numpy(weights))
        if isinstance(data, TextDataModule):
            prepare_embeddings(self.model.encoders, data)
        measure_inputs(
            self.members, partial(self._features_of, data, part), encoder=self.model.encoder
        )

    def _features_of(self, data: SequenceDataModule, part: Part) -> Iterator[tuple[Tensor, Tensor]]:
        """Features (N, D) and lengths (B,), batch by batch, of a whole part."""
        self.model.encoder.eval()
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            for batch in data.loader(part, alone=True):
                if batch.num_sequences:
                    lengths = batch.lengths.to(self.device)
                    yield self.encode(batch.steps.to(self.device), lengths), lengths
        self.model.encoder.train()

    def encode(self, steps: Tensor, lengths: Tensor) -> Tensor:
        """Steps (N, …), lengths (B,) → features (N, D); those computed before are what they are."""
        if steps.is_floating_point() and steps.ndim == 2:
            return steps
        return self.model.encoder.encode_ragged(steps, lengths)

    def _step(self, batch: RaggedBatch, stage: str) -> Tensor:
        self.skipped.update({one.id: one for one in batch.skipped})
        if batch.num_sequences == 0:
            # Nothing to learn here, but the ranks that have something wait for our gradients.
            return sum((p.sum() * 0 for p in self._trained()), start=self._zero())
        labels = batch.labels
        if stage == "train":
            loss, scores = self._member_losses.labelled(batch, encode=self.encode)
        else:
            features = self.encode(batch.steps, batch.lengths)
            scores = self.model.read(features, batch.lengths)
            if stage == "test":
                scores, labels = self._record.add(
                    batch, features, scores, encode=self.encode, read=self.model.read
                )
            loss = cross_entropy(scores, labels) if len(labels) else self._zero()
        # A mean over the examples of all ranks: batches and ranks differ in size.
        self.losses[stage].update(loss.detach().clone(), weight=len(labels))
        self._measure(scores.detach().float(), labels, stage)
        if stage == "val":
            self._validated.append((labels.cpu(), scores.double().softmax(1).cpu()))
        return loss

    def _measure(self, scores: Tensor, labels: Tensor, stage: str) -> None:
        if stage == "train" and self.training_loss.is_taught:
            is_labelled = labels != NO_LABEL
            scores, labels = scores[is_labelled], labels[is_labelled]
        if len(labels):
            self.metrics[stage].update(scores, labels)

    def _trained(self) -> list[nn.Parameter]:
        return [parameter for parameter in self.parameters() if parameter.requires_grad]

    def _zero(self) -> Tensor:
        return torch.zeros((), device=self.device)

    def training_step(self, batch: RaggedBatch | Pair, batch_idx: int) -> Tensor:
        """One batch of the training part → its mean loss."""
        if isinstance(batch, Pair):
            loss = self._step(batch.labelled, "train")
            loss = loss + self._member_losses.unlabelled(batch.unlabelled, encode=self.encode)
        else:
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
        """Log the epoch, and fit the temperature on what all ranks were answered."""
        self._log_epoch("val")
        everyone = [pair for one in from_all_ranks(self.trainer, self._validated) for pair in one]
        self._validated = []
        if everyone:
            fields = (torch.cat(field).numpy() for field in zip(*everyone, strict=True))
            self.temperature, loss = calibrate(*fields)
            # What a checkpoint with its temperature is worth: too sure is no fault of it.
            self.log("val/calibrated_loss", loss)

    def on_test_epoch_start(self) -> None:
        """Forget an earlier test, and choose what is read in other orders too."""
        data: SequenceDataModule = self.trainer.datamodule  # type: ignore[attr-defined]
        part = data.parts[data.reported_part]
        self._record = TestRecord(chosen_ids(part.ids), part=part)
        self.answers = self.reordered = None

    def on_test_epoch_end(self) -> None:
        """Log the test, and put the answers of all ranks together."""
        self._log_epoch("test")
        self.answers, self.reordered = self._record.of_all_ranks(self.trainer)
        ours = [*self.skipped.values(), *self._record.skipped]
        self.skipped = {one.id: one for some in from_all_ranks(self.trainer, ours) for one in some}

    def _log_epoch(self, stage: str) -> None:
        # Computed here and logged as numbers: torchmetrics has put the ranks together by then.
        metrics, loss = self.metrics[stage], self.losses[stage]
        values = {**metrics.compute(), f"{stage}/loss": loss.compute()}
        self.log_dict(values, prog_bar=stage != "test")
        metrics.reset()
        loss.reset()

    def configure_optimizers(self) -> Any:
        """The optimiser, and its schedule over the whole run."""
        plan = partial(
            scheduled,
            trainer=self.trainer,
            schedule=self.schedule,
            warmup_share=self.warmup_share,
        )
        if self.rate_decay == 1 and not self.gradual_unfreezing:
            return plan(fused(self.optimizer(self._trained())))
        groups = layer_groups(self.members)
        optimizer = fused(self.optimizer([{"params": group} for group in groups]))
        depths = range(len(groups) - 1, -1, -1)  # of the answer's layer 0
        for group, depth in zip(optimizer.param_groups, depths, strict=True):
            group["lr"] /= self.rate_decay**depth
        num_steps = steps_per_epoch(self.trainer) if self.gradual_unfreezing else 0
        asleep = [depth * num_steps for depth in depths]
        return plan(optimizer, asleep_steps=asleep)

    def configure_gradient_clipping(
        self,
        optimizer: Optimizer,
        gradient_clip_val: float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        """Lightning's hook: members that share nothing are clipped each by itself."""
        groups = self.model.parameters_by_member()
        if gradient_clip_val and gradient_clip_algorithm in (None, "norm") and groups:
            for group in groups:
                # The loss is a mean over the members, and so are their gradients.
                nn.utils.clip_grad_norm_(group, gradient_clip_val / len(groups))
            return
        self.clip_gradients(optimizer, gradient_clip_val, gradient_clip_algorithm)

    def on_fit_start(self) -> None:
        """Start the clock."""
        self._fit_started = time.monotonic()

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep, as plain values, what builds this model and makes its inputs ready."""
        seconds = time.monotonic() - self._fit_started
        learnt = {"train_seconds": seconds, "temperature": self.temperature}
        checkpoint[CHECKPOINT_KEY] = self.description | learnt

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take over the temperature; checkpoints from before there was one have 1."""
        saved = checkpoint.get(CHECKPOINT_KEY, {})
        self.temperature = saved.get("temperature", 1.0)
