"""Clips are read ahead of who asks for them, in their order."""

from threading import Event

import numpy as np
import pytest

from data.decoding.decode import Reading, read_frames
from data.decoding.reading_ahead import ClipReader
from tests.clips import write_clip


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

    def read_into(self, path, room, how, section):
        begun.append(path)
        if len(begun) == 3:
            rest.set()
        return np.zeros(10)

    monkeypatch.setattr("data.decoding.isolation.Decoder.read_into", read_into)
    reader = ClipReader(Reading(16), limit_seconds=60, num_workers=1, frames_ahead=20)
    clips = reader([clip] * 50)
    next(clips)
    assert rest.wait(10)
    # Two lie ready, which is enough; the third was begun when the first was taken.
    assert len(begun) <= 4
    clips.close()


def test_what_fails_while_reading_is_told(tmp_path, monkeypatch):
    def read_into(self, path, room, how, section):
        raise RuntimeError("out of order")

    monkeypatch.setattr("data.decoding.isolation.Decoder.read_into", read_into)
    reader = ClipReader(Reading(16), limit_seconds=60, num_workers=2, frames_ahead=20)
    with pytest.raises(RuntimeError, match="out of order"):
        list(reader([tmp_path / "a.mp4"] * 3))
