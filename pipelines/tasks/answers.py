"""Record of a model's answers in a test, kept until the report.

B examples · N steps in the batch · D features · K classes
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from pytorch_lightning import Trainer
from torch import Tensor

from data.batches.part import Part
from data.batches.ragged import RaggedBatch, Skipped, concatenate, select, steps_of
from models.heads.pooling import mean
from pipelines.metrics.calibration import NOT_FINITE
from pipelines.metrics.order import answers_reordered, chosen_ids
from pipelines.runtime.ranks import from_all_ranks

# As many steps are read in other orders together.
_STEPS_AT_ONCE = 8192


class Answers(NamedTuple):
    """Answers to B examples, on the CPU."""

    ids: Tensor
    """(B,) int64"""
    labels: Tensor
    """(B,) int64"""
    lengths: Tensor
    """(B,) int64: the steps that were read."""
    scores: Tensor
    """(B, K) float64"""
    mean_features: Tensor
    """(B, D) the mean of each sequence's encoded steps: what a model blind to order could know."""
    middle_features: Tensor
    """(B, D) the encoded step in the middle of each sequence: what a single frame tells."""


class Reordered(NamedTuple):
    """Answers to some examples read in other orders."""

    labels: Tensor
    """(b,) int64"""
    whole: Tensor
    """(b,) int64: the class it answers to the sequence as it is."""
    otherwise: Tensor
    """(b, readings) int64: the classes of `order.READINGS`."""


class TestRecord:
    """Collects the answers of a test, batch by batch.

    Args:
        part: the examples that are tested; some of them are read in other orders too.
        looks_back: whether the encoder's features of a step depend on those before it.
    """

    __test__ = False  # whatever its name, it is no test

    def __init__(self, part: Part, *, looks_back: bool = False) -> None:
        self._part, self._looks_back = part, looks_back
        #: examples whose scores are not finite: no answers
        self.skipped: list[Skipped] = []
        self._reorder_ids = torch.from_numpy(np.sort(chosen_ids(part.ids)))
        self._answers: list[Answers] = []
        self._reordered: list[Reordered] = []
        #: those to be read in other orders, which wait for more
        self._waiting: list[RaggedBatch] = []
        self._whole: list[Tensor] = []
        self._read_again: Callable[[RaggedBatch], Tensor]

    def add(
        self,
        batch: RaggedBatch,
        features: Tensor,
        scores: Tensor,
        *,
        encode: Callable[[RaggedBatch], Tensor],
        read: Callable[[Tensor, Tensor], Tensor],
    ) -> tuple[Tensor, Tensor]:
        """Take one batch: its features (N, D) and scores (B, K), and what gave them.

        Returns:
            scores: (b, K) those that are finite.
            labels: (b,) of these.
        """
        is_finite = scores.isfinite().all(1).cpu()
        if not is_finite.all():
            self._skip(batch.ids.cpu()[~is_finite])
            kept = is_finite.nonzero()[:, 0]
            features, scores = features[steps_of(batch, kept)], scores[kept.to(scores.device)]
            batch = select(batch, kept)
            if not len(kept):
                return scores, batch.labels
        self._answers.append(
            Answers(
                batch.ids.cpu(),
                batch.labels.cpu(),
                batch.lengths.cpu(),
                scores.double().cpu(),
                mean(features.float(), batch.lengths).cpu(),
                middle(features.float(), batch.lengths).cpu(),
            )
        )
        chosen = torch.isin(batch.ids.cpu(), self._reorder_ids).nonzero()[:, 0]
        if len(chosen):
            # A step that says the same wherever it stands is not encoded again.
            light = batch
            if not self._looks_back:
                light = batch._replace(steps=features, is_encoded=True)
            self._waiting.append(select(light, chosen))
            self._whole.append(scores.argmax(1).cpu()[chosen])
            self._read_again = partial(answers_reordered, encode=encode, read=read)
            if sum(len(waiting.steps) for waiting in self._waiting) >= _STEPS_AT_ONCE:
                self._reorder()
        return scores, batch.labels

    def _skip(self, ids: Tensor) -> None:
        positions = np.flatnonzero(np.isin(self._part.ids, ids)).tolist()
        sources = self._part.sources(positions)
        self.skipped += [
            Skipped(int(self._part.ids[position]), source, NOT_FINITE)
            for position, source in zip(positions, sources, strict=True)
        ]

    def _reorder(self) -> None:
        """Read what waits in other orders: a few together, since one takes as long as many."""
        if not self._waiting:
            return
        together = concatenate(self._waiting)
        otherwise = self._read_again(together)
        whole = torch.cat(self._whole)
        self._reordered.append(Reordered(together.labels.cpu(), whole, otherwise))
        self._waiting, self._whole = [], []

    def of_all_ranks(self, trainer: Trainer) -> tuple[Answers | None, Reordered | None]:
        """Everything, put together; None where there is nothing."""
        self._reorder()
        everyone = from_all_ranks(trainer, (self._answers, self._reordered))
        answers = [one for ours, _ in everyone for one in ours]
        reordered = [one for _, ours in everyone for one in ours]
        return (
            Answers(*map(torch.cat, zip(*answers, strict=True))) if answers else None,
            Reordered(*map(torch.cat, zip(*reordered, strict=True))) if reordered else None,
        )


def middle(features: Tensor, lengths: Tensor) -> Tensor:
    """Features (N, D) and lengths (B,) → (B, D): of each sequence the step in its middle."""
    return features[lengths.cumsum(0) - lengths + lengths // 2]
