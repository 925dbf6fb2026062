"""Ranks with batches of several sizes learn what one process learns of all their examples."""

from types import SimpleNamespace

import pytest
import torch

from data.batches.ragged import collate, concatenate
from pipelines.tasks import task as task_module
from tests.pipelines.conftest import word_classifier

BATCHES = [
    collate(torch.arange(9), lengths=[4, 5], labels=[0, 1], ids=[0, 1]),
    collate(torch.arange(3), lengths=[3], labels=[1], ids=[2]),
    collate(torch.arange(6), lengths=[2, 1, 3], labels=[0, 0, 1], ids=[3, 4, 5]),
]


def gradients(batch, monkeypatch, *, sizes):
    """Compute the gradients that a rank hands to DDP, beside ranks with batches of these sizes."""
    model = word_classifier()
    trainer = SimpleNamespace(world_size=len(sizes))
    monkeypatch.setattr(type(model), "trainer", property(lambda self: trainer), raising=False)
    monkeypatch.setattr(model, "log", lambda *args, **options: None)
    monkeypatch.setattr(task_module, "sum_of_ranks", lambda trainer, ours: [float(sum(sizes))])
    model.training_step(batch, 0).backward()
    return [parameter.grad for parameter in model.trained()]


@pytest.mark.parametrize("count", [2, 3])
def test_the_mean_over_ranks_is_that_over_examples(monkeypatch, count):
    batches = BATCHES[:count]
    sizes = [batch.num_sequences for batch in batches]
    whole = gradients(concatenate(batches), monkeypatch, sizes=[sum(sizes)])
    ranks = [gradients(batch, monkeypatch, sizes=sizes) for batch in batches]
    for due, *ours in zip(whole, *ranks, strict=True):
        torch.testing.assert_close(torch.stack(ours).mean(0), due, rtol=1e-5, atol=1e-7)
