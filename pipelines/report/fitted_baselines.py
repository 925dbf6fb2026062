"""The baselines, fitted on the training part, and what each of them knows of an example.

n examples · D features
"""

from typing import Any, NamedTuple

import numpy as np
import torch
from tqdm import tqdm

from data.batches.data_module import SequenceDataModule
from data.batches.part import Part
from models.heads.pooling import mean
from pipelines.metrics import baselines
from pipelines.tasks.answers import middle
from pipelines.tasks.classification import Classification


class BaselineInputs(NamedTuple):
    """What the baselines know of n examples."""

    texts: list[str]
    """n texts; none where the examples are clips."""
    mean_frames: np.ndarray
    """(n, D)"""
    middle_frames: np.ndarray
    """(n, D)"""

    def of(self, baseline: baselines.Baseline) -> Any:
        """What one of them predicts from."""
        if isinstance(baseline, baselines.TfidfLogisticRegression):
            return self.texts
        if isinstance(baseline, baselines.SingleFrameLogisticRegression):
            return self.middle_frames
        return self.mean_frames


def fit_baselines(model: Classification, data: SequenceDataModule) -> list[baselines.Baseline]:
    """Those that suit the data, fitted on the training part; of clips on the model's features."""
    train = data.parts["train"]
    kinds: list[type[baselines.Baseline]] = [baselines.Majority]
    if data.source_column == "text":
        kinds += [baselines.TfidfLogisticRegression]
        labels = train.labels
        inputs = BaselineInputs(
            train.sources(), np.empty((len(labels), 0)), np.empty((len(labels), 0))
        )
    else:
        kinds += [
            baselines.MeanFrameLogisticRegression,
            baselines.SingleFrameLogisticRegression,
        ]
        mean_frames, middle_frames, labels = frame_features(model, data, train)
        inputs = BaselineInputs([], mean_frames, middle_frames)
    fitted: list[baselines.Baseline] = []
    for kind in tqdm(kinds, desc="Fitting baselines", disable=None):
        one = kind()
        fitted.append(one.fit(inputs.of(one), labels, len(model.classes)))
    return fitted


def frame_features(
    model: Classification, data: SequenceDataModule, part: Part
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of each example the mean encoded step (n, D), the middle one (n, D), and the labels (n,)."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model = model.to(device).eval()
    means, middles, labels = [], [], []
    with torch.inference_mode():
        # By one process alone: it must see all examples and not its share of them.
        for batch in tqdm(data.loader(part, alone=True), desc="Frame features", disable=None):
            if batch.num_sequences:
                lengths = batch.lengths.to(device)
                features = model.encode(batch).float()
                means.append(mean(features, lengths).cpu())
                middles.append(middle(features, lengths).cpu())
                labels.append(batch.labels)
    return torch.cat(means).numpy(), torch.cat(middles).numpy(), torch.cat(labels).numpy()
