"""Losses of the members of an ensemble on a batch.

M members · B sequences · N steps in the batch · D features · K classes
"""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from data.batches.ragged import RaggedBatch
from models.sequence.ensemble import together
from models.sequence.many_to_one import ManyToOne, Scorer
from models.sequence.side_by_side import losses_side_by_side
from pipelines.training.training_loss import TrainingLoss

Encode = Callable[[RaggedBatch], Tensor]
"""Function from a batch to the features (N, D) of all members together."""


class MemberLosses:
    """Computes a loss for each member from its own scores.

    Args:
        model: a model of one or more members.
        training_loss: loss of scores, labels and ids.
    """

    def __init__(self, model: Scorer, training_loss: TrainingLoss) -> None:
        self.model, self.training_loss = model, training_loss

    def __call__(self, batch: RaggedBatch, *, encode: Encode) -> tuple[Tensor, Tensor]:
        """Mean loss of a batch over the members, and the scores (B, K) of the ensemble.

        On a CPU, members that share no parameters compute in parallel, each in one thread.
        """
        groups = self.model.parameters_by_member()
        if groups and not batch.is_encoded:
            sources = [
                partial(encoder.encode_ragged, batch.steps, batch.lengths)
                for encoder in self.model.encoders
            ]
        else:
            features = encode(batch)
            sources = [partial(member.chosen, features) for member in self.model.members]
        functions = [
            partial(self._of_member, member, source, batch)
            for member, source in zip(self.model.members, sources, strict=True)
        ]
        if all(groups) and groups and batch.steps.device.type == "cpu":
            losses, scores = losses_side_by_side(functions, groups)
        else:
            pairs = [function() for function in functions]
            losses = torch.stack([loss for loss, _ in pairs])
            scores = [some for _, some in pairs]
        return losses.mean(), together(torch.stack(scores))

    def _of_member(
        self, member: ManyToOne, source: Callable[[], Tensor], batch: RaggedBatch
    ) -> tuple[Tensor, Tensor]:
        """Loss and scores (B, K) of one member; ``source`` returns the features that it reads."""
        scores = member.read_chosen(source(), batch.lengths)
        return self.training_loss(scores, batch.labels, batch.ids), scores
