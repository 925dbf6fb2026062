"""Classification: one class for a whole sequence, whatever its steps are.

B sequences · N steps in the batch · D features · K classes
"""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.optim import Optimizer
from torchmetrics import MetricCollection

from data.batches.data_module import SequenceDataModule
from data.batches.part import Part
from data.batches.ragged import RaggedBatch, Skipped
from models.encoders.frames import FrameEncoder
from models.encoders.pretrained import reads_pretrained
from models.encoders.words import Encoder
from models.errors import OptionError
from models.recurrence.recurrences import Recurrence
from models.sequence.classifier import Classifier
from models.sequence.many_to_one import Pooling
from models.sequence.step_inputs import StepInputs
from pipelines.metrics.calibration import calibrate
from pipelines.metrics.torch_metrics import accuracy_and_f1
from pipelines.preparation.embeddings import prepare_embeddings
from pipelines.preparation.inputs import fit_order_blind, measure_inputs
from pipelines.processes.ranks import from_all_ranks
from pipelines.tasks.answers import (
    Answers,
    Reordered,
    TestRecord,
    by_id,
    skipped_of_all_ranks,
)
from pipelines.tasks.task import Headline, Stage, Task, zero_of
from pipelines.training.finetuning import layer_groups, load_layers, read_language_model
from pipelines.training.member_losses import MemberLosses
from pipelines.training.schedules import Schedule, steps_per_epoch
from pipelines.training.training_loss import TrainingLoss


class Classification(Task):
    """Trains and tests a `ManyToOne`, or several at once.

    Args:
        encoder: turns one step into features.
        recurrence: makes, of the number of features, what reads the sequence.
        classes: names of the classes.
        inputs: makes, of the number of features, what the recurrence reads of them: their change
            from step to step, normalised over the sequence …; None: the features as they are.
        pooling: from the outputs at all steps to one vector: last, mean, max or concat.
        dropout: share of the pooled features that is zeroed while training.
        gated_features: inputs of each step, times gates that what stands before it sets, are pooled
            beside the outputs: so many of them (see `GatedInputs`); 0: none.
        members: how many models to train side by side, each from its own start; the answer is the
            mean of their probabilities (Lakshminarayanan 2017).
        order_blind: whether one more member reads the mean of the steps, and not their order. It is
            the report's mean frame, fitted before training, and has half of the vote.
        shared_encoder: whether the members share it; or each has one of its own, which costs more,
            and is better where an encoder learns by heart.
        class_weights: ``balanced`` makes, while training, all classes count alike, however many
            examples each has; ``none`` makes all examples count alike.
        optimizer: makes the optimiser of the parameters.
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

    headline = Headline("accuracy", "max")

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
        gated_features: int = 0,
        members: int = 1,
        order_blind: bool = False,
        shared_encoder: bool = True,
        class_weights: Literal["none", "balanced"] = "none",
        schedule: Schedule = "constant",
        warmup_share: float = 0.1,
        pretrained: str | None = None,
        rate_decay: float = 1.0,
        gradual_unfreezing: bool = False,
    ) -> None:
        self.classes = classes  # what is measured depends on them
        super().__init__(optimizer=optimizer, schedule=schedule, warmup_share=warmup_share)
        if rate_decay < 1:
            raise OptionError(f"--model.rate_decay={rate_decay}: 1 (alike) or more")
        answering = Classifier(
            encoder,
            recurrence,
            classes=classes,
            inputs=inputs,
            pooling=pooling,
            dropout=dropout,
            gated_features=gated_features,
            members=members,
            order_blind=order_blind,
            shared_encoder=shared_encoder,
        )
        # Under the same names as there: weights of this are weights of that, which needs no trainer.
        self.model, self.probabilities = answering.model, answering.probabilities
        # Members that learn. They are a list and no module, since their weights are the model's already.
        self.members = [member for member in self.model.members if member.learns]
        if pretrained is not None and reads_pretrained():
            _, weights = read_language_model(pretrained)
            for member in self.members:
                load_layers(member, weights, where=f"--model.pretrained={pretrained}")
        self.training_loss = TrainingLoss(len(classes))
        self._member_losses = MemberLosses(self.model, self.training_loss)
        self.rate_decay, self.gradual_unfreezing = rate_decay, gradual_unfreezing
        self.class_weights = class_weights
        #: answers to the test part from all ranks; set at the end of a test
        self.answers: Answers | None = None
        #: the same for some of them in other orders
        self.reordered: Reordered | None = None
        #: examples that could not be read, in any stage
        self.skipped: dict[int, Skipped] = {}
        self._record: TestRecord
        self._validated: list[tuple[Tensor, ...]] = []

    @property
    def frame_encoder(self) -> FrameEncoder | None:
        """The encoder, if it is one of frames."""
        encoder = self.model.encoder
        return encoder if isinstance(encoder, FrameEncoder) else None

    def make_metrics(self, stage: Stage) -> MetricCollection:
        """Accuracy and macro-F1."""
        return accuracy_and_f1(stage, len(self.classes))

    def forward(self, steps: Tensor, lengths: Tensor) -> Tensor:
        """Steps (N, …) and lengths (B,) → scores (B, K)."""
        return self.model(steps, lengths)

    def setup(self, stage: str) -> None:
        """Measure the training part where options ask for it, the same on every rank."""
        if stage != "fit":
            return
        data: SequenceDataModule = self.trainer.datamodule  # type: ignore[attr-defined]
        part = data.parts["train"]
        has_context = any(encoder.fixed_parts() for encoder in self.model.encoders)
        if "unlabelled" in data.parts and not (self.training_loss.is_taught or has_context):
            raise OptionError(
                "--data.unlabelled: nothing is learnt from them; give --teachers=[a.ckpt], classifiers"
                " that answer them, or --model.encoder.context_features, or drop it"
            )
        if self.class_weights == "balanced":
            self.training_loss.balance(part.labels)
        if data.learnt_part.doubts is not None:
            self.training_loss.doubt(data.learnt_part.ids, data.learnt_part.doubts)
        prepare_embeddings(self.model.encoders, data)
        encoded = partial(self._encoded, data, part)
        measure_inputs(self.model, encoded)
        fit_order_blind(self.model, encoded)

    def _encoded(
        self, data: SequenceDataModule, part: Part
    ) -> Iterator[tuple[Tensor, Tensor, RaggedBatch]]:
        """Features (N, D), lengths (B,) beside them, and the batch, of a whole part."""
        self.model.encoder.eval()
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            for batch in data.loader(part, alone=True):
                if batch.num_sequences:
                    yield self.encode(batch), batch.lengths.to(self.device), batch
        self.model.encoder.train()

    def encode(self, batch: RaggedBatch) -> Tensor:
        """The features (N, D) of a batch's steps; those that were computed before are what they are."""
        steps = batch.steps.to(self.device)
        if batch.is_encoded:
            return steps
        return self.model.encoder.encode_ragged(steps, batch.lengths.to(self.device))

    def step(self, batch: RaggedBatch, stage: Stage) -> Tensor:
        """The mean loss of a batch.

        While testing, its answers are recorded. Loss and metrics are then those of calibrated scores,
        as in the report; while training and validating, those of the scores as they are.
        """
        self.skipped.update({one.id: one for one in batch.skipped})
        if batch.num_sequences == 0:
            return zero_of(self)
        labels = batch.labels
        if stage == "train":
            loss, scores = self._member_losses(batch, encode=self.encode)
        else:
            features = self.encode(batch)
            scores = self.model.read(features, batch.lengths)
            if stage == "test":
                scores, labels = self._record.add(
                    batch, features, scores, encode=self.encode, read=self.model.read
                )
            loss = zero_of(self)
            if len(labels):
                loss = cross_entropy(scores, labels).float().to(self.device)
        self.take(loss, stage, weight=len(labels))
        self._measure(scores.detach().argmax(1), labels, batch.ids, stage)
        if stage == "val":
            found = (batch.ids, labels, scores.float(), batch.lengths)
            self._validated.append(tuple(field.cpu() for field in found))
        return loss

    def _measure(self, answers: Tensor, labels: Tensor, ids: Tensor, stage: Stage) -> None:
        # Choosing some would make a device wait.
        if stage == "train" and not self.training_loss.is_plain:
            is_labelled = self.training_loss.is_labelled(labels, ids)
            answers, labels = answers[is_labelled], labels[is_labelled]
        if len(labels):
            self.metrics[stage].update(answers.to(self.device), labels.to(self.device))

    def on_validation_epoch_end(self) -> None:
        """Log the epoch, and fit the calibration on what all ranks were answered."""
        super().on_validation_epoch_end()
        everyone = [some for one in from_all_ranks(self.trainer, self._validated) for some in one]
        self._validated = []
        if everyone:
            _, labels, scores, lengths = (field.numpy() for field in by_id(everyone))
            # Biases that suit the shares of the classes would undo the weights of the training loss.
            has_bias = self.class_weights == "none"
            calibration, loss = calibrate(labels, scores, lengths, has_bias=has_bias)
            calibration.put_into(self.probabilities)
            # The loss after calibration: overconfidence alone makes no checkpoint worse.
            self.log("val/calibrated_loss", loss)

    def on_test_epoch_start(self) -> None:
        """Forget an earlier test, and choose what is read in other orders too."""
        data: SequenceDataModule = self.trainer.datamodule  # type: ignore[attr-defined]
        part = data.parts[data.reported_part]
        self._record = TestRecord(
            part,
            calibrated=self.probabilities.calibrated,
            looks_back=self.model.encoder.looks_back > 0,
        )
        self.answers = self.reordered = None

    def on_test_epoch_end(self) -> None:
        """Log the test, and put the answers of all ranks together."""
        super().on_test_epoch_end()
        self.answers, self.reordered = self._record.of_all_ranks(self.trainer)
        ours = [*self.skipped.values(), *self._record.skipped]
        self.skipped = skipped_of_all_ranks(self.trainer, ours)

    def configure_optimizers(self) -> Any:
        """The optimiser, by layers where these learn at rates of their own, and its schedule."""
        if self.rate_decay == 1 and not self.gradual_unfreezing:
            return super().configure_optimizers()
        groups = layer_groups(self.members)
        optimizer = self.optimizer_of([{"params": group} for group in groups])
        depths = range(len(groups) - 1, -1, -1)  # of the answer's layer 0
        for group, depth in zip(optimizer.param_groups, depths, strict=True):
            group["lr"] /= self.rate_decay**depth
        num_steps = steps_per_epoch(self.trainer) if self.gradual_unfreezing else 0
        asleep = [depth * num_steps for depth in depths]
        return self.planned(optimizer, asleep_steps=asleep)

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
