"""Files of tables as people have them: folders of parts and pieces, compressed ones."""

import bz2
import gzip
import json
import lzma
import zipfile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.files import compressed
from data.files.errors import InputError
from data.tables import csv_reader
from data.text.data_module import TextDataModule
from data.text.sources import read_texts
from pipelines.predict.inputs import text_items
from tests.tables import EVERY, ROWS, all_texts, frame, refused, save, texts_of, written


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("MANYTOONE_CACHE", str(tmp_path / "cache"))


# Folders


@pytest.mark.parametrize(
    "names",
    [
        ("train.csv", "test.csv"),
        ("train.jsonl", "validation.jsonl"),
        ("reviews_train.tsv", "reviews-TEST.tsv"),
        ("data/train-00000-of-00001.parquet", "data/test-00000-of-00001.parquet"),
        ("train/part-0000.csv", "test/part-0000.csv"),
        ("train.csv.gz", "dev.csv.gz"),
        ("train.csv", "test.jsonl"),
    ],
)
def test_files_of_a_folder_are_the_parts_they_are_named(tmp_path, names):
    folder = tmp_path / "given"
    save(frame(ROWS[:16]), folder / names[0])
    save(frame(ROWS[16:]), folder / names[1])
    data = TextDataModule(path=str(folder))
    found = texts_of(data)
    assert found["test"] == sorted(text for text, _ in ROWS[16:])
    assert all_texts(data) == EVERY
    assert data.origin.reported_part == ("test" if "test" in names[1].lower() else "val")


def test_pieces_are_one_table_and_a_problem_names_its_file(tmp_path, caplog):
    folder = tmp_path / "pieces"
    for k in range(3):
        save(frame(ROWS[8 * k : 8 * k + 8]), folder / f"part-{k:04}.csv")
    with (folder / "part-0001.csv").open("a") as file:
        file.write("one, two, three\n")
    (folder / "dataset_info.json").write_text("{}")
    data = TextDataModule(path=str(folder))
    assert all_texts(data) == EVERY
    assert [skip.id for skip in data.skipped] == [16]
    assert data.skipped[0].reason.startswith("part-0001.csv, line 10 has 3 cell(s)")
    assert "reads 3 tables as one" in caplog.text
    assert sorted(read_texts(str(folder), text_column="text", cache=tmp_path)["text"][:]) == EVERY


def test_pieces_of_parts_go_together_and_texts_without_labels_stay_out(tmp_path, caplog):
    folder = tmp_path / "hub"
    for k in range(2):
        save(frame(ROWS[8 * k : 8 * k + 8]), folder / f"train-0000{k}-of-00002.parquet")
    save(frame(ROWS[16:]), folder / "test-00000-of-00001.parquet")
    save(frame(ROWS[:4]), folder / "unsupervised-00000-of-00001.parquet")
    data = TextDataModule(path=str(folder))
    assert all_texts(data) == EVERY
    assert len(data.parts["test"]) == 8
    assert "unsupervised-00000-of-00001.parquet is left out" in caplog.text


def test_a_folder_of_texts_without_labels_may_say_so_in_its_names(tmp_path):
    save(frame(ROWS[:4]).drop(columns="label"), tmp_path / "texts" / "unsupervised.parquet")
    found = read_texts(str(tmp_path / "texts"), text_column="text", cache=tmp_path / "cache")
    assert sorted(found["text"]) == sorted(text for text, *_ in ROWS[:4])


def test_folders_that_cannot_be_meant_are_one_line(tmp_path):
    def folder(name, *files):
        for file in files:
            save(frame(), tmp_path / name / file)
        return tmp_path / name

    assert "odd.csv is not" in refused(folder("odd", "train.csv", "odd.csv"))
    assert "says the parts test and train" in refused(folder("two", "train_test.csv"))
    assert "may be the same rows twice" in refused(folder("twins", "train.csv", "train.jsonl"))
    mixed = folder("mixed", "train.csv")
    (mixed / "pos").mkdir()
    (mixed / "pos/a.txt").write_text("fine")
    line = refused(mixed)
    assert "tables (train.csv)" in line
    assert "folders of texts (pos/a.txt)" in line
    unlike = folder("unlike", "train.csv")
    frame(text="review").to_csv(unlike / "test.csv", index=False)
    line = refused(unlike)
    assert "test.csv is read by the columns review, label, and train.csv by text, label" in line
    other = folder("other", "test.csv")
    save(frame().assign(split="train"), other / "train.csv")
    save(frame().assign(split="train"), other / "test.csv")
    assert "is the part 'test' by its name" in refused(other)
    data = TextDataModule(path=str(other), split_column=None, on_leak="report")
    assert len(data.parts["test"]) == 24


def test_tokens_of_a_folder_are_found_again(tmp_path, monkeypatch):
    save(frame(ROWS[:16]), tmp_path / "given/train.csv")
    save(frame(ROWS[16:]), tmp_path / "given/test.csv")
    first = TextDataModule(path=str(tmp_path / "given"))
    _ = first.parts
    before = {path for path in (tmp_path / "cache").rglob("*") if path.is_file()}
    second = TextDataModule(path=str(tmp_path / "given"))
    assert texts_of(second) == texts_of(first)
    assert {path for path in (tmp_path / "cache").rglob("*") if path.is_file()} == before


# Compressed


def zipped(path, content, names=("reviews.csv",)):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, content)


def zstandard(content):
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(content)
    return sink.getvalue().to_pybytes()


@pytest.mark.parametrize(
    ("name", "pack"),
    [
        ("a.csv.gz", gzip.compress),
        ("a.CSV.GZ", gzip.compress),
        ("a.csv.bz2", bz2.compress),
        ("a.csv.xz", lzma.compress),
        ("a.csv.zst", zstandard),
        ("a.gz", gzip.compress),
    ],
)
def test_compressed_tables_are_read(tmp_path, name, pack):
    (tmp_path / name).write_bytes(pack(written().encode()))
    assert all_texts(TextDataModule(path=str(tmp_path / name))) == EVERY


@pytest.mark.parametrize("names", [["x/reviews.csv"], ["reviews"], ["r.csv", "__MACOSX/._r.csv"]])
def test_a_zip_file_with_one_member_is_read(tmp_path, names):
    zipped(tmp_path / "a.zip", written(), names)
    assert all_texts(TextDataModule(path=str(tmp_path / "a.zip"))) == EVERY


def test_json_lines_in_utf16_may_be_compressed(tmp_path):
    lines = [json.dumps({"text": text, "label": label}) for text, label in ROWS]
    content = "\n".join(lines).encode("utf-16")
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(content))
    assert all_texts(TextDataModule(path=str(tmp_path / "a.jsonl.gz"))) == EVERY


def test_what_cannot_be_unfolded_is_one_line(tmp_path):
    def file(name, content):
        (tmp_path / name).write_bytes(content)
        return tmp_path / name

    packed = gzip.compress(written().encode())
    assert "cannot be unfolded" in refused(file("cut.csv.gz", packed[:-12]))
    assert "cannot be unfolded" in refused(file("no.csv.gz", b"text,label\n"))
    assert "cannot be unfolded" in refused(file("no.zip", b"text,label\n"))
    assert "cannot be unfolded" in refused(file("no.csv.zst", b"text,label\n"))
    assert "cannot be unfolded" in refused(file("no.csv.xz", b"text,label\n"))
    zipped(tmp_path / "two.zip", written(), ["a.csv", "b.csv"])
    assert "holds 2 files (a.csv, b.csv)" in refused(tmp_path / "two.zip")
    assert "unpack it" in refused(file("a.parquet.gz", packed))
    assert "an archive: unpack it" in refused(file("a.tar.gz", packed))


@pytest.mark.parametrize("pack", ["gz", "zip", "bz2"])
def test_what_unfolds_without_end_is_stopped(tmp_path, monkeypatch, pack):
    monkeypatch.setattr(compressed, "ALWAYS_BYTES", 2**20)
    bomb = b"text,label\n" + b"0" * (40 * 2**20)
    path = tmp_path / f"bomb.csv.{pack}"
    if pack == "zip":
        zipped(path, bomb)
    else:
        path.write_bytes({"gz": gzip, "bz2": bz2}[pack].compress(bomb))
    line = refused(path)
    assert "more than 200 times its size or 32 GiB" in line
    assert not list((tmp_path / "cache").rglob("*.arrow"))


@pytest.mark.parametrize("is_repeated", [True, False])
def test_a_parquet_file_that_unfolds_without_end_is_stopped(tmp_path, monkeypatch, is_repeated):
    monkeypatch.setattr(compressed, "ALWAYS_BYTES", 2**20)
    path = tmp_path / "bomb.parquet"
    texts = pa.array(["0" * 2**16] * 900)
    table = pa.table({"text": texts, "label": ["a", "b"] * 450})
    pq.write_table(table, path, compression="zstd", use_dictionary=is_repeated)
    assert path.stat().st_size < 2**16
    assert "more than 200 times its size or 32 GiB" in refused(path)
    with pytest.raises(InputError, match="more than 200 times its size"):
        list(text_items(str(path), column="text"))
    if is_repeated:  # The column is not read, and small as it is stored.
        assert [item.source for item in text_items(str(path), column="label")][:2] == ["a", "b"]


def test_a_cell_that_swallows_the_rest_of_a_file_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr(csv_reader, "_LONGEST_CELL", 1000)
    path = tmp_path / "a.csv"
    path.write_text('text,label\n"fine,a\n' + "dull,b\n" * 1000)
    assert "line 2: its quotes cannot be followed (field larger than field limit" in refused(path)
