"""Paths that another system, another program or another person wrote."""

import logging
import unicodedata

import pytest

from data.clips.layouts import clips
from data.files.errors import InputError


@pytest.fixture
def read(tmp_path, caplog):
    """Reads a list of paths in the folder ``set``; what is found, relative to the folder above."""
    folder = tmp_path / "set"
    for name in ("train/a.mp4", "train/b.mp4", "[set1]/c.mp4", "d*.mp4", "50%.mp4"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()

    def read(*paths, place="set"):
        table = tmp_path / place / "list.csv"
        table.write_text("path,label\n" + "".join(f'"{path}",x\n' for path in paths))
        with caplog.at_level(logging.WARNING):
            found = clips(table, columns={}).clips
        return [str(clip.path.relative_to(tmp_path)) for clip in found], caplog.text

    return read


@pytest.mark.parametrize(
    "path", ["./train/a.mp4", "train//a.mp4", "[set1]/c.mp4", "d*.mp4", "50%.mp4"]
)
def test_paths_are_taken_as_they_are_written(read, path):
    found, said = read(path)
    assert found == [f"set/{path}".replace("/./", "/").replace("//", "/")]
    assert said == ""


def test_separators_of_windows(read, tmp_path):
    found, said = read("train\\a.mp4", ".\\train\\b.mp4", "train/a.mp4")
    assert found == ["set/train/a.mp4", "set/train/b.mp4", "set/train/a.mp4"]
    assert "2 paths are written with backslashes, which are read as slashes" in said
    # A file may be called so here.
    (tmp_path / "set/train\\c.mp4").touch()
    assert read("train\\c.mp4")[0] == ["set/train\\c.mp4"]


@pytest.mark.parametrize("path", ["C:\\clips\\a.mp4", "d:/clips/a.mp4"])
def test_drives_of_windows(read, path):
    with pytest.raises(InputError, match=r"line 3: .* on a drive of Windows.*relative to the list"):
        read("train/a.mp4", path)


@pytest.mark.parametrize("place", ["set", "set/train", "set/lists"])
def test_another_root(read, tmp_path, place):
    (tmp_path / place).mkdir(exist_ok=True)
    found, said = read("/train/a.mp4", "\\train\\b.mp4", place=place)
    assert found == ["set/train/a.mp4", "set/train/b.mp4"]
    assert f"2 paths are not there, e.g. /train/a.mp4; read as relative to {tmp_path}" in said


def test_another_root_beside_paths_that_are_there(read, tmp_path):
    (tmp_path / "whole.mp4").touch()
    found, said = read(tmp_path / "whole.mp4", "/train/a.mp4", "train/b.mp4")
    assert found == ["whole.mp4", "set/train/a.mp4", "set/train/b.mp4"]
    assert "1 path is not there" in said


def test_a_root_that_is_not_certain(read):
    with pytest.raises(InputError, match=r"e\.g\. /train/a\.mp4; .*\(1 at most\); write paths"):
        read("/train/a.mp4", "/train/gone.mp4")
    with pytest.raises(InputError, match=r"\(without /data/clips they would be there\)"):
        read("/data/clips/train/a.mp4", "/data/clips/d*.mp4")


def test_paths_from_the_folder_above(read, tmp_path):
    found, said = read("set/train/a.mp4", "set/train/b.mp4")
    assert found == ["set/train/a.mp4", "set/train/b.mp4"]
    assert f"read as relative to {tmp_path}" in said


def test_one_path_that_is_not_there_is_not_searched_elsewhere(read, tmp_path):
    (tmp_path / "gone.mp4").touch()
    assert read("train/a.mp4", "gone.mp4")[0] == ["set/train/a.mp4", "set/gone.mp4"]


def test_home_folders(read, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    found, said = read("~/set/train/a.mp4", "train/b.mp4")
    assert found == ["set/train/a.mp4", "set/train/b.mp4"]
    assert "~ is read as a home folder" in said
    assert read("~/gone.mp4", "train/b.mp4")[0][0] == "set/~/gone.mp4"


@pytest.mark.parametrize("forms", [("NFC", "NFD"), ("NFD", "NFC")])
def test_accents_composed_in_another_way(read, tmp_path, forms):
    on_disk, in_list = forms
    file = tmp_path / "set" / unicodedata.normalize(on_disk, "é/ü.mp4")
    file.parent.mkdir()
    file.touch()
    found, said = read(unicodedata.normalize(in_list, "é/ü.mp4"), "train/a.mp4")
    assert (tmp_path / found[0]).is_file()
    assert said == ""


def test_addresses_are_not_downloaded(read):
    found, said = read("http://host/1.mp4", "file:///1.mp4", "train/a.mp4")
    assert found[2] == "set/train/a.mp4"
    assert "2 paths are given as addresses, e.g. http://host/1.mp4; nothing is downloaded" in said


def test_where_nothing_is_there_it_is_said(read, tmp_path, monkeypatch):
    _, said = read("gone/1.mp4", "gone/2.mp4")
    assert "none of the files that it lists is there, e.g." in said
    other = tmp_path / "elsewhere"
    (other / "gone").mkdir(parents=True)
    for name in ("1.mp4", "2.mp4"):
        (other / "gone" / name).touch()
    monkeypatch.chdir(other)
    _, said = read("gone/1.mp4", "gone/2.mp4")
    assert f"paths are relative to the list, and not to {other}" in said


def test_folders_are_no_clips(read):
    _, said = read("train", "train/a.mp4")
    assert "names folders, e.g." in said
