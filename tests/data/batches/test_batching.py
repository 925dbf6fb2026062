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
        for batch in batches:
            assert len(batch) * LENGTHS[batch].max() <= 2000


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


@pytest.mark.parametrize("num_ranks", [1, 3])
def test_balance_gives_every_class_the_same_share_and_leaves_nobody_out(num_ranks):
    labels = np.array([0] * 700 + [1] * 290 + [2] * 10)
    plans = [plan(num_ranks=num_ranks, rank=rank, labels=labels) for rank in range(num_ranks)]
    for epoch in range(2):
        drawn = []
        for one in plans:
            one.set_epoch(epoch)
            batches = list(one)
            assert len(batches) == len(plans[0])
            drawn += [k for batch in batches for k in batch]
        assert np.bincount(labels[drawn]).tolist() == [700, 700, 700]
        times = np.bincount(drawn, minlength=1000)
        assert set(times[:700]) == {1}
        assert set(times[700:990]) == {2, 3}
        assert set(times[990:]) == {70}


def test_balance_is_drawn_by_the_seed():
    labels = np.array([0] * 600 + [1] * 400)
    drawn = [sorted(k for batch in plan(labels=labels, seed=s) for k in batch) for s in (0, 0, 1)]
    assert drawn[0] == drawn[1] != drawn[2]
