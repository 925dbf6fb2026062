"""Fits on the features of the training part: scales of a recurrence's inputs, an order-blind member."""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor

from data.batches.ragged import RaggedBatch
from models.encoders.words import Encoder
from models.errors import OptionError
from models.heads.pooling import mean
from models.sequence.ensemble import OrderBlind
from models.sequence.many_to_one import Scorer
from pipelines.metrics.baselines import MeanFrameLogisticRegression

Encoded = Callable[[], Iterable[tuple[Tensor, Tensor, RaggedBatch]]]
"""Returns the training part, batch by batch: features (N, D), lengths (B,) beside them, the batch."""


def measure_inputs(model: Scorer, encoded: Encoded) -> None:
    """Fit the standardisation of each member's inputs to all training features.

    Args:
        model: members without standardised inputs are skipped.
        encoded: returns the training part.

    Raises:
        OptionError: the encoder is trained, which would change the features.
    """
    for member in model.members:
        if member.inputs is None or not member.inputs.standardize:
            continue
        _refuse_trained(model.encoder, option="inputs.standardize")
        member.inputs.fit((member.chosen(some), lengths) for some, lengths, _ in encoded())


def fit_order_blind(model: Scorer, encoded: Encoded) -> None:
    """Fit an order-blind member as the report fits its mean frame, to the means of all examples.

    Args:
        model: one without such a member stays as it is.
        encoded: returns the training part.

    Raises:
        OptionError: the encoder is trained, which would change the features.
    """
    for member in model.members:
        if not isinstance(member, OrderBlind):
            continue
        _refuse_trained(model.encoder, option="order_blind")
        every = [
            (batch.ids, mean(features.float(), lengths).cpu(), batch.labels)
            for features, lengths, batch in encoded()
        ]
        ids, means, labels = (torch.cat(some) for some in zip(*every, strict=True))
        order = ids.argsort()  # as in the report, whatever the batches
        baseline = MeanFrameLogisticRegression()
        baseline.fit(means[order].numpy(), labels[order].numpy(), member.head.out_features)
        member.take(*map(torch.from_numpy, baseline.linear_map()))


def _refuse_trained(encoder: Encoder, *, option: str) -> None:
    if any(parameter.requires_grad for parameter in encoder.parameters()):
        raise OptionError(
            f"--model.{option}=true: the features change while the encoder is trained; freeze it"
            " (--model.encoder.trainable=none), or leave it out"
        )
