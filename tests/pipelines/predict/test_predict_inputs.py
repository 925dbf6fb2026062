"""Items to answer in tables, lines and folders."""

import os
from pathlib import Path

import pandas
import pytest

from data.files.errors import InputError
from pipelines.predict.inputs import clip_items, standard_input, text_items


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
    assert [item.source for item in next(groups)] == ["eins", "", "zwei"]
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


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.txt", "\ufefffine\ngut\xfc \nsehr gut\n"),
        ("a.csv", "text,other\nfine,1\ngut\xfc,2\nsehr gut,3\n"),
        ("a.jsonl", '{"text": "fine"}\n{"text": "gut\xfc"}\n{"text": "sehr gut"}\n'),
    ],
)
def test_bytes_that_are_not_utf8_cost_the_row_they_stand_in(tmp_path, name, content):
    bad = content.encode().replace("\xfc".encode(), b"\xfc")
    (tmp_path / name).write_bytes(bad)
    fine, spoilt, good = text_items(str(tmp_path / name), column="text")
    assert (fine.source, good.source) == ("fine", "sehr gut")
    assert fine.problem is None
    assert good.problem is None
    assert "UTF-8" in spoilt.problem
    assert "gut\ufffd" in spoilt.source


@pytest.fixture
def brackets(tmp_path):
    """Folders whose names are patterns too, each beside one that its name would match."""
    for name in ("clips[1]/a.mp4", "clips1/b.mp4", "a*b/c.mp4", "axb/d.mp4", "@eaDir/e.mp4"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("clips[1]", ["a.mp4"]),
        ("clips[1]/", ["a.mp4"]),
        ("clips[1]/*.mp4", ["a.mp4"]),
        ("clips[1]/a.mp4", ["a.mp4"]),
        ("clips[0-9]/*.mp4", ["b.mp4"]),
        ("clips*/?.mp4", ["b.mp4", "a.mp4"]),
        ("a*b", ["c.mp4"]),
        ("a*b/*", ["c.mp4"]),
        ("a?b/*", ["c.mp4", "d.mp4"]),
        ("*/*.mp4", ["c.mp4", "d.mp4", "b.mp4", "a.mp4"]),
        ("**/*.mp4", ["c.mp4", "d.mp4", "b.mp4", "a.mp4"]),
        ("@eaDir/*.mp4", ["e.mp4"]),
    ],
)
def test_a_path_that_exists_is_no_pattern(brackets, source, names):
    found = [Path(item.source).name for item in clip_items(f"{brackets}/{source}")]
    assert found == names


def test_patterns_from_the_working_folder(brackets, monkeypatch):
    monkeypatch.chdir(brackets)
    assert [item.source for item in clip_items("clips[1]/*.mp4")] == ["clips[1]/a.mp4"]
    assert [item.source for item in clip_items("c*1/*.mp4")] == ["clips1/b.mp4"]


def test_what_is_neither_file_nor_folder(tmp_path):
    (tmp_path / "[broken]").symlink_to(tmp_path / "absent")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="a link to what is not there"):
        clip_items(str(tmp_path / "[broken]"))
    with pytest.raises(InputError, match="neither a file nor a folder"):
        clip_items(str(tmp_path / "pipe"))
    with pytest.raises(InputError, match="a folder, not a file"):
        text_items(str(tmp_path), column="text")
