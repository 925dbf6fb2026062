import logging

import pytest

from data.clips.left_out import is_left_out, left_out_below, tell_left_out
from data.video.data_module import VideoDataModule
from pipelines.predict.inputs import clip_items
from tests.clips import write_classes


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("a.xyz", True),
        ("A.SWF", True),
        ("a", True),
        ("clips.zip", True),
        ("a.mp4.part", True),
        ("a.mp4", False),
        ("a.H264", False),
        ("a.dav", False),
        ("notes.txt", False),
        ("labels.JSON", False),
        ("a.srt", False),
        ("a.jpg", False),
        (".DS_Store", False),
        ("._a.xyz", False),
        ("Thumbs.db", False),
        ("README", False),
        ("LICENSE", False),
    ],
)
def test_what_could_be_a_clip_is_told_and_its_companions_are_not(name, told):
    assert is_left_out(name) is told


@pytest.fixture
def folder(tmp_path):
    """Two classes, and three files at several depths that are read as none."""
    folder = write_classes(tmp_path / "clips", num_frames=3)
    for name in ("dark/1.txt", "dark/a.xyz", "bright/more/b.braw", "c.r3d", ".hidden/d.xyz"):
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    return folder


def test_they_are_counted_and_named_in_one_line(folder, caplog):
    names = [path.name for path in left_out_below(folder)]
    assert sorted(names) == ["a.xyz", "b.braw", "c.r3d"]
    tell_left_out("here", left_out_below(folder))
    assert len(caplog.messages) == 1
    assert "here: 3 files are no videos by their endings and were left out: " in caplog.text
    caplog.clear()
    tell_left_out("here", [])
    assert not caplog.messages
    tell_left_out("here", [folder / "a.xyz"])
    assert "here: 1 file is no video by its ending and was left out: a.xyz;" in caplog.text
    caplog.clear()
    tell_left_out("here", [folder / f"{k}.xyz" for k in range(9)])
    assert "9 files are no videos by their endings and were left out: 0.xyz, 1.xyz, 2.xyz, …" in (
        caplog.text
    )


def told(caplog):
    return [message for message in caplog.messages if "left out" in message]


def test_training_and_prediction_tell_it(folder, caplog):
    with caplog.at_level(logging.WARNING):
        _ = VideoDataModule(path=str(folder), size_px=8).parts
    assert len(told(caplog)) == 1
    caplog.clear()
    assert len(clip_items(str(folder))) == 12
    assert [message.startswith(f"INPUT={folder}: 3 files") for message in told(caplog)] == [True]
    caplog.clear()
    assert len(clip_items(f"{folder}/*")) == 12
    assert [message.startswith(f"INPUT={folder}/*: 3 files") for message in told(caplog)] == [True]
    caplog.clear()
    assert len(clip_items(f"{folder}/dark/*.mp4")) == 6
    assert not told(caplog)


def test_a_clip_of_another_ending_is_read_where_a_list_names_it(folder, tmp_path):
    (folder / "dark/0.mp4").rename(folder / "dark/0.xyz")
    files = [f"{label}/{k}.mp4,{label}" for label in ("dark", "bright") for k in range(1, 6)]
    rows = ["path,label", "dark/0.xyz,dark", *files]
    (folder / "list.csv").write_text("\n".join(rows))
    data = VideoDataModule(path=str(folder / "list.csv"), size_px=8)
    assert sum(len(part) for part in data.parts.values()) == 11
    assert not data.skipped
