"""Losses of the members of an ensemble on a batch, computed by threads side by side.

M members · B sequences · N steps in the batch · D features · K classes
"""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.dropout import _DropoutNd
from torchvision.ops import StochasticDepth

from data.batches.ragged import RaggedBatch, shards_of
from models.chance import Dropout
from models.encoders.words import Encoder
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
        """Mean loss of a batch over the members that learn, and the scores (B, K) of the ensemble.

        On a CPU, threads compute side by side, each with one core: the members, if they share no
        parameters, or else shards of the batch. Threads that share each matrix product instead are
        no faster, and beside another busy process several times slower.
        """
        is_on_cpu = batch.steps.device.type == "cpu"
        groups = self.model.parameters_by_member()
        if is_on_cpu and groups and all(groups) and not batch.is_encoded:
            return self._by_member(batch, groups)
        num_threads = torch.get_num_threads()
        if is_on_cpu and min(num_threads, batch.num_sequences) > 1 and is_shardable(self.model):
            return self._by_shard(shards_of(batch, count=num_threads), encode)
        return self._whole(batch, encode)

    def _by_member(
        self, batch: RaggedBatch, groups: list[list[nn.Parameter]]
    ) -> tuple[Tensor, Tensor]:
        def of(member: ManyToOne, encoder: Encoder) -> tuple[Tensor, Tensor]:
            features = encoder.encode_ragged(batch.steps, batch.lengths)
            return self._of_member(member, features, batch)

        functions = [
            partial(of, member, encoder)
            for member, encoder in zip(self.model.members, self.model.encoders, strict=True)
        ]
        losses, scores = losses_side_by_side(functions, groups)
        return losses.mean(), together(torch.stack(scores))

    def _by_shard(self, shards: list[RaggedBatch], encode: Encode) -> tuple[Tensor, Tensor]:
        trained = [parameter for parameter in self.model.parameters() if parameter.requires_grad]
        functions = [partial(self._whole, shard, encode) for shard in shards]
        losses, scores = losses_side_by_side(functions, [trained] * len(shards))
        sizes = losses.new_tensor([shard.num_sequences for shard in shards])
        return losses @ (sizes / sizes.sum()), torch.cat(scores)

    def _whole(self, batch: RaggedBatch, encode: Encode) -> tuple[Tensor, Tensor]:
        features = encode(batch)
        pairs = [
            self._of_member(member, member.chosen(features), batch) for member in self.model.members
        ]
        scores = torch.stack([scores for _, scores in pairs])
        losses = [
            loss
            for member, (loss, _) in zip(self.model.members, pairs, strict=True)
            if member.learns
        ]
        return torch.stack(losses).mean(), together(scores, self.model.votes)

    def _of_member(
        self, member: ManyToOne, features: Tensor, batch: RaggedBatch
    ) -> tuple[Tensor, Tensor]:
        """Loss and scores (B, K) of one member; ``features`` are those that it reads."""
        scores = member.read_chosen(features, batch.lengths)
        return self.training_loss(scores, batch.labels, batch.ids), scores


def is_shardable(model: nn.Module) -> bool:
    """Whether a model in training may read the shards of a batch at once.

    Batch normalisation would see each shard by itself. Dropout that draws from the process's generator
    would draw other numbers in each run, as the threads take turns; see `models.chance`.
    """
    return not any(
        module.training and isinstance(module, _BatchNorm | _DropoutNd | StochasticDepth)
        for module in model.modules()
        if not isinstance(module, Dropout)
    )
