"""What is followed while a classifier learns."""

import math

from torchmetrics import MeanMetric, MetricCollection
from torchmetrics.classification import MulticlassAccuracy, MulticlassF1Score


def accuracy_and_f1(stage: str, num_classes: int) -> MetricCollection:
    """Accuracy and macro-F1 of a stage, under the names they are logged by."""
    return MetricCollection(
        {
            f"{stage}/accuracy": MulticlassAccuracy(num_classes, average="micro"),
            f"{stage}/macro_f1": MulticlassF1Score(num_classes, average="macro"),
        }
    )


def mean_loss() -> MeanMetric:
    """A mean over the examples of all ranks; infinite as soon as one loss is NaN.

    By itself the metric leaves a NaN out, and calls the mean of the others the loss.
    """
    return MeanMetric(nan_strategy=math.inf)
