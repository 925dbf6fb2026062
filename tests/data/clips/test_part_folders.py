"""Sub-folders are classes or parts: which, what is left out, and what is said; files are empty."""

import logging

import pytest

from data.clips.layouts import clips
from data.files.errors import InputError
from data.text.sources import read_table


def touch(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def read(folder, caplog):
    """Part and class of each clip, and the messages."""
    with caplog.at_level(logging.WARNING):
        found = clips(folder, columns={}).clips
    return {(clip.part, clip.label) for clip in found}, caplog.text


TRAIN = ("train/a/1.mp4", "train/b/2.mp4")
TEST = ("test/a/3.mp4", "test/b/4.mp4")
PARTS = {("train", "a"), ("train", "b"), ("test", "a"), ("test", "b")}


@pytest.mark.parametrize(
    ("beside", "left_out"),
    [
        ((), None),
        (("runs/predict/demo.mp4",), "runs"),
        (("annotations/labels.json", "logs/1/events.txt"), "annotations, logs"),
        (("frames/a/1.jpg", "loose/5.mp4"), "frames, loose"),
        (("train/stray.mp4", "extra/6.mp4"), "extra"),
        (("__MACOSX/train/a/._1.mp4", ".git/HEAD", "@eaDir/a/1.mp4", "lost+found/x"), None),
    ],
)
def test_parts_stay_parts_whatever_lies_beside(tmp_path, caplog, beside, left_out):
    found, said = read(touch(tmp_path, *TRAIN, *TEST, *beside), caplog)
    assert found == PARTS
    if left_out is None:
        assert said == ""
    else:
        assert f"read as the parts test, train; left out: {left_out} (" in said
        assert said.count("\n") == 1


def test_one_part_is_enough_where_its_folders_hold_all(tmp_path, caplog):
    found, said = read(touch(tmp_path, *TRAIN, "annotations/a.json"), caplog)
    assert found == {("train", "a"), ("train", "b")}
    assert "left out: annotations" in said


def test_names_of_parts_in_any_case(tmp_path, caplog):
    folder = touch(tmp_path, "Train/a/1.mp4", "Train/b/2.mp4", "TEST/a/3.mp4", "Logs/x.txt")
    found, _ = read(folder, caplog)
    assert found == {("Train", "a"), ("Train", "b"), ("TEST", "a")}


def test_a_part_other_than_for_training_alone(tmp_path, caplog):
    found, said = read(touch(tmp_path, *TEST, "val/a/5.mp4"), caplog)
    assert found == {("test", "a"), ("test", "b"), ("val", "a")}
    assert said == ""


@pytest.mark.parametrize("name", ["train", "Test", "dev"])
def test_a_class_named_like_a_part(tmp_path, caplog, name):
    found, said = read(touch(tmp_path, f"{name}/1.mp4", "bus/2.mp4", "car/3.mp4"), caplog)
    assert found == {(None, name), (None, "bus"), (None, "car")}
    assert f"{name} is named like a part but read as a class, beside bus, car;" in said


def test_a_class_named_like_a_part_with_folders_of_its_own(tmp_path, caplog):
    names = ("train/1.mp4", "train/more/2.mp4", "bus/3.mp4", "bus/more/4.mp4")
    found, said = read(touch(tmp_path, *names), caplog)
    assert found == {(None, "train"), (None, "bus")}
    assert "train is named like a part but read as a class" in said


def test_a_part_without_classes(tmp_path):
    touch(tmp_path, *TRAIN, "test/3.mp4")
    with pytest.raises(InputError, match=r"test: holds no sub-folder; .*take this folder out"):
        clips(tmp_path, columns={})


def test_a_folder_around_the_parts_is_named(tmp_path):
    touch(tmp_path / "dataset", *TRAIN, *TEST)
    touch(tmp_path, "__MACOSX/dataset/train/a/._1.mp4")
    with pytest.raises(
        InputError, match=r"a single folder, 'dataset', .*test, train .*that folder: .*/dataset$"
    ):
        clips(tmp_path, columns={})


def test_a_folder_around_the_classes_is_told(tmp_path, caplog):
    found, said = read(touch(tmp_path, "dataset/a/1.mp4", "dataset/b/2.mp4"), caplog)
    assert found == {(None, "dataset")}
    assert f"if the classes are a, b, name that folder: {tmp_path / 'dataset'}" in said


def test_one_class_is_no_folder_around_others(tmp_path, caplog):
    found, said = read(touch(tmp_path, "a/1.mp4", "a/x/2.mp4", "a/y/3.mp4"), caplog)
    assert (found, said) == ({(None, "a")}, "")


def test_composed_and_decomposed_names_are_one_class(tmp_path):
    touch(tmp_path, "train/cafe\u0301/1.mp4", "train/b/2.mp4", "test/caf\u00e9/3.mp4")
    found = clips(tmp_path, columns={}).clips
    assert {clip.label for clip in found} == {"b", "caf\u00e9"}
    assert sorted(clip.path.name for clip in found) == ["1.mp4", "2.mp4", "3.mp4"]


def test_texts_are_read_by_the_same_rule(tmp_path, caplog):
    touch(tmp_path, "runs/x/notes.md", "train/a/._1.txt", "train/.ipynb_checkpoints/1.txt")
    for name in ("train/a/1.txt", "train/b/2.txt", "test/a/3.TXT", "test/b/4.txt"):
        touch(tmp_path, name)
        (tmp_path / name).write_text(name)
    with caplog.at_level(logging.WARNING):
        table = read_table(
            str(tmp_path),
            text_column="text",
            label_column="label",
            split_column="split",
            group_column="group",
            cache=tmp_path / ".cache",
        )
    assert sorted(table.texts["text"]) == [
        *("test/a/3.TXT", "test/b/4.txt", "train/a/1.txt", "train/b/2.txt")
    ]
    assert set(zip(table.parts, table.labels, strict=True)) == PARTS
    assert "left out: runs" in caplog.text
