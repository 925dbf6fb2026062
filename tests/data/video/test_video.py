import os
import signal

import numpy as np
import pytest
import torch

from data.decoding.decode import read_frames
from data.decoding.isolation import Decoder
from data.decoding.probe import UnreadableError, probe
from data.files.errors import InputError
from data.video.data_module import VideoDataModule
from tests.clips import grey_of, write_classes, write_clip


def greys(frames):
    return np.asarray(frames, dtype=float).reshape(len(frames), -1).mean(1)


def expected(num_frames, level=40):
    return [grey_of(k, level) for k in range(num_frames)]


def test_every_frame_in_order(tmp_path):
    clip = write_clip(tmp_path / "clip.mp4", num_frames=50)
    found = probe(clip)
    assert (found.num_frames, found.width_px, found.height_px, found.codec) == (50, 64, 48, "h264")
    frames, seconds = read_frames(clip, size_px=32)
    assert frames.shape == (50, 3, 32, 32)
    np.testing.assert_allclose(seconds, np.arange(50) / 25, atol=1e-4)
    assert np.abs(greys(frames) - expected(50)).max() <= 1.5
    np.testing.assert_array_equal(read_frames(clip, size_px=32, max_frames=7).pixels, frames[:7])


def test_fits(tmp_path):
    clip = write_clip(tmp_path / "wide.mp4", num_frames=2, width=128, height=64, level=120)
    letterboxed = read_frames(clip, size_px=32, fit="letterbox").pixels[0].transpose(1, 2, 0)
    assert letterboxed[:8].max() == 0
    assert letterboxed[-8:].max() == 0
    assert letterboxed[8:24].min() > 100
    for fit in ("crop", "stretch"):
        assert read_frames(clip, size_px=32, fit=fit).pixels[0].min() > 100


def test_damage_costs_frames_and_not_the_clip(tmp_path):
    clip = write_clip(tmp_path / "clip.mp4", num_frames=50)
    content = bytearray(clip.read_bytes())
    start = content.index(b"mdat")
    size = int.from_bytes(content[start - 4 : start], "big")
    content[start + size // 2 : start + size * 6 // 10] = bytes(size * 6 // 10 - size // 2)
    clip.write_bytes(content)
    assert len(read_frames(clip, size_px=16, min_share=0.2).seconds) > 10


@pytest.mark.parametrize("content", [b"", b"this is no video" * 100])
def test_unreadable_files_say_why_in_one_line(tmp_path, content):
    path = tmp_path / "broken.mp4"
    path.write_bytes(content)
    for read in (probe, lambda path: read_frames(path, size_px=16)):
        with pytest.raises(UnreadableError) as caught:
            read(path)
        assert str(caught.value)
        assert "\n" not in str(caught.value)


def test_a_list_cannot_open_the_network(tmp_path):
    playlist = tmp_path / "list.m3u8"
    playlist.write_text("#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/x.ts\n")
    with pytest.raises(UnreadableError):
        read_frames(playlist, size_px=16)


def test_ragged_batches_of_a_folder(tmp_path):
    data = VideoDataModule(path=str(write_classes(tmp_path)), size_px=16, steps_per_batch=30)
    assert data.classes == ["bright", "dark"]
    seen = {}
    for batch in data.train_dataloader():
        assert batch.steps.dtype == torch.uint8
        assert batch.steps.shape == (batch.lengths.sum(), 3, 16, 16)
        clips = torch.split(batch.steps, batch.lengths.tolist())
        for clip, label, row in zip(clips, batch.labels.tolist(), batch.ids.tolist(), strict=True):
            level = (150, 20)[label]
            assert np.abs(greys(clip) - expected(len(clip), level)).max() <= 1.5
            seen[row] = len(clip)
    part = data.parts["train"]
    assert seen == dict(zip(part.ids.tolist(), part.lengths.tolist(), strict=True))


def test_unreadable_clips_are_listed_or_fail(tmp_path):
    write_classes(tmp_path)
    (tmp_path / "dark" / "broken.mp4").write_bytes(b"nothing")
    data = VideoDataModule(path=str(tmp_path), size_px=16)
    assert sum(map(len, data.parts.values())) == 12
    assert [skip.source for skip in data.skipped] == [str(tmp_path / "dark" / "broken.mp4")]
    with pytest.raises(InputError, match=r"broken\.mp4: .*on_error=skip"):
        _ = VideoDataModule(path=str(tmp_path), on_error="fail").parts


def test_clip_that_breaks_after_the_scan_is_skipped_in_its_batch(tmp_path):
    data = VideoDataModule(path=str(write_classes(tmp_path)), size_px=16)
    part = data.parts["train"]
    part.files[0].write_bytes(b"gone")
    batch = part.__getitems__([0, 1])
    assert batch.ids.tolist() == [part.ids[1]]
    assert [skip.id for skip in batch.skipped] == [part.ids[0]]
    assert part.__getitems__([0]).num_sequences == 0


def test_max_frames_counts_what_it_cuts(tmp_path):
    data = VideoDataModule(path=str(write_classes(tmp_path)), max_frames=5, size_px=16)
    part = data.parts["test"]
    whole = VideoDataModule(path=str(tmp_path), size_px=16).parts["test"]
    assert part.truncated_steps == (whole.lengths - 5).sum() > 0
    assert set(part.__getitems__(range(len(part))).lengths.tolist()) == {5}


def test_list_without_column_names(tmp_path):
    write_classes(tmp_path / "clips [1]", clips_per_class=2)
    parts = ("train", "test")
    rows = [
        f"clips [1]\\{label}\\{k}.mp4;{label};{part};0:00,1"
        for label in ("dark", "bright")
        for k, part in enumerate(parts)
    ]
    rows += [rows[0].replace("train", "val").replace("0:00,1", "0,2")]
    (tmp_path / "list.csv").write_text("\n".join(rows))
    data = VideoDataModule(
        path=str(tmp_path / "list.csv"), columns="path,label,split,start", size_px=16
    )
    assert {name: len(part) for name, part in data.parts.items()} == {
        "train": 2,
        "val": 1,
        "test": 2,
    }
    # 25 frames a second: at 0.1 s frame 2 is on show, at 0.2 s frame 5.
    assert data.parts["train"].lengths[0] - data.parts["val"].lengths[0] == 3


def test_manifest_with_other_column_names(tmp_path):
    write_classes(tmp_path / "clips", clips_per_class=2)
    rows = ["file,kind,use"]
    for k, use in enumerate(("train", "test")):
        rows += [f"clips/{label}/{k}.mp4,{label},{use}" for label in ("dark", "bright")]
    write_clip(tmp_path / "more.mp4", num_frames=3)
    rows += ["more.mp4,dark,val", "clips/dark/missing.mp4,dark,train"]
    table = tmp_path / "list.csv"
    table.write_text("\n".join(rows))
    data = VideoDataModule(
        path=str(table), path_column="file", label_column="kind", split_column="use", size_px=16
    )
    assert {name: len(part) for name, part in data.parts.items()} == {
        "train": 2,
        "val": 1,
        "test": 2,
    }
    assert data.skipped[0].reason == "no such file"
    with pytest.raises(InputError, match=r"no column 'label': its columns are file, kind, use"):
        _ = VideoDataModule(path=str(table)).parts


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda root: root / "nowhere", "no such file or folder"),
        (lambda root: root, "holds no sub-folder"),
        (lambda root: (root / "empty").mkdir() or root, "no video file in the folder"),
        (
            lambda root: write_clip(root / "only" / "one.mp4", num_frames=2).parents[1],
            "only the class 'only'",
        ),
    ],
)
def test_bad_folders(tmp_path, make, says):
    with pytest.raises(InputError, match=says):
        _ = VideoDataModule(path=str(make(tmp_path))).parts


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="a decoder is stopped as POSIX has it")
@pytest.mark.parametrize("num_workers", [0, 1])
def test_a_run_goes_on_and_lists_the_file_that_hangs(tmp_path, monkeypatch, num_workers):
    write_classes(tmp_path, clips_per_class=4, num_frames=4)
    data = VideoDataModule(path=str(tmp_path), size_px=16, num_workers=num_workers)
    part = data.parts["train"]
    slow = part.files[2]
    read_into = Decoder.read_into

    def hang(self, path, *arguments, **options):
        if path == slow:
            self.probe(path)
            self.limit_seconds = 0.6
            os.kill(self._process.pid, signal.SIGSTOP)
        else:
            self.limit_seconds = 60
        return read_into(self, path, *arguments, **options)

    monkeypatch.setattr(Decoder, "read_into", hang)
    seen, skipped = [], []
    for batch in data.loader(part):
        seen += batch.ids.tolist()
        skipped += batch.skipped
    reason = "took longer than 1 s to decode (0 frames by then)"
    assert skipped == [(part.ids[2], str(slow), reason)]
    assert sorted(seen) == sorted(set(part.ids.tolist()) - {part.ids[2]})
