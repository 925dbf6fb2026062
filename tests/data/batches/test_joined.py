import numpy as np
import pandas
import pytest
import torch

from data.batches.joined import NO_LABEL, JoinedPart
from data.text.data_module import TextDataModule


@pytest.fixture
def data(tmp_path):
    texts = [f"{'good ' * (k % 4 + 1)}film number {k}" for k in range(40)]
    table = pandas.DataFrame({"text": texts, "label": [k % 2 for k in range(40)]})
    table.to_csv(tmp_path / "reviews.csv")
    # All of them again, in capitals, and some more.
    more = [f"another film, {'very ' * k}good" for k in range(5)]
    more = [*map(str.upper, texts), "", *more, "Another <br/> film, good"]
    pandas.DataFrame({"text": more}).to_csv(tmp_path / "more.csv")
    return TextDataModule(path=str(tmp_path / "reviews.csv"), unlabelled=str(tmp_path / "more.csv"))


def test_texts_that_are_measured_on_are_not_learnt_from(data):
    num_measured = len(data.parts["val"]) + len(data.parts["test"])
    assert len(data.parts["unlabelled"]) == 40 + 5 - num_measured  # the blank one aside
    assert data.notes()["unlabelled"] == {
        "texts": 47, "withheld": num_measured, "repeated": 1,
    }  # fmt: skip
    measured = data.parts["val"].sources() + data.parts["test"].sources()
    assert not {text.upper() for text in measured} & set(data.parts["unlabelled"].sources())


def test_every_example_of_both_parts_is_there_once_an_epoch(data):
    train, others = data.parts["train"], data.parts["unlabelled"]
    everything = np.arange(len(others))
    joined = JoinedPart(train, others, chosen=everything)
    data.connect(learnt=joined)
    sources = train.sources() + others.sources()
    assert joined.sources() == sources
    seen = {}
    for batch in data.train_dataloader():
        for steps, label, k in zip(
            batch.steps.split(batch.lengths.tolist()), batch.labels, batch.ids, strict=True
        ):
            assert int(k) not in seen
            seen[int(k)] = (int(label), steps)
    assert len(seen) == len(train) + len(others)
    for position, k in enumerate(train.ids.tolist()):
        label, steps = seen[k]
        assert label == train.labels[position]
        assert torch.equal(steps, train.__getitems__([position]).steps)
    for position in range(len(others)):
        label, steps = seen[joined.first_other + position]
        assert label == NO_LABEL
        assert torch.equal(steps, others.__getitems__([position]).steps)


def test_any_positions_in_any_order(data):
    train, others = data.parts["train"], data.parts["unlabelled"]
    joined = JoinedPart(train, others, chosen=np.arange(1, len(others)))
    num = len(train)
    batch = joined.__getitems__([num + 2, 1, num])
    assert batch.ids.tolist() == [train.ids[1], joined.first_other + 2, joined.first_other]
    assert batch.lengths.tolist() == [train.lengths[1], others.lengths[3], others.lengths[1]]
    assert joined.__getitems__([]).num_sequences == 0
    assert joined.sources([num, 0]) == [train.sources([0])[0], others.sources([1])[0]]
    np.testing.assert_array_equal(joined.lengths[num:], others.lengths[1:])
