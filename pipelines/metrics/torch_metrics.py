"""Metrics of a classifier during training and validation."""

import math
from typing import Any

import torch
from torch import Tensor
from torchmetrics import MeanMetric, Metric, MetricCollection
from torchmetrics.classification import MulticlassAccuracy


def accuracy_and_f1(stage: str, num_classes: int) -> MetricCollection:
    """Accuracy and macro-F1 of a stage, under their names in the log; both take answers (B,)."""
    return MetricCollection(
        {
            f"{stage}/accuracy": MulticlassAccuracy(num_classes, average="micro"),
            f"{stage}/macro_f1": MacroF1(num_classes),
        }
    )


class MacroF1(Metric):
    """Mean of the F1 scores of the classes that occur, as a label or as an answer.

    torchmetrics has it too, but counts pairs of classes at each batch: 800 MB for 10,000 classes.

    Args:
        num_classes: K.
    """

    full_state_update = False
    tp: Tensor
    answered: Tensor
    labelled: Tensor

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        for name in ("tp", "answered", "labelled"):
            zeros = torch.zeros(num_classes, dtype=torch.int64)
            self.add_state(name, zeros, dist_reduce_fx="sum")

    def update(self, answers: Tensor, labels: Tensor) -> None:
        """Count the classes that are answered (B,) and those that are right (B,)."""
        for counts, classes in (
            (self.tp, labels[answers == labels]),
            (self.answered, answers),
            (self.labelled, labels),
        ):
            counts += torch.bincount(classes, minlength=len(counts))

    def compute(self) -> Tensor:
        """A scalar."""
        both = self.answered + self.labelled
        return (2 * self.tp / both)[both > 0].mean()


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
    """Let a metric go on from what `counted` gave; of another kind of metric, it takes nothing."""
    if before["values"].keys() != metric.metric_state.keys():
        return
    for name, value in before["values"].items():
        setattr(metric, name, value.to(metric.device) if isinstance(value, Tensor) else value)
    metric._update_count, metric._computed = before["num_updates"], None
