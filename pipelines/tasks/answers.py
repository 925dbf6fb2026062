"""Record of a model's answers in a test, kept until the report.

B examples · N steps in the batch · D features · K classes
"""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from pytorch_lightning import Trainer
from torch import Tensor

from data.batches.part import Part
from data.batches.ragged import RaggedBatch, Skipped, select, steps_of
from models.heads.pooling import mean
from pipelines.metrics.calibration import NOT_FINITE
from pipelines.metrics.order import answers_reordered, chosen_ids
from pipelines.processes.ranks import from_all_ranks


class Answers(NamedTuple):
    """Answers to B examples, on the CPU."""

    ids: Tensor
    """(B,) int64"""
    labels: Tensor
    """(B,) int64"""
    lengths: Tensor
    """(B,) int64: the steps that were read."""
    scores: Tensor
    """(B, K) float64, before calibration"""
    mean_features: Tensor
    """(B, D) the mean of each sequence's encoded steps: what a model blind to order could know."""
    middle_features: Tensor
    """(B, D) the encoded step in the middle of each sequence: what a single frame tells."""


class Reordered(NamedTuple):
    """Answers to some examples read in other orders."""

    ids: Tensor
    """(b,) int64"""
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
        calibrated: scores (B, K) and lengths (B,) → the scores (B, K) whose largest is the answer's, on
            the CPU.
        looks_back: whether the encoder's features of a step depend on those before it.
    """

    __test__ = False  # whatever its name, it is no test

    def __init__(
        self,
        part: Part,
        *,
        calibrated: Callable[[Tensor, Tensor], Tensor],
        looks_back: bool = False,
    ) -> None:
        self._part, self._calibrated, self._looks_back = part, calibrated, looks_back
        #: examples whose scores are not finite: no answers
        self.skipped: list[Skipped] = []
        self._reorder_ids = torch.from_numpy(np.sort(chosen_ids(part.ids)))
        self._answers: list[Answers] = []
        self._reordered: list[Reordered] = []

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
            scores: (b, K) those that are finite, calibrated.
            labels: (b,) of these.
            Both are on the CPU.
        """
        is_finite = scores.isfinite().all(1).cpu()
        if not is_finite.all():
            self._skip(batch.ids.cpu()[~is_finite])
            kept = is_finite.nonzero()[:, 0]
            features, scores = features[steps_of(batch, kept)], scores[kept.to(scores.device)]
            batch = select(batch, kept)
            if not len(kept):
                return scores.cpu(), batch.labels.cpu()
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
        answering = self._calibrated(scores, batch.lengths)
        chosen = torch.isin(batch.ids.cpu(), self._reorder_ids).nonzero()[:, 0]
        if len(chosen):
            # A step that says the same wherever it stands is not encoded again. One whose encoder
            # looks ahead stays as the whole sequence made it, whether features are kept or not.
            light = batch
            if not self._looks_back:
                light = batch._replace(steps=features, is_encoded=True)
            # Each batch by itself: which examples are read together must not depend on the ranks.
            otherwise = answers_reordered(
                select(light, chosen),
                encode=encode,
                read=lambda features, lengths: self._calibrated(read(features, lengths), lengths),
            )
            whole = answering.argmax(1)[chosen]
            self._reordered.append(
                Reordered(batch.ids.cpu()[chosen], batch.labels.cpu()[chosen], whole, otherwise)
            )
        return answering, batch.labels.cpu()

    def _skip(self, ids: Tensor) -> None:
        positions = np.flatnonzero(np.isin(self._part.ids, ids)).tolist()
        sources = self._part.sources(positions)
        self.skipped += [
            Skipped(int(self._part.ids[position]), source, NOT_FINITE)
            for position, source in zip(positions, sources, strict=True)
        ]

    def of_all_ranks(self, trainer: Trainer) -> tuple[Answers | None, Reordered | None]:
        """Everything in the order of the ids, which no number of ranks changes; None: there is none."""
        everyone = from_all_ranks(trainer, (self._answers, self._reordered))
        answers = [one for ours, _ in everyone for one in ours]
        reordered = [one for _, ours in everyone for one in ours]
        return (
            Answers(*by_id(answers)) if answers else None,
            Reordered(*by_id(reordered)) if reordered else None,
        )


def by_id(records: Sequence[Sequence[Tensor]]) -> list[Tensor]:
    """Concatenate records of some examples each, field by field, and sort by the first field: ids."""
    fields = [torch.cat(field) for field in zip(*records, strict=True)]
    order = fields[0].argsort()
    return [field[order] for field in fields]


def skipped_of_all_ranks(trainer: Trainer, ours: Iterable[Skipped]) -> dict[int, Skipped]:
    """The examples that any process has skipped, by their ids, in the order of these."""
    everyone = from_all_ranks(trainer, list(ours))
    return {one.id: one for one in sorted(one for some in everyone for one in some)}


def middle(features: Tensor, lengths: Tensor) -> Tensor:
    """Features (N, D) and lengths (B,) → (B, D): of each sequence the step in its middle."""
    return features[lengths.cumsum(0) - lengths + lengths // 2]
