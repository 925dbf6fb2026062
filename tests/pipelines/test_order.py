import numpy as np
import torch

from data.batch import collate
from data.text_part import windows
from pipelines.order import MOST_EXAMPLES, READINGS, answers_reordered, chosen_ids


def batch_of(*sequences, ngrams=1):
    lengths = np.array([len(s) for s in sequences])
    steps = windows(np.concatenate([np.array(s) for s in sequences]), lengths, ngrams=ngrams)
    ids = range(10, 10 + len(lengths))
    return collate(torch.from_numpy(steps), lengths=lengths, labels=[0] * len(lengths), ids=ids)


def seen(batch, chosen, *, encode):
    """The features of each reading, one list a sequence."""
    readings = []

    def read(features, lengths):
        readings.append([part.tolist() for part in features.split(lengths.tolist())])
        return torch.zeros(len(lengths), 2)

    answers_reordered(batch, encode(batch.steps), torch.tensor(chosen), encode=encode, read=read)
    return dict(zip(READINGS, readings, strict=True))


def test_the_readings_by_hand():
    found = seen(
        batch_of([1, 2, 3, 4, 5], [6], [7, 8]), [0, 2], encode=lambda t: t[:, None].float()
    )
    assert found["first_half"] == [[[1], [2]], [[7]]]
    assert found["last_step"] == [[[5]], [[8]]]
    assert sorted(x for (x,) in found["shuffled"][0]) == [1, 2, 3, 4, 5]


def test_the_shuffle_depends_on_the_example_alone():
    encode = lambda t: t[:, None].float()  # noqa: E731
    alone = seen(batch_of(list(range(30))), [0], encode=encode)["shuffled"][0]
    with_others = seen(batch_of(list(range(30)), [3, 4]), [0, 1], encode=encode)["shuffled"][0]
    assert alone == with_others
    assert alone != [[k] for k in range(30)]


def test_ngrams_hold_what_stands_before_them_after_the_shuffle():
    found = seen(batch_of(list(range(1, 9)), ngrams=2), [0], encode=lambda t: t.float())
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
