"""A list is a text, or it is said what it is."""

import gzip
import zipfile

import pytest

from data.clips.layouts import clips
from data.files.errors import InputError
from tests.clips import write_clip

LIST = "path,label\r\né.mp4,run\r\nb.mp4,jump\r\n"


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"]
)
def test_encodings_that_are_certain(tmp_path, encoding):
    (tmp_path / "list.csv").write_bytes(LIST.encode(encoding))
    found = clips(tmp_path / "list.csv", columns={}).clips
    assert [(clip.path.name, clip.label) for clip in found] == [("é.mp4", "run"), ("b.mp4", "jump")]


@pytest.mark.parametrize("line_end", [b"\r\n", b"\n", b"\r"])
def test_other_encodings_are_named_with_their_line(tmp_path, line_end):
    content = "path,label\nb.mp4,run\né.mp4,jump\n".encode("cp1252").replace(b"\n", line_end)
    (tmp_path / "list.csv").write_bytes(content)
    with pytest.raises(
        InputError, match=r"list\.csv, line 3: byte 0xe9 is not UTF-8: .*save it as UTF-8, e.g."
    ):
        clips(tmp_path / "list.csv", columns={})


def test_official_lists_are_read_as_strictly(tmp_path):
    (tmp_path / "trainlist01.txt").write_bytes(b"A/a.avi 1\nB/\xe9.avi 2\n")
    with pytest.raises(InputError, match=r"trainlist01\.txt, line 2: byte 0xe9"):
        clips(tmp_path, columns={})


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.csv", b"PK\x03\x04\x14\x00", "a zip archive or a spreadsheet"),
        ("a.parquet", b"PAR1\x15\x04", "a Parquet table"),
        ("a.csv", b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00", "a binary file"),
        ("a.csv", b"\x00" * 100, "a binary file"),
        ("a.csv", b"\x1b[2J\x07" * 9 + b"\x01\x02" * 9, "a binary file"),
        ("a.csv", b"version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer"),
        ("a.csv", b"\n<!DOCTYPE html>\n<html>", "an HTML page"),
        ("a.json", b"{}", "is JSON; a list of clips is a text file"),
        ("a.txt", b'{"path": "a.mp4"}\n', "is JSON, where a text file with a row a line"),
        ("a.mkv", b"", "is a single clip"),
    ],
)
def test_what_is_no_list(tmp_path, name, content, says):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=says) as caught:
        clips(tmp_path / name, columns={})
    assert str(caught.value).isprintable()


def test_files_that_hold_no_list(tmp_path):
    write_clip(tmp_path / "clip.mp4", num_frames=3).rename(tmp_path / "clip.csv")
    with zipfile.ZipFile(tmp_path / "zip.csv", "w") as archive:
        archive.writestr("list.csv", LIST)
    (tmp_path / "gz.csv").write_bytes(gzip.compress(LIST.encode()))
    for name, says in (
        ("clip.csv", "a binary file"),
        ("zip.csv", "a zip archive"),
        ("gz.csv", "compressed with gzip"),
    ):
        with pytest.raises(InputError, match=f"{name}: is {says}"):
            clips(tmp_path / name, columns={})


def test_compressed_lists_are_read(tmp_path):
    with zipfile.ZipFile(tmp_path / "list.zip", "w") as archive:
        archive.writestr("list.csv", LIST)
    (tmp_path / "list.csv.gz").write_bytes(gzip.compress(LIST.encode()))
    for name in ("list.zip", "list.csv.gz"):
        found = clips(tmp_path / name, columns={}).clips
        assert [clip.label for clip in found] == ["run", "jump"]
