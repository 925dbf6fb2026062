"""Features that are kept: what goes in comes out, and damage is never more than work to redo."""

import multiprocessing
import pickle
import time

import numpy as np
import pyarrow
import pytest

from data.batches.features import FeaturePart, FeatureStore
from data.batches.part import Part
from data.files.errors import InputError


def clip(length, num_features=3, seed=0):
    return np.random.default_rng(seed).normal(size=(length, num_features)).astype(np.float32)


class Clips(Part):
    """Five clips, named a to e."""

    def __init__(self):
        self.ids, self.labels = np.array([3, 5, 7, 9, 11]), np.array([0, 1, 0, 1, 2])
        self.lengths = np.array([4, 4, 4, 4, 4])
        self.truncated_steps = 6

    def sources(self, positions=None):
        return ["abcde"[k] for k in (range(5) if positions is None else positions)]


def test_features_come_back_exactly(tmp_path):
    store = FeatureStore(tmp_path / "features")
    kept = {f"key {k}": clip(length, seed=k) for k, length in enumerate((1, 7, 3))}
    store.add(list(kept), list(kept.values()))
    for one in (store, FeatureStore(store.folder), pickle.loads(pickle.dumps(store))):
        assert one.missing(["new", "key 1", "new", "key 0"]) == ["new"]
        for key, features in kept.items():
            assert one.get(key).dtype == np.float32
            assert one.length(key) == len(features)
            np.testing.assert_array_equal(one.get(key), features)


def test_nothing_is_copied_when_reading(tmp_path):
    store = FeatureStore(tmp_path)
    store.add(["a", "b"], [clip(5), clip(2_000_000, seed=1)])
    before = pyarrow.total_allocated_bytes()
    again = FeatureStore(tmp_path)
    features = again.get("b")
    assert not features.flags.owndata
    assert not features.flags.writeable
    assert pyarrow.total_allocated_bytes() - before < 100_000


def test_an_empty_store_makes_no_folder(tmp_path):
    store = FeatureStore(tmp_path / "features")
    store.add([], [])
    assert store.missing(["a"]) == ["a"]
    assert not store.folder.exists()
    with pytest.raises(KeyError):
        store.get("a")


def test_each_addition_is_one_whole_file(tmp_path):
    store, other = FeatureStore(tmp_path), FeatureStore(tmp_path)
    store.add(["a"], [clip(2)])
    store.add(["b"], [clip(3)])
    (tmp_path / "cut-off.part").write_bytes(b"half a file")
    assert len(list(tmp_path.glob("*.arrow"))) == 2
    assert other.missing(["a", "b"]) == ["a", "b"]
    other.refresh()
    assert other.missing(["a", "b"]) == []


def _add(folder, name):
    store = FeatureStore(folder)
    for k in range(5):
        store.add([f"{name} {k}", "both"], [clip(k + 1, seed=k), clip(4)])


def test_processes_may_add_at_once(tmp_path):
    process = multiprocessing.get_context("spawn").Process(target=_add, args=(tmp_path, "a"))
    process.start()
    while process.is_alive() and not any(tmp_path.iterdir()):
        time.sleep(0.001)
    _add(tmp_path, "b")
    process.join(60)
    assert process.exitcode == 0
    store = FeatureStore(tmp_path)
    assert store.missing([f"{name} {k}" for name in "ab" for k in range(5)]) == []
    np.testing.assert_array_equal(store.get("both"), clip(4))


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: b"no Arrow file",
        lambda content: content[: len(content) // 2],
        lambda content: content[:-700],
        lambda content: bytes(len(content)),
        lambda content: content[:400] + bytes(range(200)) + content[600:],
    ],
)
def test_a_damaged_file_is_warned_about_and_computed_anew(tmp_path, damage, caplog):
    store = FeatureStore(tmp_path)
    store.add(["a"], [clip(200)])
    (damaged,) = tmp_path.glob("*.arrow")
    store.add(["b"], [clip(3)])
    damaged.write_bytes(damage(damaged.read_bytes()))
    again = FeatureStore(tmp_path)
    assert again.missing(["a", "b"]) == ["a"]
    assert len(caplog.messages) == 1
    assert f"{damaged}: damaged" in caplog.messages[0]
    again.add(["a"], [clip(200)])
    caplog.clear()
    np.testing.assert_array_equal(FeatureStore(tmp_path).get("a"), clip(200))
    assert caplog.messages == []


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="set MANYTOONE_CACHE to another folder") as caught:
        FeatureStore(tmp_path / "file" / "features").add(["a"], [clip(2)])
    assert "\n" not in str(caught.value)


def test_a_part_of_features_leaves_out_what_was_not_read(tmp_path):
    store = FeatureStore(tmp_path)
    kept = {"A": clip(4), "B": clip(2, seed=1), "E": clip(5, seed=2)}
    store.add(list(kept), list(kept.values()))
    part = FeaturePart(Clips(), keys=["A", "B", "unread", "B", "E"], store=store, num_features=3)
    assert len(part) == 4
    assert part.ids.tolist() == [3, 5, 9, 11]
    assert part.labels.tolist() == [0, 1, 1, 2]
    assert part.lengths.tolist() == [4, 2, 2, 5]
    assert part.truncated_steps == 6
    assert part.sources() == ["a", "b", "d", "e"]
    assert part.sources([3, 0]) == ["e", "a"]
    batch = part.__getitems__([3, 2])
    np.testing.assert_array_equal(batch.steps.numpy(), np.concatenate([kept["E"], kept["B"]]))
    assert batch.lengths.tolist() == [5, 2]
    assert batch.ids.tolist() == [11, 9]
    assert batch.labels.tolist() == [2, 1]
    assert part.__getitems__([]).num_sequences == 0


def test_places_of_frames_are_kept_in_half_precision(tmp_path):
    store = FeatureStore(tmp_path, precision="float16")
    kept = {key: clip(4 * 5, seed=k).reshape(4, 5, 3) for k, key in enumerate("ABCDE")}
    store.add(list(kept), list(kept.values()))
    for one in (store, pickle.loads(pickle.dumps(store))):
        assert one.get("A").dtype == np.float16
        part = FeaturePart(Clips(), keys=list(kept), store=one, num_features=3)
        batch = part.__getitems__([1, 4])
        assert batch.steps.shape == (8, 5, 3)
        assert batch.lengths.tolist() == [4, 4]
        expected = np.concatenate([kept["B"], kept["E"]]).astype(np.float16).astype(np.float32)
        np.testing.assert_array_equal(batch.steps.numpy(), expected)
    files = sum(file.stat().st_size for file in tmp_path.glob("*.arrow"))
    assert files < 5 * 60 * 2 + 3000


def test_numbers_that_are_none_are_computed_anew(tmp_path, caplog):
    store = FeatureStore(tmp_path)
    spoilt = clip(5)
    spoilt[3, 2] = np.nan
    store.add(["a"], [spoilt])
    store.add(["b"], [clip(3)])
    assert FeatureStore(tmp_path).missing(["a", "b"]) == ["a"]
    assert "NaN or infinite numbers" in caplog.text
