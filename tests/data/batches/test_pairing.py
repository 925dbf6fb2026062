from itertools import chain, islice

import numpy as np
import pytest
import torch

from data.batches.data_module import Part
from data.batches.pairing import PairedLoader
from data.batches.plan import BatchLoader, BatchPlan
from data.batches.ragged import collate


class Numbers(Part):
    def __init__(self, count, first):
        self.ids = np.arange(first, first + count)
        self.labels = np.zeros(count, np.int64)
        self.lengths = np.ones(count, np.int64)

    def __getitems__(self, positions):
        ids = self.ids[list(positions)]
        return collate(
            torch.from_numpy(ids), lengths=[1] * len(ids), labels=[0] * len(ids), ids=ids
        )


def loader(count, first):
    part = Numbers(count, first)
    return BatchLoader(part, BatchPlan(part.lengths, steps_per_batch=2, shuffle=True, seed=1))


def paired():
    return PairedLoader(loader(6, 0), loader(8, 100))


def ids(pairs):
    return [(one.labelled.ids.tolist(), one.unlabelled.ids.tolist()) for one in pairs]


def epochs(pairs, num):
    seen = []
    for epoch in range(num):
        pairs.sampler.set_epoch(epoch)
        seen += ids(pairs)
    return seen


def test_an_epoch_is_of_labelled_batches_and_the_others_go_round():
    pairs = paired()
    assert len(pairs) == 3
    seen = epochs(pairs, 4)
    assert len(seen) == 12
    for epoch in range(4):
        labelled = chain.from_iterable(one for one, _ in seen[3 * epoch : 3 * epoch + 3])
        assert sorted(labelled) == list(range(6))
    rounds = [list(chain(*(one for _, one in seen[4 * k : 4 * k + 4]))) for k in range(3)]
    assert all(sorted(one) == list(range(100, 108)) for one in rounds)
    assert rounds[0] != rounds[1]


@pytest.mark.parametrize("place", [1, 4, 5, 8])
def test_a_resumed_run_reads_on_in_both(place):
    expected = epochs(paired(), 4)
    first, num_done = paired(), 0
    epoch = 0
    while num_done < place:
        first.sampler.set_epoch(epoch)
        num_done += len(list(islice(iter(first), min(3, place - num_done))))
        epoch += 1
    state = first.state_dict()
    second = paired()
    second.load_state_dict(state)
    resumed = []
    for epoch in range(place // 3, 4):
        second.sampler.set_epoch(epoch)
        resumed += ids(second)
    assert resumed == expected[place:]
