"""The task: learning to predict what comes next in a running text.

B streams · N steps in the batch · V tokens in the vocabulary
"""

import math
import time
from collections.abc import Callable, Iterable
from typing import Any

from pytorch_lightning import LightningModule
from torch import Tensor, nn
from torch.optim import Optimizer

from data.files.checkpoint import CHECKPOINT_KEY
from data.files.errors import InputError
from data.running_text.data_module import LanguageDataModule
from data.running_text.streams import StreamBatch
from models.encoders.words import Encoder
from models.recurrence.cells import State
from models.recurrence.recurrences import Recurrence
from models.sequence.language_model import LanguageModel
from pipelines.metrics.torch_metrics import mean_loss
from pipelines.training.fusing import fused
from pipelines.training.schedules import Schedule, scheduled

STAGES = ("train", "val", "test")


class LanguageTask(LightningModule):
    """Trains and tests a `LanguageModel` by truncated backpropagation through time.

    The state of every stream is carried from batch to batch, without its gradient (Williams & Peng
    1990), and begins at zero with each epoch. Validation and test have states of their own. (A run
    resumed within an epoch reads the rest of it from a state of zero.)

    Args:
        encoder: turns one token into features.
        recurrence: makes, of the number of features, what reads them.
        num_tokens: size V of the vocabulary.
        dropout: share of the recurrence's outputs that is zeroed while training.
        tied: whether the softmax uses the encoder's vectors as its weights.
        adaptive_cutoffs: where the clusters of rare tokens begin; None: a softmax over all tokens.
        optimizer: makes the optimiser of the parameters.
        schedule: ``constant``, ``one_cycle`` or ``cosine`` (see `schedules.scheduled`).
        warmup_share: the part of the run in which the rate rises.
    """

    def __init__(
        self,
        encoder: Encoder,
        recurrence: Callable[[int], Recurrence],
        *,
        num_tokens: int,
        optimizer: Callable[[Iterable[nn.Parameter]], Optimizer],
        dropout: float = 0.0,
        tied: bool = False,
        adaptive_cutoffs: list[int] | None = None,
        schedule: Schedule = "one_cycle",
        warmup_share: float = 0.1,
    ) -> None:
        super().__init__()
        self.model = LanguageModel(
            encoder,
            recurrence(encoder.out_features),
            num_tokens=num_tokens,
            dropout=dropout,
            tied=tied,
            adaptive_cutoffs=adaptive_cutoffs or (),
        )
        self.optimizer = optimizer
        self.schedule, self.warmup_share = schedule, warmup_share
        self.nats = {stage: mean_loss() for stage in STAGES}
        # `train` is a method of modules, so a ModuleDict cannot have it as a key.
        for stage in STAGES:
            self.add_module(f"{stage}_nats", self.nats[stage])
        #: how to build this model again, written into every checkpoint; set by the command
        self.description: dict[str, Any] = {}
        #: tokens this process has learnt from
        self.num_trained_tokens = 0
        self._states: dict[str, State | None] = dict.fromkeys(STAGES)
        self._fit_started = 0.0

    def forward(
        self, steps: Tensor, lengths: Tensor, state: State | None = None
    ) -> tuple[Tensor, State]:
        """Tokens (N,), lengths (B,) and a state → log-probabilities of the next (N, V), the state."""
        return self.model(steps, lengths, state)

    def _step(self, batch: StreamBatch, stage: str) -> Tensor:
        losses, state = self.model.losses(
            batch.steps, batch.lengths, batch.targets, self._states[stage]
        )
        self._states[stage] = tuple(part.detach() for part in state)
        loss = losses.mean()
        # A mean over the tokens of all batches and ranks.
        self.nats[stage].update(loss.detach().clone(), weight=len(losses))
        return loss

    def training_step(self, batch: StreamBatch, batch_idx: int) -> Tensor:
        """The next steps of every stream → their mean loss in nats."""
        loss = self._step(batch, "train")
        self.num_trained_tokens += len(batch.targets)
        self.log("loss", loss.detach(), prog_bar=True, logger=False, batch_size=1)
        return loss

    def validation_step(self, batch: StreamBatch, batch_idx: int) -> None:
        """The next steps of the validation part."""
        self._step(batch, "val")

    def test_step(self, batch: StreamBatch, batch_idx: int) -> None:
        """The next steps of the part that is reported."""
        self._step(batch, "test")

    def on_train_epoch_start(self) -> None:
        """The streams begin anew."""
        self._states["train"] = None

    def on_validation_epoch_start(self) -> None:
        """The streams begin anew; those of training wait where they are."""
        self._states["val"] = None

    def on_test_epoch_start(self) -> None:
        """The streams begin anew."""
        self._states["test"] = None

    def on_train_epoch_end(self) -> None:
        """Log the epoch."""
        self._log_epoch("train")

    def on_validation_epoch_end(self) -> None:
        """Log the epoch."""
        self._log_epoch("val")

    def on_test_epoch_end(self) -> None:
        """Log the test."""
        self._log_epoch("test")

    def _log_epoch(self, stage: str) -> None:
        data: LanguageDataModule = self.trainer.datamodule  # type: ignore[attr-defined]
        part = data.parts[data.reported_part if stage == "test" else stage]
        # torchmetrics has put the ranks together by then.
        nats = self.nats[stage].compute().item()
        if stage == "test" and not math.isfinite(nats):
            raise InputError(
                f"{data.source}: what the model says of the part '{data.reported_part}' is not"
                " finite (NaN or infinite); train with a lower rate"
            )
        tokens_per_character = len(part.tokens) / part.num_characters
        values = measures(nats, tokens_per_character=tokens_per_character)
        self.log_dict({f"{stage}/{k}": v for k, v in values.items()}, prog_bar=stage == "val")
        self.nats[stage].reset()

    def configure_optimizers(self) -> Any:
        """The optimiser, and its schedule over the whole run."""
        return scheduled(
            fused(self.optimizer([p for p in self.parameters() if p.requires_grad])),
            self.trainer,
            schedule=self.schedule,
            warmup_share=self.warmup_share,
        )

    def on_fit_start(self) -> None:
        """Start the clock."""
        self._fit_started = time.monotonic()

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep, as plain values, what builds this model and makes its inputs ready."""
        seconds = time.monotonic() - self._fit_started
        checkpoint[CHECKPOINT_KEY] = self.description | {"train_seconds": seconds}


def measures(nats: float, *, tokens_per_character: float) -> dict[str, float]:
    """What a loss in nats per token amounts to.

    Perplexity is exp(loss): among how many equally probable tokens the model wavers. Bits per
    character, loss / ln 2 times tokens per character, compare models with different tokens, as far
    as they know all of the text.
    """
    return {
        "loss": nats,
        "perplexity": math.inf if nats > 709 else math.exp(nats),
        "bits_per_character": nats / math.log(2) * tokens_per_character,
    }
