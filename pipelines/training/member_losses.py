"""What several models that are trained side by side learn from a batch.

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
from pipelines.training.objective import MixedObjective
from pipelines.training.training_loss import TrainingLoss

Encode = Callable[[Tensor, Tensor], Tensor]
"""Steps (N, …) and lengths (B,) → features (N, D) of all members together."""


class MemberLosses:
    """The losses of members, each by its own answers.

    Args:
        model: has the members, one or more.
        training_loss: of scores, labels and ids.
        objective: what is learnt from beside the labels.
    """

    def __init__(
        self,
        model: Scorer,
        training_loss: TrainingLoss,
        objective: MixedObjective,
    ) -> None:
        self.model, self.training_loss, self.objective = model, training_loss, objective

    def labelled(self, batch: RaggedBatch, *, encode: Encode) -> tuple[Tensor, Tensor]:
        """The mean loss of sequences with labels, and the scores (B, K) of all members together.

        On a CPU, members that share nothing compute side by side, each in one thread.
        """
        groups = self.model.parameters_by_member()
        if groups:
            sources = [
                partial(encoder.encode_ragged, batch.steps, batch.lengths)
                for encoder in self.model.encoders
            ]
        else:
            features = encode(batch.steps, batch.lengths)
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
        """The loss of one, and its scores (B, K); ``source`` gives the features that it reads."""
        features = source()
        if self.objective.perturbs and not features.requires_grad:
            features = features.detach().requires_grad_()
        read = partial(member.read_chosen, lengths=batch.lengths)
        scores = read(features)
        loss_of = partial(self.training_loss, labels=batch.labels, ids=batch.ids)
        loss = loss_of(scores)
        loss = self.objective.labelled(read, loss_of, features, batch.lengths, scores, loss)
        return loss, scores

    def unlabelled(self, batch: RaggedBatch, *, encode: Encode) -> Tensor:
        """The mean loss of sequences without labels; 0 where there is none."""
        zero = torch.zeros((), device=batch.lengths.device)
        if batch.num_sequences == 0:
            return zero
        features = encode(batch.steps, batch.lengths)
        losses = []
        for member in self.model.members:
            read = partial(member.read, lengths=batch.lengths)
            added = self.objective.unlabelled(read, features, batch.lengths, read(features))
            losses.append(zero + added)
        return torch.stack(losses).mean()
