import gzip
import tarfile
import zipfile

import av
import numpy as np
import pytest

from data.decoding import lookalikes
from data.decoding.lookalikes import what_it_is
from data.decoding.probe import UnreadableError, probe
from tests.clips import numbered, write_video

CONTENTS = {
    "is empty (0 bytes); ": b"",
    "is a Git LFS pointer in place of the file; fetch it with: git lfs pull": (
        b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12345\n"
    ),
    "is a git-annex pointer": b"/annex/objects/SHA256E-s1--00.mp4\n",
    "is an HTML page, ": b"\n<!DOCTYPE html>\n<html><head><title>Sign in</title></head></html>",
    "is an HTML page, as ": b"\xef\xbb\xbf<HTML>\n<body>404</body></HTML>",
    "is a playlist, ": b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n",
    "is a text file and no video; ": "café: see notes\n".encode() * 999,
    "is a picture (JPEG) and no video; leave it out": b"\xff\xd8\xff\xe0\0\x10JFIF" + bytes(99),
    "is a picture (WebP)": b"RIFF\0\0\0\0WEBPVP8 " + bytes(99),
    "is an archive (7z) and no video; unpack it": b"7z\xbc\xaf\x27\x1c" + bytes(99),
    "is an archive (gzip)": gzip.compress(b"clip"),
    "is a PDF document": b"%PDF-1.7\n\x00",
}


@pytest.mark.parametrize("said", CONTENTS)
def test_each_is_called_what_it_is(tmp_path, said):
    path = tmp_path / "clip.mp4"
    path.write_bytes(CONTENTS[said])
    with pytest.raises(UnreadableError) as caught:
        probe(path)
    assert str(caught.value).startswith(said)
    assert "\n" not in str(caught.value)


def test_archives_that_are_written(tmp_path):
    (tmp_path / "a.txt").write_text("a")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.write(tmp_path / "a.txt")
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        archive.add(tmp_path / "a.txt")
    assert what_it_is(tmp_path / "a.zip") == "is an archive (zip) and no video; unpack it"
    assert what_it_is(tmp_path / "a.tar") == "is an archive (tar) and no video; unpack it"


@pytest.mark.parametrize("share", [0.5, 0.9, 0.99])
def test_a_recording_that_was_not_finished(tmp_path, share):
    path = write_video(tmp_path / "clip.mp4", numbered(60))
    assert what_it_is(path) is None
    content = path.read_bytes()
    index = content.index(b"moov") - 4
    path.write_bytes(content[: int(index * share)])
    with pytest.raises(UnreadableError, match=r"^has no index \(no moov atom\): its recording"):
        probe(path)


def test_what_is_cut_within_its_index_or_is_noise_is_damaged(tmp_path):
    path = tmp_path / "noise.mp4"
    path.write_bytes(np.random.default_rng(0).bytes(5000))
    with pytest.raises(UnreadableError, match=r"Invalid data|damaged"):
        probe(path)
    assert what_it_is(path) is what_it_is(tmp_path / "absent.mp4") is None


def test_boxes_without_an_end_end(tmp_path):
    path = tmp_path / "loop.mp4"
    for size in (0, 1, 7, 8):
        path.write_bytes(b"\0\0\0\x08ftyp" + (bytes([0, 0, 0, size]) + b"free") * 20_000)
        assert what_it_is(path) is None or "no index" in what_it_is(path)


def test_a_file_that_may_not_be_read(tmp_path, monkeypatch):
    path = write_video(tmp_path / "clip.mp4", numbered(3))

    def refuse(*args, **options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(av, "open", refuse)
    monkeypatch.setattr(lookalikes, "open", refuse, raising=False)
    with pytest.raises(UnreadableError) as caught:
        probe(path)
    assert str(caught.value) == "may not be read (permission denied); make the file readable"


def test_sound_alone(tmp_path):
    path = tmp_path / "sound.wav"
    with av.open(str(path), "w") as output:
        stream = output.add_stream("pcm_s16le", rate=8000, layout="mono")
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), "s16", "mono")
        sound.sample_rate = 8000
        output.mux(stream.encode(sound))
    with pytest.raises(UnreadableError, match=r"^holds no video stream$"):
        probe(path)
