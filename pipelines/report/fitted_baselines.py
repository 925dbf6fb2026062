"""Baselines fitted on the training part, and the inputs that each of them takes.

n examples · D features
"""

from typing import Any, NamedTuple

import numpy as np
import torch
from pytorch_lightning import Trainer
from torch import Tensor
from tqdm import tqdm

from data.batches.data_module import SequenceDataModule
from models.heads.pooling import mean
from pipelines.metrics import baselines
from pipelines.processes.ranks import from_all_ranks
from pipelines.tasks.answers import middle
from pipelines.tasks.classification import Classification


class BaselineInputs(NamedTuple):
    """Inputs of the baselines for n examples."""

    texts: list[str]
    """n texts; none where the examples are clips."""
    mean_frames: np.ndarray
    """(n, D)"""
    middle_frames: np.ndarray
    """(n, D)"""

    def of(self, baseline: baselines.Baseline) -> Any:
        """Inputs of one baseline."""
        if isinstance(baseline, baselines.TfidfLogisticRegression):
            return self.texts
        if isinstance(baseline, baselines.SingleFrameLogisticRegression):
            return self.middle_frames
        return self.mean_frames


class Learnt(NamedTuple):
    """Training data of the baselines: n examples of the training part."""

    inputs: BaselineInputs
    labels: np.ndarray
    """(n,) int64"""


def learnt_from(model: Classification, data: SequenceDataModule, trainer: Trainer) -> Learnt:
    """Collect the inputs of the baselines: texts, or the model's features of clips and vectors.

    All ranks call it, and each encodes its share of the training part; what is a part of features
    already is only read.
    """
    train = data.parts["train"]
    if data.source_column == "text":
        none = np.empty((len(train), 0))
        return Learnt(BaselineInputs(train.sources(), none, none), train.labels)
    device = trainer.strategy.root_device
    model = model.to(device).eval()
    ours: list[tuple[Tensor, ...]] = []
    bar = tqdm(
        data.loader(train), desc="Frame features", disable=None if trainer.is_global_zero else True
    )
    with torch.inference_mode():
        for batch in bar:
            if batch.num_sequences:
                features, lengths = model.encode(batch).float(), batch.lengths.to(device)
                found = mean(features, lengths).cpu(), middle(features, lengths).cpu()
                ours.append((batch.ids, *found, batch.labels))
    every = [one for some in from_all_ranks(trainer, ours) for one in some]
    ids, means, middles, labels = (torch.cat(one).numpy() for one in zip(*every, strict=True))
    # The fit does not depend on which rank encoded what.
    _, order = np.unique(ids, return_index=True)
    return Learnt(BaselineInputs([], means[order], middles[order]), labels[order])


def fit_baselines(learnt: Learnt, *, num_classes: int) -> list[baselines.Baseline]:
    """Fit the baselines that suit the data on the training part.

    Logistic regression of many examples of many classes (`MAX_ANSWERS`) is left out; for texts naive
    Bayes takes its place.
    """
    is_large = len(learnt.labels) * num_classes > baselines.MAX_ANSWERS
    kinds: list[type[baselines.Baseline]] = [baselines.Majority]
    if learnt.inputs.texts:
        kinds.append(baselines.TfidfNaiveBayes if is_large else baselines.TfidfLogisticRegression)
    elif not is_large:
        kinds += [baselines.MeanFrameLogisticRegression, baselines.SingleFrameLogisticRegression]
    fitted: list[baselines.Baseline] = []
    for kind in tqdm(kinds, desc="Fitting baselines", disable=None):
        one = kind()
        fitted.append(one.fit(learnt.inputs.of(one), learnt.labels, num_classes))
    return fitted
