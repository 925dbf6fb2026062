import numpy as np
import pytest

from data.batches.plan import BatchPlan

LENGTHS = np.random.default_rng(0).integers(1, 400, 1000)


def plan(**options):
    return BatchPlan(LENGTHS, **{"steps_per_batch": 2000, "shuffle": True, **options})


@pytest.mark.parametrize("num_ranks", [1, 2, 3, 8])
@pytest.mark.parametrize("shuffle", [True, False])
def test_every_example_once_and_ranks_take_the_same_number_of_steps(num_ranks, shuffle):
    plans = [plan(num_ranks=num_ranks, rank=rank, shuffle=shuffle) for rank in range(num_ranks)]
    for epoch in range(3):
        batches = []
        for one in plans:
            one.set_epoch(epoch)
            mine = list(one)
            assert len(mine) == len(one) == len(plans[0])
            batches += mine
        assert sorted(k for batch in batches for k in batch) == list(range(1000))
        for batch in filter(None, batches):
            assert len(batch) * LENGTHS[batch].max() <= 2000


@pytest.mark.parametrize("num_ranks", [2, 3, 8])
def test_what_is_measured_comes_in_the_batches_of_a_single_process(num_ranks):
    options = {"shuffle": False, "num_ranks": num_ranks}
    shares = [list(plan(**options, rank=rank)) for rank in range(num_ranks)]
    dealt = [batch for step in zip(*shares, strict=True) for batch in step]
    alone = list(plan(shuffle=False))
    assert dealt[: len(alone)] == alone
    assert not any(dealt[len(alone) :])


def test_little_padding():
    batches = list(plan())
    padded = sum(len(batch) * LENGTHS[batch].max() for batch in batches)
    assert LENGTHS.sum() / padded > 0.9


def test_one_seed_decides_and_epochs_differ():
    def epoch(number, seed=0):
        one = plan(seed=seed)
        one.set_epoch(number)
        return list(one)

    assert epoch(1) == epoch(1)
    assert epoch(1) != epoch(2)
    assert epoch(1) != epoch(1, seed=1)
    assert {frozenset(b) for b in epoch(1)} != {frozenset(b) for b in epoch(2)}


def test_longer_than_the_budget_is_a_batch_alone():
    batches = list(BatchPlan([5000, 3, 4], steps_per_batch=10, shuffle=False))
    assert batches == [[0], [2, 1]]


def test_fewer_examples_than_ranks_leave_ranks_an_empty_batch():
    plans = [
        BatchPlan([4], steps_per_batch=10, shuffle=True, num_ranks=3, rank=r) for r in range(3)
    ]
    assert sorted(batch for one in plans for batch in one) == [[], [], [0]]
