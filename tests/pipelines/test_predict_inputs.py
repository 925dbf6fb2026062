"""What is to be answered, found: tables, lines, folders."""

import os
from pathlib import Path

import pandas
import pytest

from data.errors import InputError
from pipelines.predict_inputs import clip_items, standard_input, text_items


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
