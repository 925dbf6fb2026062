"""What is to be answered, found and read: tables, lines, folders, clips ahead of who asks for them."""

import os
from pathlib import Path
from threading import Event

import numpy as np
import pandas
import pytest

from data.decode import Reading, read_frames
from data.errors import InputError
from data.reading_ahead import ClipReader
from pipelines.predict_inputs import clip_items, standard_input, text_items
from tests.clips import write_clip


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl", ".json", ".parquet"])
def test_tables(suffix, tmp_path):
    texts = ["a fine film", "007", "so, so"]
    file = tmp_path / f"some{suffix}"
    table = pandas.DataFrame({"other": [1, 2, 3], "text": texts})
    if suffix == ".parquet":
        table.to_parquet(file)
    elif suffix.startswith(".json"):
        table.to_json(file, orient="records", lines=suffix == ".jsonl")
    else:
        table.to_csv(file, index=False, sep="\t" if suffix == ".tsv" else ",")
    assert [item.source for item in text_items(str(file), column="text")] == texts
    with pytest.raises(InputError, match=r"no column 'body': its columns are other, text"):
        list(text_items(str(file), column="body"))


def test_lines_that_are_there_come_together():
    reading, writing = os.pipe()
    os.write(writing, b"eins\n\nzwei\ndr")
    groups = standard_input(reading)
    assert [item.source for item in next(groups)] == ["eins", "zwei"]
    os.write(writing, b"ei\n")
    assert [item.source for item in next(groups)] == ["drei"]
    os.close(writing)
    assert list(groups) == []
    os.close(reading)


def test_numbers_in_names_count(tmp_path):
    for name in ("take 10.mp4", "take 9.mp4", "take 9b.mp4", "Take 1.mp4"):
        (tmp_path / name).touch()
    assert [Path(item.source).name for item in clip_items(str(tmp_path))] == [
        "Take 1.mp4", "take 9.mp4", "take 9b.mp4", "take 10.mp4",
    ]  # fmt: skip


def test_clips_come_in_their_order_from_several_decoders(tmp_path):
    lengths = [30, 1, 5, 2, 12, 1, 1, 7]
    paths = [
        write_clip(tmp_path / f"{k}.mp4", num_frames=length) for k, length in enumerate(lengths)
    ]
    paths.insert(3, tmp_path / "missing.mp4")
    lengths.insert(3, 0)
    for frames_ahead in (1, 10, 1000):
        reader = ClipReader(Reading(16), limit_seconds=60, num_workers=3, frames_ahead=frames_ahead)
        for _ in range(2):
            found = list(reader(paths))
            assert [clip.path for clip in found] == paths
            assert [len(clip.frames.seconds) if clip.frames else 0 for clip in found] == lengths
            assert found[3].problem == "no such file"


def test_frames_are_taken_as_in_training(tmp_path):
    clip = write_clip(tmp_path / "a.mp4", num_frames=10)
    how = Reading(16, frames="every=4")
    [read] = ClipReader(how, limit_seconds=60, num_workers=1, frames_ahead=20)([clip])
    expected = read_frames(clip, **how._asdict())
    np.testing.assert_array_equal(read.frames.pixels, expected.pixels)
    assert read.frames.seconds == pytest.approx([0, 4 / 25, 8 / 25])


def test_no_more_is_read_than_is_asked_for(tmp_path, monkeypatch):
    clip = write_clip(tmp_path / "a.mp4", num_frames=10)
    begun = []
    rest = Event()

    def read_into(self, path, room, how):
        begun.append(path)
        if len(begun) == 3:
            rest.set()
        return np.zeros(10)

    monkeypatch.setattr("data.isolation.Decoder.read_into", read_into)
    reader = ClipReader(Reading(16), limit_seconds=60, num_workers=1, frames_ahead=20)
    clips = reader([clip] * 50)
    next(clips)
    assert rest.wait(10)
    # Two lie ready, which is enough; the third was begun when the first was taken.
    assert len(begun) <= 4
    clips.close()


def test_what_fails_while_reading_is_told(tmp_path, monkeypatch):
    def read_into(self, path, room, how):
        raise RuntimeError("out of order")

    monkeypatch.setattr("data.isolation.Decoder.read_into", read_into)
    reader = ClipReader(Reading(16), limit_seconds=60, num_workers=2, frames_ahead=20)
    with pytest.raises(RuntimeError, match="out of order"):
        list(reader([tmp_path / "a.mp4"] * 3))
