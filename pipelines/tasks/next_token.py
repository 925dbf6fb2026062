"""Next token: what comes next in a running text, from all that came before.

B streams · N steps in the batch · V tokens in the vocabulary
"""

import math
from collections.abc import Callable, Iterable
from typing import Any

from torch import Tensor, nn
from torch.optim import Optimizer

from data.files.errors import InputError
from data.running_text.data_module import LanguageDataModule
from data.running_text.streams import StreamBatch
from models.encoders.words import Encoder
from models.recurrence.cells import State
from models.recurrence.recurrences import Recurrence
from models.sequence.language_model import LanguageModel
from pipelines.metrics.torch_metrics import mean_loss
from pipelines.tasks.task import STAGES, Headline, Stage, Task
from pipelines.training.schedules import Schedule


class NextToken(Task):
    """Trains and tests a `LanguageModel` by truncated backpropagation through time.

    The state of every stream is carried from batch to batch, without its gradient (Williams & Peng
    1990), and begins at zero with each epoch. Validation and test have states of their own.

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

    headline = Headline("perplexity", "min")

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
        super().__init__(optimizer=optimizer, schedule=schedule, warmup_share=warmup_share)
        self.model = LanguageModel(
            encoder,
            recurrence(encoder.out_features),
            num_tokens=num_tokens,
            dropout=dropout,
            tied=tied,
            adaptive_cutoffs=adaptive_cutoffs or (),
        )
        # Every rank reads all of the reported part (see `LanguageDataModule.test_dataloader`).
        self.test_loss = self.losses["test"] = mean_loss(is_of_all_ranks=False)
        #: tokens this process has learnt from
        self.num_trained_tokens = 0
        self._states: dict[Stage, State | None] = dict.fromkeys(STAGES)

    def forward(
        self, steps: Tensor, lengths: Tensor, state: State | None = None
    ) -> tuple[Tensor, State]:
        """Tokens (N,), lengths (B,) and a state → log-probabilities of the next (N, V), the state."""
        return self.model(steps, lengths, state)

    def step(self, batch: StreamBatch, stage: Stage) -> Tensor:
        """The mean loss in nats of the next steps of every stream."""
        losses, state = self.model.losses(
            batch.steps, batch.lengths, batch.targets, self._states[stage]
        )
        self._states[stage] = tuple(part.detach() for part in state)
        if stage == "train":
            self.num_trained_tokens += len(losses)
        loss = losses.mean()
        self.take(loss, stage, weight=len(losses))
        return loss

    def on_train_epoch_start(self) -> None:
        """The streams begin anew."""
        self._states["train"] = None

    def counted_in_epoch(self) -> dict[str, Any]:
        """As every task, and the state that is carried; also the tokens of all epochs."""
        return super().counted_in_epoch() | {
            "state": self._states["train"],
            "num_trained_tokens": self.num_trained_tokens,
        }

    def count_on_in_epoch(self, before: dict[str, Any]) -> None:
        """As every task, and what `counted_in_epoch` adds."""
        super().count_on_in_epoch(before)
        self.num_trained_tokens = before["num_trained_tokens"]
        state = before["state"]
        self._states["train"] = (
            None if state is None else tuple(part.to(self.device) for part in state)
        )

    def on_validation_epoch_start(self) -> None:
        """The streams begin anew; those of training wait where they are."""
        self._states["val"] = None

    def on_test_epoch_start(self) -> None:
        """The streams begin anew."""
        self._states["test"] = None

    def logged(self, stage: Stage, loss: float) -> dict[str, Any]:
        """Loss, perplexity and bits per character."""
        data: LanguageDataModule = self.trainer.datamodule  # type: ignore[attr-defined]
        part = data.parts[data.reported_part if stage == "test" else stage]
        if stage == "test" and not math.isfinite(loss):
            raise InputError(
                f"{data.source}: what the model says of the part '{data.reported_part}' is not"
                " finite (NaN or infinite); train with a lower rate"
            )
        values = measures(loss, tokens_per_character=len(part.tokens) / part.num_characters)
        return {f"{stage}/{name}": value for name, value in values.items()}


def measures(nats: float, *, tokens_per_character: float) -> dict[str, float]:
    """Convert a loss in nats per token to perplexity and bits per character.

    Perplexity is exp(loss): among how many equally probable tokens the model wavers. Bits per
    character, loss / ln 2 times tokens per character, compare models with different tokens, as far
    as they know all of the text.
    """
    return {
        "loss": nats,
        "perplexity": math.inf if nats > 709 else math.exp(nats),
        "bits_per_character": nats / math.log(2) * tokens_per_character,
    }
