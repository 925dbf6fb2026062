from types import SimpleNamespace

import numpy as np
import pytest
import torch

from data.batches.ragged import collate, select
from models.encoders.ngrams import windows
from pipelines.metrics.order import (
    MOST_EXAMPLES,
    READINGS,
    answers_reordered,
    chosen_ids,
    describe_order,
)
from pipelines.tasks.answers import TestRecord


def batch_of(*sequences):
    lengths = [len(s) for s in sequences]
    ids = range(10, 10 + len(lengths))
    steps = torch.tensor([token for s in sequences for token in s])
    return collate(steps, lengths=lengths, labels=[0] * len(lengths), ids=ids)


def as_they_are(batch):
    return batch.steps[:, None].float()


def seen(batch, chosen, *, encode):
    """The features of each reading, one list a sequence."""
    readings = []

    def read(features, lengths):
        readings.append([part.tolist() for part in features.split(lengths.tolist())])
        return torch.zeros(len(lengths), 2)

    batch = select(batch, torch.tensor(chosen))
    answers_reordered(batch, encode=encode, read=read)
    return dict(zip(READINGS, readings, strict=True))


def test_the_readings_by_hand():
    found = seen(batch_of([1, 2, 3, 4, 5], [6], [7, 8]), [0, 2], encode=as_they_are)
    assert found["first_half"] == [[[1], [2]], [[7]]]
    assert found["last_step"] == [[[5]], [[8]]]
    assert sorted(x for (x,) in found["shuffled"][0]) == [1, 2, 3, 4, 5]


def test_the_shuffle_depends_on_the_example_alone():
    alone = seen(batch_of(list(range(30))), [0], encode=as_they_are)["shuffled"][0]
    both = seen(batch_of(list(range(30)), [3, 4]), [0, 1], encode=as_they_are)
    with_others = both["shuffled"][0]
    assert alone == with_others
    assert alone != [[k] for k in range(30)]


def test_an_encoder_that_looks_back_sees_what_stands_there_after_the_shuffle():
    def encode(batch):
        return windows(batch.steps, batch.lengths, size=2)

    found = seen(batch_of(list(range(1, 9)), [9, 10]), [0, 1], encode=encode)
    pairs = found["shuffled"][0]
    assert pairs[0][1] == -1
    assert [before for _, before in pairs[1:]] == [token for token, _ in pairs[:-1]]
    assert found["last_step"][0] == [[8, -1]]


def test_as_many_as_say_enough():
    assert chosen_ids(np.arange(5)).tolist() == [0, 1, 2, 3, 4]
    chosen = chosen_ids(np.arange(10_000) * 3)
    assert len(set(chosen.tolist())) == MOST_EXAMPLES
    assert (chosen % 3 == 0).all()
    assert chosen.tolist() == chosen_ids(np.arange(10_000) * 3).tolist()


def test_what_an_order_loses_has_an_interval():
    labels = np.tile([0, 1], 50)
    shuffled = np.where(np.arange(100) < 20, 1 - labels, labels)
    otherwise = np.stack([shuffled, labels, 1 - labels], axis=1)
    found = describe_order(labels, labels, otherwise)
    assert [found[name] for name in ("whole", *READINGS)] == [1, 0.8, 1, 0]
    value, low, high = found["against_whole"]["shuffled"]
    assert value == pytest.approx(-0.2)
    assert -0.29 < low < value < high < -0.11
    assert found["against_whole"]["first_half"] == [0, 0, 0]


def test_readings_are_recorded_by_id_whatever_the_order_of_batches():
    generator = torch.Generator().manual_seed(0)
    weights = torch.randn(3, 2, generator=generator)

    def encode(batch):
        features = torch.randn(10, 3, generator=torch.Generator().manual_seed(1))
        return batch.steps if batch.is_encoded else features[batch.steps]

    def read(features, lengths):
        # A mean that says more of what comes late.
        parts = features.split(lengths.tolist())
        return (
            torch.stack([(p * torch.arange(1, len(p) + 1)[:, None]).mean(0) for p in parts])
            @ weights
        )

    def calibrated(scores, lengths):
        # Enough to change answers, of short sequences more than of long ones.
        return scores + torch.tensor([2.0, 0.0]) / lengths[:, None]

    def read_calibrated(features, lengths):
        return calibrated(read(features, lengths), lengths)

    record = TestRecord(SimpleNamespace(ids=np.array([10, 12, 13])), calibrated=calibrated)
    sequences = [[1, 2, 3, 4, 5], [6], [7, 8, 9], [9, 1, 2, 4]]
    whole = batch_of(*sequences)
    for first in (2, 0):
        batch = select(whole, torch.tensor([first, first + 1]))
        features = encode(batch)
        scores = read(features, batch.lengths)
        given, _ = record.add(batch, features, scores, encode=encode, read=read)
        assert torch.equal(given, calibrated(scores, batch.lengths))
    answers, found = record.of_all_ranks(SimpleNamespace(world_size=1))
    assert answers.ids.tolist() == [10, 11, 12, 13]
    assert len(found.labels) == 3
    chosen = select(whole, torch.tensor([0, 2, 3]))
    features = encode(chosen)
    expected = answers_reordered(chosen, encode=encode, read=read_calibrated)
    assert torch.equal(found.otherwise, expected)
    assert not torch.equal(expected, answers_reordered(chosen, encode=encode, read=read))
    assert torch.equal(found.whole, read_calibrated(features, chosen.lengths).argmax(1))
    # The report keeps the scores from before calibration.
    assert torch.equal(answers.scores.float()[[0, 2, 3]], read(features, chosen.lengths))
