import logging

import numpy as np
import pytest

from data.files.errors import InputError
from data.splits.labels import encode_labels
from data.splits.parts import split


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


def divide(labels, named=None, *, groups=None, classes=("a", "b"), seed=0, **shares):
    shares = {"val_share": 0.1, "test_share": 0.2} | shares
    return split(labels, named, groups=groups, classes=classes, seed=seed, where="x.csv", **shares)


def counts_of(rows, labels):
    return np.bincount(np.take(labels, rows), minlength=max(labels) + 1).tolist()


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


def test_validate_is_a_name_of_val():
    parts, _ = divide([0, 1] * 3, ["train", "train", "validate", "validate", "test", "test"])
    assert parts["val"].tolist() == [2, 3]


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


@pytest.mark.parametrize("groups", [[None] * 60, list(range(60)), np.arange(60)])
def test_groups_of_one_divide_as_no_groups_do(groups):
    labels = [0] * 50 + [1] * 10
    with_groups, without = divide(labels, groups=groups)[0], divide(labels)[0]
    assert all(np.array_equal(with_groups[part], without[part]) for part in without)
    with pytest.raises(InputError, match="class 'b' has too few"):
        divide([0, 0, 0, 1, 1], groups=[None] * 5)


@pytest.mark.parametrize("seed", range(5))
def test_films_stay_whole_and_shares_of_classes_are_met(seed):
    random = np.random.default_rng(seed)
    films = [(k, size) for k in range(4) for size in random.integers(4, 8, 20)]
    labels = [k for k, size in films for _ in range(size)]
    groups = [f"film{film}" for film, (_, size) in enumerate(films) for _ in range(size)]
    parts, _ = divide(labels, groups=groups, classes="abcd", seed=seed)
    assert np.array_equal(np.sort(np.concatenate(list(parts.values()))), np.arange(len(labels)))
    seen = [{groups[row] for row in rows} for rows in parts.values()]
    assert len(set.union(*seen)) == sum(map(len, seen)) == 80
    total = np.bincount(labels)
    for part, share in (("test", 0.2), ("val", 0.1)):
        # A film has up to 7 clips: half of one is as near as one can count on.
        assert np.abs(counts_of(parts[part], labels) - share * total).max() <= 3.5


def test_the_seed_alone_decides():
    labels, groups = [0, 1] * 40, [k // 4 for k in range(80)]
    one, again, other = (divide(labels, groups=groups, seed=seed)[0] for seed in (3, 3, 4))
    assert all(np.array_equal(one[part], again[part]) for part in one)
    assert any(not np.array_equal(one[part], other[part]) for part in one)


# Clips of four classes (columns) at five cameras of a railway terminal, as they were filmed.
CAMERAS = np.array(
    [[85, 20, 10, 18], [73, 14, 10, 9], [18, 12, 8, 20], [130, 28, 17, 12], [0, 1, 4, 7]]
)


@pytest.mark.parametrize("seed", range(3))
def test_a_few_large_and_unlike_groups(seed):
    labels = np.concatenate([np.repeat(range(4), counts) for counts in CAMERAS]).tolist()
    groups = np.repeat(range(5), CAMERAS.sum(axis=1)).tolist()
    parts, _ = divide(labels, groups=groups, classes="abcd", seed=seed)
    # 20 % of 61, 15, 10 and 13; then of 31, 8, 5 and 7.
    assert counts_of(parts["test"], labels) == [73, 14, 10, 9]
    assert counts_of(parts["val"], labels) == [18, 12, 8, 20]


def test_rows_with_a_group_and_rows_without():
    # Four copies of one clip among 20 clips of each class.
    labels = [0] * 20 + [1] * 20
    groups = [None] * 16 + ["copies"] * 4 + [None] * 20
    for seed in range(10):
        parts, _ = divide(labels, groups=groups, seed=seed)
        assert counts_of(parts["test"], labels) == [4, 4]
        assert counts_of(parts["val"], labels) == [2, 2]
        assert sum(set(range(16, 20)) <= set(rows) for rows in parts.values()) == 1


def test_every_class_that_can_is_on_all_sides():
    # Three films a class, and a share of a tenth of one: a third of each class is better than none.
    labels = [k for k in range(3) for _ in range(27)]
    groups = [row // 9 for row in range(81)]
    parts, _ = divide(labels, groups=groups, classes="abc", test_share=0.05, val_share=0.05)
    assert [counts_of(rows, labels) for rows in parts.values()] == [[9] * 3] * 3


def test_the_test_part_leaves_groups_for_validation():
    # Both small films together are the fifth of a class that the test part asks for.
    sizes = [10, 10, 80] * 2
    labels = [film // 3 for film, size in enumerate(sizes) for _ in range(size)]
    groups = [film for film, size in enumerate(sizes) for _ in range(size)]
    parts, _ = divide(labels, groups=groups)
    assert [counts_of(parts[part], labels) for part in ("train", "val", "test")] == [
        [80, 80],
        [10, 10],
        [10, 10],
    ]


def test_a_class_of_one_film_stays_in_training_and_is_named(caplog):
    labels = [0] * 30 + [1] * 6
    groups = [row // 3 for row in range(30)] + ["film"] * 6
    with caplog.at_level(logging.WARNING):
        parts, _ = divide(labels, groups=groups)
    assert counts_of(parts["train"], labels) == [21, 6]
    assert counts_of(parts["test"], labels) == [6, 0]
    assert "x.csv: the part 'test' has no example of b" in caplog.text
    assert "the part 'val' has no example of b" in caplog.text


def test_a_part_far_from_its_share_is_told(caplog):
    divide([0, 1] * 30, groups=[row // 20 for row in range(60)])
    assert "the part 'test' takes 20 of 60 examples, where 12 were asked for" in caplog.text


@pytest.mark.parametrize("groups", [["one"] * 20, ["a"] * 10 + ["b"] * 10])
def test_groups_that_cannot_be_divided(groups):
    with pytest.raises(InputError, match=r"nothing can be set aside for 'test'.*groups smaller"):
        divide([0] * 10 + [1] * 10, groups=groups)


def test_only_the_training_part_is_divided_where_others_are_named():
    labels = [0, 1] * 20
    named = ["train"] * 30 + ["test"] * 10
    parts, _ = divide(labels, named, groups=[row // 5 for row in range(40)])
    assert parts["test"].tolist() == list(range(30, 40))
    assert len(parts["val"]) == 5
    assert len({row // 5 for row in parts["val"]}) == 1


@pytest.mark.slow
def test_650_000_rows_take_seconds():
    random = np.random.default_rng(0)
    labels = random.integers(0, 400, 650_000)
    groups = labels * 2000 + random.integers(0, 325, len(labels))
    parts, _ = divide(labels.tolist(), groups=groups, classes=[str(k) for k in range(400)])
    assert abs(len(parts["test"]) - 130_000) < 400


def test_of_many_groups_not_the_largest_alone_are_reported():
    # A hundred pairs among three thousand: a tenth of the pairs, or so, and not all of them.
    groups = np.concatenate([np.repeat(np.arange(100), 2), np.arange(100, 3000)])
    labels = np.arange(len(groups)) % 2
    parts, _ = divide(labels.tolist(), groups=groups, classes="ab")
    in_test = (groups[parts["test"]] < 100).sum()
    assert 2 <= in_test <= 50
    assert len(parts["test"]) == round(0.2 * len(groups))
