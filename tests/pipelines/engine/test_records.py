"""Records of an input: the same rows from any place on."""

import json
import random
from pathlib import Path

import pandas
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.files.errors import InputError
from data.tables.table_format import TableFormat
from pipelines.engine.records import parquet
from pipelines.engine.records.opening import Asked, open_records
from pipelines.engine.records.parquet import ParquetRecords, content_digest
from pipelines.engine.records.record import Columns, RecordMaker
from pipelines.predict.inputs import text_items
from pipelines.predict.steps import PictureSteps

TEXTS = [f"text {k}" for k in range(60)]


def asked(path, **options):
    values = {"text_column": "text", "path_column": "path", "id_column": None}
    return Asked(str(path), **values | options, format=TableFormat(prefix="--"))


def opened(path, steps=None, **options):
    output = Path(path).parent / "elsewhere"
    return open_records(asked(path, **options), steps, output=output, lists_anew=True)


def write_texts(path, texts=TEXTS, rows=7):
    table = pandas.DataFrame({"number": range(len(texts)), "text": texts, "id": range(len(texts))})
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pandas(table), path, row_group_size=rows)
    elif path.suffix == ".jsonl":
        table.to_json(path, orient="records", lines=True)
    elif path.suffix == ".txt":
        path.write_text("\n".join(texts))
    else:
        table.to_csv(path, index=False)
    return path


@pytest.mark.parametrize("name", ["a.parquet", "a.csv", "a.jsonl", "a.txt"])
def test_any_range_of_rows(tmp_path, name):
    records = opened(write_texts(tmp_path / name))
    assert records.count() == len(TEXTS)
    draw = random.Random(0)
    ranges = [(start, start + draw.randrange(1, 20)) for start in draw.choices(range(55), k=20)]
    for start, stop in [(0, 5), (5, 9), (30, 33), (59, 60), *ranges]:
        stop = min(stop, len(TEXTS))
        found = list(records.read(start, stop))
        assert [one.source for one in found] == TEXTS[start:stop]
        assert [one.item.source for one in found] == TEXTS[start:stop]
        if name != "a.txt":
            assert [str(one.id) for one in found] == [str(k) for k in range(start, stop)]


def test_several_files_below_each_other(tmp_path):
    for k, name in enumerate(("b/2.parquet", "a/1.parquet", "c.parquet")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        write_texts(tmp_path / name, [f"{name} {row}" for row in range(10 + k)], rows=4)
    (tmp_path / "empty.parquet").parent.mkdir(exist_ok=True)
    write_texts(tmp_path / "d.parquet", [])
    records = open_records(asked(tmp_path), None, output=Path("elsewhere"), lists_anew=True)
    assert records.count() == 33
    found = [one.source for one in records.read(8, 25)]
    everything = [f"a/1.parquet {k}" for k in range(11)] + [f"b/2.parquet {k}" for k in range(10)]
    assert found == (everything + [f"c.parquet {k}" for k in range(12)])[8:25]
    with pytest.raises(InputError, match="lies in INPUT"):
        open_records(asked(tmp_path), None, output=tmp_path / "out", lists_anew=True)


def test_row_groups_before_a_piece_are_not_read(tmp_path, monkeypatch):
    begun = []
    read = parquet.parquet_batches_from

    def watched(path, columns, *, first_group, **options):
        begun.append(first_group)
        return read(path, columns, first_group=first_group, **options)

    monkeypatch.setattr(parquet, "parquet_batches_from", watched)
    records = opened(write_texts(tmp_path / "a.parquet", rows=10))
    for start in (25, 28, 31, 35, 52):
        list(records.read(start, start + 3))
    # 31 follows on the row group that was open; 52 skips one.
    assert begun == [2, 5]
    assert [one.source for one in records.read(3, 5)] == TEXTS[3:5]
    assert begun == [2, 5, 0]


def test_rows_that_are_decoded_for_others(tmp_path):
    records = opened(write_texts(tmp_path / "a.parquet", rows=10))
    assert records.num_decoded([(0, 5), (10, 15), (18, 31)]) == 40
    assert records.num_decoded([]) == 0
    assert opened(write_texts(tmp_path / "a.csv")).num_decoded([(5, 7), (20, 22)]) == 22


@pytest.mark.parametrize("limit", [2**26, 0])
def test_another_content_has_another_digest(tmp_path, monkeypatch, limit):
    monkeypatch.setattr(parquet, "_WHOLE_BYTES", limit)
    monkeypatch.setattr(parquet, "_BLOCK_BYTES", 16)
    first = content_digest(write_texts(tmp_path / "a.parquet"))
    assert content_digest(write_texts(tmp_path / "b.parquet")) == first
    assert content_digest(write_texts(tmp_path / "c.parquet", [*TEXTS[:-1], "other"])) != first
    assert content_digest(write_texts(tmp_path / "d.parquet", rows=8)) != first


@pytest.mark.parametrize("name", ["a.csv", "a.txt"])
def test_a_changed_table_has_another_digest(tmp_path, name):
    first = opened(write_texts(tmp_path / name)).fingerprint
    write_texts(tmp_path / name, [*TEXTS[:30], "other", *TEXTS[31:]])
    assert opened(tmp_path / name).fingerprint != first


def test_rows_that_cannot_be_read_are_records(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"text,other\nfine,1\ngut\xfc,2\n,3\nlast,4\n")
    records = opened(tmp_path / "a.csv")
    plain = list(
        text_items(str(tmp_path / "a.csv"), column="text", format=TableFormat(prefix="--"))
    )
    assert records.count() == len(plain) == 4
    assert [one.item for one in records.read(0, 4)] == plain
    assert "line 3" in plain[1].problem


def clips_table(path, rows):
    if path.suffix == ".jsonl":
        path.write_text("\n".join(json.dumps(row) for row in rows))
    else:
        pandas.DataFrame(rows).to_parquet(path)
    return path


@pytest.fixture
def steps():
    return PictureSteps(size_px=16, num_workers=1)


@pytest.mark.parametrize("suffix", [".parquet", ".jsonl"])
def test_paths_are_relative_to_their_table(tmp_path, steps, suffix):
    table = clips_table(
        tmp_path / f"list{suffix}",
        [
            {"path": "a/b.mp4", "id": "x", "start_seconds": "1.5", "end_seconds": "0:02"},
            {"path": "/c.mp4", "id": "y", "start_seconds": None, "end_seconds": None},
            {"path": None, "id": "z", "start_seconds": None, "end_seconds": None},
            {"path": "d.mp4", "id": "x", "start_seconds": "3", "end_seconds": "2"},
        ],
    )
    records = opened(table, steps)
    first, second, third, fourth = records.read(0, records.count())
    assert (first.item.source, first.source, first.id) == (
        str(tmp_path / "a/b.mp4"),
        "a/b.mp4",
        "x",
    )
    assert first.item.section == (1.5, 2.0)
    assert (second.item.source, second.item.section) == ("/c.mp4", (None, None))
    assert third.item.problem.startswith("there is no 'path'")
    assert fourth.item.problem == "from 3 to 2 seconds is no stretch of a clip"
    assert records.has_sections


def test_times_that_are_not_read_are_told(tmp_path, steps, caplog):
    opened(clips_table(tmp_path / "list.parquet", [{"file": "a.mp4", "start_ms": 1}]), steps)
    said = " ".join(record.getMessage() for record in caplog.records)
    assert "reads the column 'file' as the paths" in said
    assert "start_ms are not read" in said


@pytest.mark.parametrize(
    ("write", "options", "says"),
    [
        (lambda path: None, {}, "no such file or folder"),
        (lambda path: path.mkdir(), {}, "a folder without a Parquet file"),
        (lambda path: path.write_bytes(b"PAR1no"), {}, "cannot be read as parquet"),
        (write_texts, {"text_column": "body"}, "no column 'body'"),
        (write_texts, {"id_column": "key"}, "no column 'key'"),
    ],
)
def test_what_cannot_be_opened_is_refused(tmp_path, write, options, says):
    write(tmp_path / "a.parquet")
    with pytest.raises(InputError, match=says):
        opened(tmp_path / "a.parquet", **options)


def test_files_of_other_columns_are_refused(tmp_path):
    write_texts(tmp_path / "a.parquet")
    pq.write_table(pa.table({"body": ["a"]}), tmp_path / "b.parquet")
    maker = RecordMaker(Columns("text"), None)
    with pytest.raises(InputError, match=r"b.parquet: no column 'text', which a.parquet has"):
        ParquetRecords([tmp_path / "a.parquet", tmp_path / "b.parquet"], maker)
