"""Shards of a batch, which threads can learn from side by side."""

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.dropout import _DropoutNd
from torchvision.ops import StochasticDepth

from data.batches.ragged import RaggedBatch
from models.chance import Dropout


def shards_of(batch: RaggedBatch, *, count: int) -> list[RaggedBatch]:
    """Cut a batch into so many of about as many sequences, in their order; fewer if it has fewer."""
    count = max(min(count, batch.num_sequences), 1)
    sizes = [len(part) for part in torch.arange(batch.num_sequences).tensor_split(count)]
    num_steps = [int(part.sum()) for part in batch.lengths.split(sizes)]
    pieces = zip(
        batch.steps.split(num_steps),
        batch.lengths.split(sizes),
        batch.labels.split(sizes),
        batch.ids.split(sizes),
        strict=True,
    )
    return [
        RaggedBatch(steps, lengths, labels, ids, is_encoded=batch.is_encoded)
        for steps, lengths, labels, ids in pieces
    ]


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
