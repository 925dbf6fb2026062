import pytest
import torch
from torchmetrics.classification import MulticlassF1Score

from pipelines.metrics.torch_metrics import MacroF1, count_on, counted


def test_macro_f1_by_hand():
    made = MacroF1(4)
    made.update(torch.tensor([0, 0, 1]), torch.tensor([0, 1, 1]))
    made.update(torch.tensor([2]), torch.tensor([1]))
    # Classes 0: 2·1 / (2 + 1), 1: 2·1 / (1 + 3), 2: 0; the last does not occur.
    assert made.compute().item() == pytest.approx((2 / 3 + 1 / 2 + 0) / 3)


def test_it_is_that_of_torchmetrics():
    generator = torch.Generator().manual_seed(0)
    ours, theirs = MacroF1(7), MulticlassF1Score(7, average="macro")
    for count in (1, 5, 40):
        answers = torch.randint(0, 7, (count,), generator=generator)
        labels = torch.randint(0, 6, (count,), generator=generator)
        ours.update(answers, labels)
        theirs.update(answers, labels)
        assert ours.compute().item() == pytest.approx(theirs.compute().item())


def test_what_another_metric_has_counted_is_not_gone_on_from():
    theirs, ours = MulticlassF1Score(3, average="macro"), MacroF1(3)
    theirs.update(torch.arange(3), torch.tensor([0, 0, 0]))
    count_on(ours, counted(theirs))
    ours.update(torch.arange(3), torch.tensor([0, 1, 2]))
    assert ours.compute().item() == 1
