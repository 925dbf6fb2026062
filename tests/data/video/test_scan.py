import os
import sqlite3
import sys
import threading
from contextlib import suppress

import numpy as np
import pytest

from data.decoding.isolation import Decoder
from data.decoding.probe import Probe, probe
from data.video import scan
from data.video.scan import contents_of, digest_files, probe_files
from tests.clips import WAYS, numbered, write_video, write_way
from tests.odd_clips import join, write_fields, write_streams


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """A cache folder of this test alone."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("MANYTOONE_CACHE", str(folder))
    return folder


@pytest.fixture
def clips(tmp_path):
    return [write_video(tmp_path / f"{k}.mp4", numbered(k + 3)) for k in range(4)]


@pytest.fixture
def read_anew(monkeypatch):
    """Names of the files that a decoder is asked for, in the order of their names."""
    names = []
    ask = Decoder.probe

    def probe(self, path):
        names.append(path.name)
        return ask(self, path)

    monkeypatch.setattr(Decoder, "probe", probe)
    return lambda: [sorted(names), names.clear()][0]


def lengths(found):
    return [one.num_frames for one in found]


def assert_equal(one, other):
    for here, there in zip(one, other, strict=True):
        np.testing.assert_array_equal(here, there)
        assert type(here) is type(there)


def test_the_second_time_no_file_is_read(clips, read_anew):
    first = probe_files(clips)
    assert lengths(first) == [3, 4, 5, 6]
    assert read_anew() == [clip.name for clip in clips]
    second = probe_files(clips[::-1])
    assert read_anew() == []
    for one, other, clip in zip(first, second[::-1], clips, strict=True):
        assert_equal(one, other)
        assert_equal(one, probe(clip))


@pytest.mark.parametrize("way", WAYS)
def test_what_is_kept_is_what_was_found(tmp_path, way):
    path = write_way(tmp_path, way)
    probe_files([path])
    (kept,) = probe_files([path])
    assert isinstance(kept, Probe)
    assert_equal(kept, probe(path))


def test_what_is_kept_of_odd_clips_is_what_was_found(tmp_path):
    paths = [
        join(tmp_path / "joined.ts", [10, 10]),
        write_fields(tmp_path / "fields.ts", 10),
        write_streams(tmp_path / "two.mp4", [(80, 64), (64, 48)], default=0, lengths=[9, 9]),
        write_video(tmp_path / "far.mkv", numbered(9), times=[*range(8), 10**9]),
    ]
    probe_files(paths)
    for path, kept in zip(paths, probe_files(paths), strict=True):
        assert not kept.is_ordinary
        assert_equal(kept, probe(path))


def test_a_file_that_changed_is_read_again(clips, read_anew):
    probe_files(clips)
    read_anew()
    write_video(clips[1], numbered(17))
    assert lengths(probe_files(clips)) == [3, 17, 5, 6]
    assert read_anew() == ["1.mp4"]
    # The same size, but another time.
    status = clips[2].stat()
    os.utime(clips[2], ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    assert lengths(probe_files(clips)) == [3, 17, 5, 6]
    assert read_anew() == ["2.mp4"]


def test_a_file_that_is_named_twice_is_read_once(clips, read_anew):
    names = [clips[0], clips[1], clips[0], clips[0]]
    assert lengths(probe_files(names)) == [3, 4, 3, 3]
    assert read_anew() == ["0.mp4", "1.mp4"]


def test_reasons_come_in_place_and_are_not_kept(tmp_path, clips, read_anew):
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"\0nothing")
    files = [clips[0], broken, tmp_path / "none.mp4", clips[1]]
    for again in (["0.mp4", "1.mp4"], []):
        found = probe_files(files)
        assert lengths([found[0], found[3]]) == [3, 4]
        assert found[1:3] == ["Invalid data found when processing input", "no such file"]
        assert read_anew() == sorted([*again, "broken.mp4", "none.mp4"])
    broken.write_bytes(clips[3].read_bytes())
    assert lengths(probe_files([broken])) == [6]


@pytest.mark.parametrize(
    "content", [b"this is no database" * 100, b"SQLite format 3\0" + b"\1" * 5000]
)
def test_a_damaged_cache_is_none(clips, cache, content):
    probe_files(clips)
    (file,) = cache.glob("files-*.sqlite")
    file.write_bytes(content)
    for _ in range(2):
        assert lengths(probe_files(clips)) == [3, 4, 5, 6]


@pytest.mark.parametrize("result", [b"", b"nonsense", b"\x78\x01\x03\x00\x00\x00\x00\x01", 7, None])
def test_a_damaged_entry_is_none(clips, cache, read_anew, result):
    probe_files(clips)
    read_anew()
    (file,) = cache.glob("files-*.sqlite")
    with sqlite3.connect(file) as database:
        database.execute("UPDATE probe SET result = ? WHERE path = ?", (result, str(clips[2])))
    database.close()
    assert lengths(probe_files(clips)) == [3, 4, 5, 6]
    assert read_anew() == ["2.mp4"]
    assert lengths(probe_files(clips)) == [3, 4, 5, 6]
    assert read_anew() == []


def test_a_cache_that_cannot_be_written_is_none(clips, tmp_path, monkeypatch, read_anew):
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("MANYTOONE_CACHE", str(tmp_path / "file" / "below"))
    for _ in range(2):
        assert lengths(probe_files(clips)) == [3, 4, 5, 6]
        assert len(read_anew()) == 4


def test_a_cache_that_is_read_only_is_read(clips, cache, monkeypatch, read_anew):
    probe_files(clips[:2])
    read_anew()
    connect = sqlite3.connect
    monkeypatch.setattr(
        sqlite3, "connect", lambda path, **k: connect(f"file:{path}?mode=ro", uri=True, **k)
    )
    assert lengths(probe_files(clips)) == [3, 4, 5, 6]
    assert read_anew() == ["2.mp4", "3.mp4"]


def test_a_cache_holds_no_code(clips, cache):
    """To read what somebody else may have written must not be able to run something."""
    probe_files(clips)
    digest_files(clips)
    (file,) = cache.glob("files-*.sqlite")
    content = file.read_bytes()
    assert b"numpy" not in content
    assert "pickle" not in scan.__dict__


def children():
    """The processes that this one has started and that have not ended."""
    found = set()
    for process in filter(str.isdigit, os.listdir("/proc")):
        with suppress(OSError), open(f"/proc/{process}/stat") as file:
            if file.read().rsplit(")", 1)[1].split()[1] == str(os.getpid()):
                found.add(process)
    return found


def test_decoders_end_with_the_scan(clips):
    if not sys.platform.startswith("linux"):
        pytest.skip("processes are counted in /proc")
    threads, before = threading.active_count(), children()
    probe_files(clips)
    assert threading.active_count() == threads
    assert children() <= before


def test_digests_are_those_of_the_bytes(tmp_path, monkeypatch):
    files = []
    for name, content in (("empty", b""), ("abc", b"abc")):
        files.append(tmp_path / name)
        files[-1].write_bytes(content)
    files.append(tmp_path / "none")
    known = [
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        "",
    ]
    monkeypatch.setattr(scan, "_BLOCK_BYTES", 2)
    assert digest_files(files) == known
    monkeypatch.setattr("hashlib.sha256", None)
    assert digest_files(files[:2]) == known[:2]


def test_files_of_the_same_bytes_have_the_same_content(tmp_path):
    contents = {
        "a": b"same",
        "b": b"same",
        "c": b"size",
        "d": b"of another size",
        "e": b"",
        "f": b"",
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    paths = [tmp_path / name for name in [*contents, "none", "a"]]
    keys = contents_of(paths)
    assert keys[0] == keys[1] == keys[7]
    assert len(set(keys)) == len(keys) - 2
    # The bytes alone tell, wherever a file lies.
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "x").write_bytes(b"same")
    assert contents_of([tmp_path / "folder" / "x"]) == keys[:1]
