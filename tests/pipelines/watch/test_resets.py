"""When a new sequence begins, and the segments of the drawn video."""

import os
import threading

import av
import numpy as np
import pytest

from data.decoding.probe import probe
from pipelines.predict import load
from pipelines.watch import texts
from tests.clips import numbered, write_clip, write_video


def test_a_sequence_lasts_so_many_seconds(tmp_path, clip_model, watch):
    ckpt = clip_model()
    clip = write_video(tmp_path / "a.mp4", numbered(60))
    _, found, err = watch(ckpt, clip, "--reset=seconds=0.8", "--every_seconds=1000")
    assert [(one["sequence"], one["step"]) for one in found] == [(1, 20), (2, 20), (3, 20)]
    assert [one["ended"] for one in found] == ["seconds=0.8", "seconds=0.8", "the source ended"]
    assert "in 3 sequences" in err
    # Each is read as if nothing had been before it.
    same = watch(ckpt, clip, "--every_steps=20")[1][0]
    assert found[0]["probabilities"] == same["probabilities"]
    assert found[0]["probabilities"] != found[1]["probabilities"]


def test_a_picture_that_stands_still_ends_a_sequence_once(tmp_path, clip_model, watch):
    moving, still = list(numbered(40)), np.full((64, 80, 3), 90, np.uint8)
    pictures = [*moving[:20], *[still] * 30, *moving[20:]]
    clip = write_video(tmp_path / "a.mp4", pictures)
    quiet = ("--reset=quiet=0.4", "--every_seconds=1000", "--quiet_level=3")
    _, found, _ = watch(clip_model(), clip, *quiet)
    # The first still frame differs from the one before it; 0.4 s later the next sequence begins.
    assert [one["step"] for one in found] == [30, 40]
    assert [one["ended"] for one in found] == ["quiet=0.4", "the source ended"]


def test_a_text_that_pauses(tmp_path, text_model, watch, monkeypatch):
    """The pause is as long as the test waits for the answer to what came before it."""
    ckpt = text_model()
    os.mkfifo(tmp_path / "pipe")
    ended = threading.Event()
    end = texts.Sequences.end

    def told(self, reason):
        end(self, reason)
        if reason.startswith("quiet") and self.num_read:
            ended.set()

    monkeypatch.setattr(texts.Sequences, "end", told)

    def write():
        with (tmp_path / "pipe").open("w") as pipe:
            pipe.write("a fine film")
            pipe.flush()
            ended.wait(60)
            pipe.write("an awful bore")

    writer = threading.Thread(target=write)
    writer.start()
    _, found, _ = watch(ckpt, tmp_path / "pipe", "--reset=quiet=0.1", "--every_seconds=1000")
    writer.join()
    due = [one.probabilities for one in load(ckpt).many(["a fine film", "an awful bore"])]
    assert [one["ended"] for one in found] == ["quiet=0.1", "the source ended"]
    for one, probabilities in zip(found, due, strict=True):
        assert one["probabilities"] == pytest.approx(probabilities, abs=1e-5)


def test_a_sequence_has_so_many_tokens(tmp_path, text_model, watch):
    (tmp_path / "a.txt").write_text("a fine film and a dull bore")
    options = ("--reset=tokens=3", "--every_seconds=1000")
    _, found, _ = watch(text_model(), tmp_path / "a.txt", *options)
    assert [one["step"] for one in found] == [3, 3, 1]


def test_more_frames_than_were_learnt_are_told(tmp_path, clip_model, watch):
    clip = write_clip(tmp_path / "a.mp4", num_frames=20)
    _, found, err = watch(clip_model(max_frames=8), clip)
    assert found[-1]["step"] == 20
    assert err.count("as long as the longest that the model was trained to read (8 frames)") == 1


def test_bytes_that_are_no_characters_are_told(tmp_path, text_model, watch):
    (tmp_path / "a.txt").write_bytes(b"a fine \xe9 film \xe9")
    code, found, err = watch(text_model(), tmp_path / "a.txt")
    assert (code, found[-1]["step"]) == (0, 5)
    assert err.count("byte 0xe9 is not UTF-8") == 1


def test_nothing_to_read_has_no_answer(tmp_path, text_model, watch):
    (tmp_path / "a.txt").write_text("  \n ")
    code, found, err = watch(text_model(), tmp_path / "a.txt")
    assert (code, found) == (0, [])
    assert "read 0 tokens in 0 sequences" in err


def seconds_of(path):
    with av.open(str(path)) as container:
        return [frame.time for frame in container.decode(video=0)]


def test_segments_hold_every_frame_once_at_its_time(tmp_path, clip_model, watch):
    ckpt = clip_model(frames="every=3")
    times = np.random.default_rng(2).integers(1, 4, 60).cumsum()
    clip = write_video(tmp_path / "a.mp4", numbered(60), times=times.tolist())
    code, _, _ = watch(ckpt, clip, f"--overlay={tmp_path / 'out.mp4'}", "--segment_seconds=2")
    assert code == 0
    due = (times - times[0]) / 25
    segments = sorted(tmp_path.glob("out-*.mp4"))
    assert [path.name for path in segments] == ["out-000.mp4", "out-001.mp4", "out-002.mp4"]
    found, number = [], 0
    for path in segments:
        own = np.array(seconds_of(path))
        assert own[0] == 0
        np.testing.assert_allclose(own, due[number : number + len(own)] - due[number], atol=1e-4)
        found += own.tolist()
        number += len(own)
    assert number == 60
    assert (probe(segments[0]).width_px, probe(segments[0]).height_px) == (80, 64)
    assert not list(tmp_path.glob(".*"))
    # The answer is drawn on it.
    with av.open(str(segments[1])) as drawn, av.open(str(clip)) as plain:
        pixels = next(drawn.decode(video=0)).to_ndarray(format="rgb24").astype(int)
        every = [one.to_ndarray(format="rgb24") for one in plain.decode(video=0)]
        first = len(seconds_of(segments[0]))
    differs = np.abs(pixels - every[first]).max(-1) > 40
    assert differs[:24, :40].mean() > 0.05
    assert differs[50:].mean() < 0.02


def test_a_segment_is_whole_or_absent_and_none_is_overwritten(tmp_path, clip_model, watch):
    ckpt = clip_model()
    clip = write_clip(tmp_path / "a.mp4", num_frames=60)
    (tmp_path / "out-001.mp4").write_bytes(b"mine")
    options = (f"--overlay={tmp_path / 'out.mp4'}", "--segment_seconds=1")
    code, _, err = watch(ckpt, clip, *options)
    assert code == 2
    assert "out-001.mp4 exists already and is not overwritten" in err
    assert (tmp_path / "out-001.mp4").read_bytes() == b"mine"
    assert probe(tmp_path / "out-000.mp4").num_frames == 25
    assert not list(tmp_path.glob(".*"))
