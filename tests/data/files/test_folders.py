"""Files that systems and programs leave in folders are no data."""

import os

import pytest

from data.clips.layouts import clips
from data.files.errors import InputError
from data.files.folders import files_below, is_junk, is_text, text_files, why_absent
from data.running_text.documents import read_documents
from data.text.sources import read_texts

JUNK = [
    *("__MACOSX", "._a.txt", ".ipynb_checkpoints", ".DS_Store", "Thumbs.db", "@eaDir", ".git"),
    *("$RECYCLE.BIN", "System Volume Information", "lost+found", ".hidden", "desktop.ini"),
]


@pytest.mark.parametrize("name", JUNK)
def test_junk(name):
    assert is_junk(name)


@pytest.mark.parametrize("name", ["a.mp4", "_a", "macosx", "thumbs", "a.b.txt", "@a", "lost"])
def test_no_junk(name):
    assert not is_junk(name)


def test_texts_at_any_depth_without_junk(tmp_path):
    folder = tmp_path / ".kept" / "texts"
    for name in ("b.txt", "a/c.TXT", "a/._c.txt", "a/d.md", *(f"{junk}/e.txt" for junk in JUNK)):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"text {name}")
    (folder / "a/loop").symlink_to(folder, target_is_directory=True)
    # The name of the folder itself does not matter.
    assert [str(path.relative_to(folder)) for path in text_files(folder)] == ["a/c.TXT", "b.txt"]
    said = ["text a/c.TXT", "text b.txt"]
    assert read_documents(folder, text_column="text", cache=tmp_path / "cache").texts == said
    assert read_texts(str(folder), text_column="text", cache=tmp_path / "cache")["text"] == said


def test_a_folder_that_cannot_be_read(tmp_path, monkeypatch):
    (tmp_path / "a").mkdir()

    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(InputError, match=r"Permission denied; make the folder readable"):
        list(files_below(tmp_path, is_text))


def test_what_is_neither_file_nor_folder_is_said(tmp_path):
    (tmp_path / "broken").symlink_to(tmp_path / "absent")
    os.mkfifo(tmp_path / "pipe")
    for name, says in (
        ("absent", "no such file or folder"),
        ("broken", "a link to what is not there"),
        ("pipe", "neither a file nor a folder"),
        ("a" * 300, "no such file or folder"),
    ):
        assert why_absent(tmp_path / name).startswith(says)
        with pytest.raises(InputError, match=f"{name}: {says}"):
            clips(tmp_path / name, columns={})
        with pytest.raises(InputError, match=f"{name}: {says}"):
            read_documents(tmp_path / name, text_column="text", cache=tmp_path / "cache")
        with pytest.raises(InputError, match=f"{name}: {says}"):
            read_texts(str(tmp_path / name), text_column="text", cache=tmp_path / "cache")
