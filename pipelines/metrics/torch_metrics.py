"""Metrics of a classifier during training and validation."""

import math

from torchmetrics import MeanMetric, MetricCollection
from torchmetrics.classification import MulticlassAccuracy, MulticlassF1Score


def accuracy_and_f1(stage: str, num_classes: int) -> MetricCollection:
    """Accuracy and macro-F1 of a stage, under their names in the log."""
    return MetricCollection(
        {
            f"{stage}/accuracy": MulticlassAccuracy(num_classes, average="micro"),
            f"{stage}/macro_f1": MulticlassF1Score(num_classes, average="macro"),
        }
    )


def mean_loss() -> MeanMetric:
    """Mean over the examples of all ranks; infinite as soon as one loss is NaN.

    By default `MeanMetric` ignores a NaN, and the mean of the others would hide it.
    """
    return MeanMetric(nan_strategy=math.inf)
