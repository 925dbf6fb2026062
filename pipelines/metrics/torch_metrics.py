"""Metrics of a classifier during training and validation."""

import math
from typing import Any

from torch import Tensor
from torchmetrics import MeanMetric, Metric, MetricCollection
from torchmetrics.classification import MulticlassAccuracy, MulticlassF1Score


def accuracy_and_f1(stage: str, num_classes: int) -> MetricCollection:
    """Accuracy and macro-F1 of a stage, under their names in the log."""
    return MetricCollection(
        {
            f"{stage}/accuracy": MulticlassAccuracy(num_classes, average="micro"),
            f"{stage}/macro_f1": MulticlassF1Score(num_classes, average="macro"),
        }
    )


def mean_loss(*, is_of_all_ranks: bool = True) -> MeanMetric:
    """Mean over the examples, of all ranks or of this one; infinite as soon as one loss is NaN.

    By default `MeanMetric` ignores a NaN, and the mean of the others would hide it.
    """
    return MeanMetric(nan_strategy=math.inf, sync_on_compute=is_of_all_ranks)


def counted(metric: Metric) -> dict[str, Any]:
    """Copy what a metric has counted so far."""
    values = {
        name: value.clone() if isinstance(value, Tensor) else list(value)
        for name, value in metric.metric_state.items()
    }
    return {"values": values, "num_updates": metric.update_count}


def count_on(metric: Metric, before: dict[str, Any]) -> None:
    """Let a metric go on from what `counted` gave."""
    for name, value in before["values"].items():
        setattr(metric, name, value.to(metric.device) if isinstance(value, Tensor) else value)
    metric._update_count, metric._computed = before["num_updates"], None
