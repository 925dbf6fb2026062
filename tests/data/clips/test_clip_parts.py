"""Clips that have come since a model was trained, or that it has met in other sections."""

import logging

import pytest

from data.video.data_module import VideoDataModule
from tests.clips import write_classes, write_clip


def later(trained, path, *, part="test", is_other=False):
    data = VideoDataModule(path=str(path), size_px=16)
    data.adopt(trained.describe())
    data.reported_part, data.is_other_source = part, is_other
    return data


def listing(folder, stretches):
    rows = [
        f"clips/{label}/{k}.mp4,{label},{start},{end}"
        for label in ("dark", "bright")
        for k in range(6)
        for start, end in stretches
    ]
    path = folder / "list.csv"
    path.write_text("\n".join(["path,label,start_seconds,end_seconds", *rows]))
    return path


def test_other_sections_of_films_that_were_learnt_from_are_met(tmp_path, caplog):
    write_classes(tmp_path / "clips")
    trained = VideoDataModule(path=str(listing(tmp_path, [(0, 0.12), (0.12, 0.24)])), size_px=16)
    num_tested = len({trained.parts["test"].files[k] for k in range(len(trained.parts["test"]))})
    num_chosen = len(set(trained.parts["val"].files))
    data = later(trained, listing(tmp_path, [("", "")]), part="all", is_other=True)
    assert len(data.parts["all"]) == 12
    met = data.notes()["met_in_training"]
    assert met == {"learnt_from": 12 - num_tested - num_chosen, "chosen_by": num_chosen}
    assert "the model has learnt from" in caplog.text


def test_clips_of_a_class_that_is_new_are_left_out_and_told(tmp_path):
    write_classes(tmp_path)
    trained = VideoDataModule(path=str(tmp_path), size_px=16)
    tested = trained.parts["test"].sources()
    write_clip(tmp_path / "third" / "new.mp4", num_frames=3)
    data = later(trained, tmp_path)
    assert data.parts["test"].sources() == tested
    [skipped] = data.skipped
    assert skipped.source.endswith("new.mp4")
    assert "unknown label 'third'" in skipped.reason


def test_clips_in_no_class_are_told(tmp_path, caplog):
    write_classes(tmp_path)
    write_clip(tmp_path / "loose.mp4", num_frames=3)
    with caplog.at_level(logging.WARNING):
        _ = VideoDataModule(path=str(tmp_path), size_px=16).parts
    assert "left out 1 file(s) of video" in caplog.text
    assert "loose.mp4" in caplog.text


@pytest.mark.parametrize("column", ["duration", "length_seconds", "to", "num_frames"])
def test_lengths_that_are_not_read_are_told(tmp_path, caplog, column):
    write_classes(tmp_path / "clips")
    path = listing(tmp_path, [(0, 0.12)])
    path.write_text(path.read_text().replace("end_seconds", column))
    with caplog.at_level(logging.WARNING):
        _ = VideoDataModule(path=str(path), size_px=16).parts
    assert f"the column(s) {column} are not read" in caplog.text
