from types import SimpleNamespace

import pytest
import torch

from pipelines.training.schedules import cosine, one_cycle, planned_steps, scheduled


def trainer(num_batches=10, **options):
    given = {
        "datamodule": SimpleNamespace(train_dataloader=lambda: range(num_batches)),
        "limit_train_batches": 1.0,
        "accumulate_grad_batches": 1,
        "max_epochs": 2,
        "max_steps": -1,
    }
    return SimpleNamespace(**given | options)


def rates(schedule, num_steps, **options):
    groups = [{"params": [torch.nn.Parameter(torch.zeros(1))]} for _ in range(2)]
    made = scheduled(torch.optim.SGD(groups, lr=2.0), trainer(), schedule=schedule, **options)
    optimizer, scheduler = made["optimizer"], made["lr_scheduler"]["scheduler"]
    seen = []
    for _ in range(num_steps):
        seen.append([group["lr"] for group in optimizer.param_groups])
        optimizer.step()
        scheduler.step()
    return torch.tensor(seen)


def test_steps_of_a_run():
    assert planned_steps(trainer()) == 20
    assert planned_steps(trainer(accumulate_grad_batches=3)) == 8
    assert planned_steps(trainer(limit_train_batches=0.5)) == 10
    assert planned_steps(trainer(limit_train_batches=4)) == 8
    assert planned_steps(trainer(max_steps=7)) == 7


@pytest.mark.parametrize("shape", [one_cycle, cosine])
def test_up_to_the_highest_rate_and_down_to_nothing(shape):
    values = [shape(step, total=20, warmup=5) for step in range(21)]
    assert values[5] == 1
    assert values[20] == pytest.approx(0)
    assert 0 < values[0] < 0.2
    assert values[:6] == sorted(values[:6])
    assert values[5:] == sorted(values[5:], reverse=True)
    # Half way down at half of the time.
    assert shape(10, total=20, warmup=0) == pytest.approx(0.5)


def test_a_straight_rise():
    assert [cosine(step, total=20, warmup=3) for step in range(3)] == [0.25, 0.5, 0.75]


def test_a_group_that_sleeps_joins_the_others_plan():
    seen = rates("cosine", 20, warmup_share=0.25, asleep_steps=[12, 0])
    assert (seen[:12, 0] == 0).all()
    assert torch.equal(seen[12:, 0], seen[12:, 1])
    assert seen[:, 1].max() == 2
    assert (rates("constant", 5, warmup_share=0.1, asleep_steps=[3, 0])[3:] == 2).all()


def test_a_constant_rate_needs_no_schedule():
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=2.0)
    assert scheduled(optimizer, trainer(), schedule="constant", warmup_share=0.1) is optimizer
