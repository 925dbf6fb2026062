"""Tables that would be read wrongly without a word: joined rows, lost parts, numbers beside names."""

import gzip
import logging
import zipfile

import pandas
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets import ClassLabel, Dataset, Features, Value

from data.files.errors import InputError
from data.text.data_module import TextDataModule

WORDS = ("poor", "fine")


def rows(count, start=0):
    return [
        (f"a {WORDS[k % 2]} film number {k}", WORDS[k % 2]) for k in range(start, start + count)
    ]


def as_csv(some):
    return "text,label\n" + "".join(f"{text},{label}\n" for text, label in some)


def sizes(folder, **options):
    parts = TextDataModule(path=str(folder), **options).parts
    return {name: len(part) for name, part in parts.items()}


def test_rows_joined_by_quotes_that_are_none_are_told(tmp_path):
    lines = [f"{label}\t{text}" for text, label in rows(60)]
    for k in range(0, 60, 6):
        label, text = lines[k].split("\t")
        lines[k] = f'{label}\t"{text}'
        lines[k + 3] += '"'
    (tmp_path / "x.tsv").write_text("label\ttext\n" + "\n".join(lines) + "\n")
    data = TextDataModule(path=str(tmp_path / "x.tsv"))
    _ = data.parts
    assert len(data.skipped) == 10
    assert "--data.quoting=none" in data.skipped[0].reason
    assert sum(sizes(tmp_path / "x.tsv", quoting="none").values()) == 60


def test_compressed_parts_without_another_ending_are_parts(tmp_path):
    for name in ("zipped", "packed"):
        (tmp_path / name).mkdir()
    (tmp_path / "zipped" / "train.csv").write_text(as_csv(rows(40)))
    with zipfile.ZipFile(tmp_path / "zipped" / "test.zip", "w") as archive:
        archive.writestr("test.csv", as_csv(rows(20, 40)))
        archive.writestr("._test.csv", "junk")
        archive.writestr("__MACOSX/._test.csv", "junk")
    assert sizes(tmp_path / "zipped")["test"] == 20
    (tmp_path / "packed" / "train.csv.gz").write_bytes(gzip.compress(as_csv(rows(40)).encode()))
    (tmp_path / "packed" / "test.gz").write_bytes(gzip.compress(as_csv(rows(20, 40)).encode()))
    assert sizes(tmp_path / "packed")["test"] == 20


def test_a_part_without_rows_and_one_of_another_kind_are_told(tmp_path, caplog):
    (tmp_path / "train.csv").write_text(as_csv(rows(40)))
    (tmp_path / "test.xlsx").write_bytes(b"PK")
    with caplog.at_level(logging.WARNING):
        _ = sizes(tmp_path)
    assert "test.xlsx: is left out: it is a spreadsheet" in caplog.text
    (tmp_path / "test.csv").write_text("text,label\n")
    with pytest.raises(InputError, match="is the part 'test' and holds no row"):
        sizes(tmp_path)


@pytest.mark.parametrize(("column", "odd"), [("Split", "holdout"), ("subset", "")])
def test_a_column_that_nearly_names_parts_is_told(tmp_path, caplog, column, odd):
    table = pandas.DataFrame(rows(60), columns=["text", "label"])
    table[column] = ["train"] * 40 + ["test"] * 19 + [odd]
    table.to_csv(tmp_path / "x.csv", index=False)
    with caplog.at_level(logging.WARNING):
        _ = sizes(tmp_path / "x.csv")
    assert f"the column '{column}' is not read as the split" in caplog.text


def write_named(path, names, values):
    features = Features({"text": Value("string"), "label": ClassLabel(names=names)})
    texts = [f"film {k} of {path.name}" for k in range(len(values))]
    Dataset.from_dict({"text": texts, "label": values}, features=features).to_parquet(str(path))


def test_classes_in_another_order_in_each_file_go_by_name(tmp_path):
    write_named(tmp_path / "train.parquet", ["neg", "pos"], [0, 1] * 20)
    write_named(tmp_path / "test.parquet", ["pos", "neg"], [0] * 6 + [1] * 4)
    data = TextDataModule(path=str(tmp_path))
    counts = data.parts["test"].labels.tolist()
    assert data.classes == ["neg", "pos"]
    assert counts == [1] * 6 + [0] * 4


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_numbers_beside_names_are_refused(tmp_path, ending):
    write_named(tmp_path / "train.parquet", ["neg", "pos"], [0, 1] * 20)
    table = pandas.DataFrame({"text": ["a", "b", "c", "d"], "label": [0, 1, 0, 1]})
    if ending == "csv":
        table.to_csv(tmp_path / "test.csv", index=False)
    else:
        table.to_parquet(tmp_path / "test.parquet")
    with pytest.raises(InputError, match=r"holds numbers, and train.parquet names its classes"):
        sizes(tmp_path)


def test_parts_that_a_table_numbers_go_by_name(tmp_path):
    features = Features(
        {
            "text": Value("string"),
            "label": Value("string"),
            "split": ClassLabel(names=["train", "test"]),
        }
    )
    texts, labels = zip(*rows(50), strict=True)
    columns = {"text": texts, "label": labels, "split": [0] * 40 + [1] * 10}
    Dataset.from_dict(columns, features=features).to_parquet(str(tmp_path / "x.parquet"))
    assert sizes(tmp_path / "x.parquet")["test"] == 10


def test_a_column_that_is_there_twice_is_one_line(tmp_path):
    schema = pa.schema([("text", pa.string()), ("text", pa.string()), ("label", pa.string())])
    columns = [pa.array(["a", "b"]), pa.array(["c", "d"]), pa.array(["x", "y"])]
    pq.write_table(pa.Table.from_arrays(columns, schema=schema), tmp_path / "x.parquet")
    with pytest.raises(InputError, match="the column 'text' is there twice"):
        sizes(tmp_path / "x.parquet")
