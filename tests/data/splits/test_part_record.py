"""Parts stay what they were when a model was trained, whatever becomes of their source."""

import logging

import numpy as np
import pytest

from data.files.errors import InputError
from data.splits.part_record import PartRecord

TRAIN, VAL, TEST, NEW = 0, 1, 2, -1


def divided(made, contents, **options):
    """Every example is all of its file."""
    return made.divide(contents, files=contents, **options)


def record(contents, parts, reported="test"):
    contents = np.array(contents)
    return PartRecord(contents, np.array(parts, np.int8), reported, contents)


def test_the_record_of_a_division_is_in_the_order_of_the_source():
    rows = {"train": np.array([1, 4]), "val": np.array([0]), "test": np.array([2])}
    contents = np.array([10, 11, 12, 13, 14])
    made = PartRecord.of(rows, contents, reported="test", files=contents)
    assert made.contents.tolist() == [10, 11, 12, 14]
    assert made.parts.tolist() == [VAL, TRAIN, TEST, TRAIN]
    again = PartRecord.from_plain(made.plain())
    assert again.contents.tolist() == made.contents.tolist()
    assert again.parts.tolist() == made.parts.tolist()
    assert again.reported == "test"


@pytest.mark.parametrize(
    ("today", "found"),
    [
        ([5, 6, 7, 5, 8], [TRAIN, VAL, TEST, TEST, TRAIN]),  # as it was, copies too
        ([8, 7, 6, 5, 5], [TRAIN, TEST, VAL, TRAIN, TEST]),  # in another order
        ([9, 5, 6, 7, 5, 8, 0], [NEW, TRAIN, VAL, TEST, TEST, TRAIN, NEW]),  # with new ones
        ([7, 5], [TEST, TRAIN]),  # of copies, what was learnt from is found first
        ([5, 5, 5], [TRAIN, TEST, NEW]),
        ([], []),
    ],
)
def test_examples_are_found_by_content(today, found):
    made = record([5, 6, 7, 5, 8], [TRAIN, VAL, TEST, TEST, TRAIN])
    assert made.find(np.array(today, np.int64)).tolist() == found


def test_of_copies_those_that_were_learnt_from_stay():
    made = record([5, 5], [TEST, TRAIN])
    assert made.find(np.array([5, 5])).tolist() == [TEST, TRAIN]
    assert made.find(np.array([5])).tolist() == [TRAIN]


def test_any_order_gives_the_same_parts():
    random = np.random.default_rng(0)
    contents, parts = random.permutation(1000) + 1, random.integers(0, 3, 1000)
    made = record(contents, parts)
    order = random.permutation(1000)
    assert np.array_equal(made.find(contents[order]), parts[order])


def test_what_is_gone_and_what_is_new_is_told(caplog):
    made = record([1, 2, 3, 4], [TRAIN, VAL, TEST, TEST])
    with caplog.at_level(logging.WARNING):
        rows, reported, notes = divided(made, np.array([9, 4, 1, 2]), part="test", where="x.csv")
    assert {part: of.tolist() for part, of in rows.items()} == {
        "train": [2],
        "val": [3],
        "test": [1],
    }
    assert reported == "test"
    assert notes == {"changed_since_training": {"gone": 1, "new": 1}}
    assert "x.csv: has changed" in caplog.text
    assert "1 of its 2 example(s) are gone. 1 new one(s)" in caplog.text


def test_nothing_is_told_of_a_source_that_is_as_it_was(caplog):
    made = record([1, 2, 3], [TRAIN, VAL, TEST])
    with caplog.at_level(logging.WARNING):
        _, _, notes = divided(made, np.array([1, 2, 3]), part="test", where="x.csv")
    assert notes == {"changed_since_training": {"gone": 0, "new": 0}}
    assert not caplog.records


def test_a_part_that_is_gone_is_an_error():
    made = record([1, 2, 3], [TRAIN, VAL, TEST])
    with pytest.raises(InputError, match=r"none of the 1 example\(s\) that were the part 'test'"):
        divided(made, np.array([1, 2]), part="test", where="x.csv")


def test_the_part_that_is_reported_keeps_its_name():
    """A source that names train and val alone: its val is the part test."""
    made = record([1, 2, 3], [TRAIN, VAL, TEST], reported="val")
    for part in ("test", "val"):
        rows, reported, _ = divided(made, np.array([3, 2, 1]), part=part, where="x.csv")
        assert rows[part].tolist() == [0]
        assert reported == "val"


def test_what_the_model_has_met_is_counted_and_told(caplog):
    made = record([1, 2, 2, 3, 0], [TRAIN, VAL, TRAIN, TEST, TRAIN])
    with caplog.at_level(logging.WARNING):
        met = made.describe_met(np.array([1, 1, 2, 3, 4, 0]), where="x.csv")
    assert met == {"met_in_training": {"learnt_from": 3, "chosen_by": 0}}
    assert "of the 6 example(s) that are tested, the model has learnt from 3" in caplog.text
    caplog.clear()
    assert made.describe_met(np.array([3, 4]), where="x.csv") == {
        "met_in_training": {"learnt_from": 0, "chosen_by": 0}
    }
    assert not caplog.records


def test_testing_on_what_was_learnt_from_is_told():
    made = record([1, 2, 3], [TRAIN, VAL, TEST])
    _, reported, notes = divided(made, np.array([1, 2, 3]), part="val", where="x.csv")
    assert reported == "val"
    assert notes["met_in_training"] == {"learnt_from": 0, "chosen_by": 1}


def test_a_source_is_known_by_half_of_its_contents():
    made = record([1, 2, 3, 4], [TRAIN, VAL, TEST, TEST])
    assert made.is_of(np.array([1, 2, 9, 8, 7, 6]))
    assert made.is_of(np.array([4]))
    assert not made.is_of(np.array([1, 9, 8]))
    assert not made.is_of(np.array([], np.int64))
