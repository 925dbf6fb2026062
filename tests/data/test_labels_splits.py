import numpy as np
import pytest

from data.errors import InputError
from data.labels import encode_labels
from data.splits import split


def test_names_by_alphabet_numbers_by_size():
    assert encode_labels(["b", "a", "b"], classes=None, where="x") == ([1, 0, 1], ["a", "b"])
    assert encode_labels([10, 9, 10.0], classes=None, where="x") == ([1, 0, 1], ["9", "10"])


def test_indices_into_known_classes():
    classes = ["negative", "positive"]
    assert encode_labels([1, "0"], classes=classes, where="x")[0] == [1, 0]
    assert encode_labels(["positive"], classes=classes, where="x")[0] == [1]


@pytest.mark.parametrize(
    ("raw", "classes", "says"),
    [
        (["a", "a"], None, "only the class 'a'"),
        (["a", None], None, "row 1 has no label"),
        (["a", "neutral"], ["a", "b"], "row 1 has the unknown label 'neutral': allowed are a, b"),
    ],
)
def test_bad_labels_are_named(raw, classes, says):
    with pytest.raises(InputError, match=says):
        encode_labels(raw, classes=classes, where="reviews.csv, column 'label'")


def divide(labels, named=None):
    return split(
        labels, named, classes=["a", "b"], val_share=0.1, test_share=0.2, seed=0, where="x.csv"
    )


def test_stratified_without_names():
    labels = [0] * 50 + [1] * 10
    parts, reported = divide(labels)
    assert reported == "test"
    assert np.array_equal(np.sort(np.concatenate(list(parts.values()))), np.arange(60))
    for part, counts in {"train": [35, 7], "val": [5, 1], "test": [10, 2]}.items():
        assert np.bincount(np.take(labels, parts[part])).tolist() == counts


def test_the_only_other_named_part_is_reported_and_not_chosen_on():
    parts, reported = divide([0, 1] * 20, ["train"] * 30 + ["validation"] * 10)
    assert reported == "val"
    assert parts["test"].tolist() == list(range(30, 40))
    assert set(parts["val"]) <= set(range(30))
    assert len(parts["val"]) == 4  # 10 % of 15, rounded, in each class


def test_named_parts_stand():
    parts, _ = divide([0, 1] * 3, ["train", "train", "dev", "dev", "test", "test"])
    assert [parts[k].tolist() for k in ("train", "val", "test")] == [[0, 1], [2, 3], [4, 5]]


@pytest.mark.parametrize(
    ("labels", "named", "says"),
    [
        ([0, 0, 0, 1, 1], None, "class 'b' has too few"),
        ([0, 1], ["train", "later"], "unknown part 'later'"),
        ([0, 1], ["test", "test"], "no row is named 'train'"),
    ],
)
def test_impossible_splits(labels, named, says):
    with pytest.raises(InputError, match=says):
        divide(labels, named)
