"""What is followed while a classifier learns."""

from torchmetrics import MetricCollection
from torchmetrics.classification import MulticlassAccuracy, MulticlassF1Score


def accuracy_and_f1(stage: str, num_classes: int) -> MetricCollection:
    """Accuracy and macro-F1 of a stage, under the names they are logged by."""
    return MetricCollection(
        {
            f"{stage}/accuracy": MulticlassAccuracy(num_classes, average="micro"),
            f"{stage}/macro_f1": MulticlassF1Score(num_classes, average="macro"),
        }
    )
