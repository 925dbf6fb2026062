import numpy as np
import pytest

from data.splits.leaks import Leak, conflicts, duplicates, find_leaks, merge_groups


@pytest.mark.parametrize(
    ("groups", "contents", "expected"),
    [
        (["x", "y", "x", None, None], None, [0, 1, 0, 2, 3]),
        (None, [None, 7, 7, None], [0, 1, 1, 2]),
        # 0 and 2 share a group, 2 and 3 a content: all three belong together.
        (["x", None, "x", "y", "y"], ["p", None, "q", "q", None], [0, 1, 0, 0, 0]),
        # A chain that is joined from its far end.
        (["c", "b", "a", "d"], ["3", "2", "1", "1"], [0, 1, 2, 2]),
        ([1, 2, 3, 4], ["p", "q", "q", "p"], [0, 1, 1, 0]),
        ([], [], []),
    ],
)
def test_merge_groups(groups, contents, expected):
    merged = merge_groups(groups, contents)
    assert merged.tolist() == expected
    assert merged.dtype == np.int64


def test_merge_groups_equals_search_through_a_graph():
    random = np.random.default_rng(0)
    for _ in range(20):
        groups, contents = random.integers(0, 25, (2, 40)).tolist()
        merged = merge_groups(groups, contents)
        near = np.equal.outer(groups, groups) | np.equal.outer(contents, contents)
        reach = np.linalg.matrix_power(near.astype(float), 40) > 0
        assert np.array_equal(np.equal.outer(merged, merged), reach)


def test_long_chains_are_joined():
    n = 100_000
    links = [k // 2 for k in range(n)], [(k + 1) // 2 for k in range(n)]
    assert not merge_groups(*links).any()
    assert not merge_groups(*[list(reversed(link)) for link in links]).any()


@pytest.mark.parametrize("keys", [(None, None), (["x"], ["p", "q"])])
def test_merge_groups_needs_keys_of_one_length(keys):
    with pytest.raises(ValueError, match="same length"):
        merge_groups(*keys)


def test_duplicates_and_conflicts():
    contents = ["p", None, "q", "p", None, "q", "r"]
    assert duplicates(contents) == [[0, 3], [2, 5]]
    assert conflicts(contents, ["a", "a", "a", "a", "b", "b", "a"]) == [[2, 5]]
    assert duplicates([None, None]) == []


def leaks(parts, groups=None, contents=None):
    return find_leaks(
        {k: np.array(rows) for k, rows in parts.items()}, groups=groups, contents=contents
    )


def test_what_stands_in_one_part_is_no_leak():
    keys = ["x", "x", "y", None, None]
    assert leaks({"train": [0, 1, 3], "test": [2, 4]}, groups=keys, contents=keys) == []
    assert leaks({"train": [0], "test": [1]}) == []


def test_groups_and_duplicates_that_stand_in_two_parts():
    parts = {"train": [0, 1, 2], "val": [3], "test": [4, 5]}
    assert leaks(parts, groups=["x", "y", "x", "x", "x", "y"]) == [
        Leak("group", "x", {"train": [0, 2], "val": [3], "test": [4]}),
        Leak("group", "y", {"train": [1], "test": [5]}),
    ]
    assert leaks(parts, contents=["p", None, None, "q", "p", "q"]) == [
        Leak("duplicate", "p", {"train": [0], "test": [4]}),
        Leak("duplicate", "q", {"val": [3], "test": [5]}),
    ]


def test_a_group_is_told_only_if_it_leaks_more_than_its_copies():
    parts = {"train": [0, 1], "test": [2, 3]}
    contents = ["p", None, "p", None]
    copies = Leak("duplicate", "p", {"train": [0], "test": [2]})
    assert leaks(parts, ["x", None, "x", None], contents) == [copies]
    assert leaks(parts, ["x", "x", "x", None], contents) == [
        copies,
        Leak("group", "x", {"train": [0, 1], "test": [2]}),
    ]


def test_rows_of_no_part_do_not_count():
    assert leaks({"train": [0], "test": [2]}, groups=["x", "x", "y"]) == []
