"""Division of items into pieces, and of pieces among shards."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.files.errors import InputError
from pipelines.engine.pieces import ALONE, Shard, division_of, shard_of


@given(st.integers(1, 5000), st.integers(1, 700), st.integers(1, 50))
def test_every_item_is_in_one_piece_of_one_shard(num_items, items_per_file, num_shards):
    division = division_of(num_items, items_per_file)
    items = [
        k
        for number in range(num_shards)
        for piece_number in division.numbers_of(Shard(number, num_shards))
        for k in range(*division.piece(piece_number)[1:])
    ]
    assert sorted(items) == list(range(num_items))
    pieces = [division.piece(k) for k in range(division.num_pieces)]
    assert all(0 < piece.num_items <= items_per_file for piece in pieces)


def test_a_piece_does_not_depend_on_the_number_of_shards():
    assert division_of(100, 30).piece(3) == (3, 90, 100)


@pytest.mark.parametrize(
    ("typed", "shard"),
    [(None, ALONE), ("0/1", ALONE), ("0/100", (0, 100)), ("99/100", (99, 100)), (" 3/7 ", (3, 7))],
)
def test_shards(typed, shard):
    assert shard_of(typed) == shard


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("100/100", "counted from 0, so the last of 100 is 99/100; give one of 0 to 99"),
        ("1/1", "the last of 1 is 0/1"),
        ("0/0", "counted from 0"),
        *[
            (typed, "give the number of the shard, from 0")
            for typed in ("3", "/4", "", "a/b", "-1/4", "1/4/5", "1.0/4", "٣/4", "$X/100")
        ],
    ],
)
def test_what_is_no_shard_is_refused(typed, says):
    with pytest.raises(InputError, match=says.replace("$", r"\$")) as refused:
        shard_of(typed)
    assert "\n" not in str(refused.value)


def test_too_many_files_are_refused():
    assert division_of(10**9, 10_000).num_pieces == 100_000
    with pytest.raises(InputError, match="give 1000 or more"):
        division_of(10**9, 100)
