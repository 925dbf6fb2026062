"""Columns of tables as people have them: other names, none at all, values that are none."""

import json

import pandas
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets import Dataset

from data.text.data_module import TextDataModule
from tests.tables import EVERY, ROWS, all_texts, frame, refused, save, texts_of, written


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("MANYTOONE_CACHE", str(tmp_path / "cache"))


# Names of columns


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
@pytest.mark.parametrize(
    ("text", "label"), [("review", "sentiment"), ("Sentence", "stars"), ("reviewText", "Target")]
)
def test_usual_names_are_found_and_said(tmp_path, caplog, suffix, text, label):
    save(frame(text=text, label=label), tmp_path / f"a{suffix}")
    data = TextDataModule(path=str(tmp_path / f"a{suffix}"))
    assert all_texts(data) == EVERY
    assert (
        f"reads the column '{text}' as the text (--data.text_column names another)" in caplog.text
    )
    assert f"the column '{label}' as the label" in caplog.text


def test_two_that_could_be_meant_are_asked_for(tmp_path):
    table = frame(text="review").assign(content="x")
    save(table, tmp_path / "a.csv")
    line = refused(tmp_path / "a.csv")
    assert "review, content" in line
    assert "--data.text_column" in line
    data = TextDataModule(path=str(tmp_path / "a.csv"), text_column="review")
    assert all_texts(data) == EVERY


def test_a_column_of_parts_may_be_called_set(tmp_path, caplog):
    parts = ["train"] * 16 + ["test"] * 8
    save(frame().assign(set=parts), tmp_path / "a.csv")
    data = TextDataModule(path=str(tmp_path / "a.csv"))
    assert texts_of(data)["test"] == sorted(text for text, _ in ROWS[16:])
    assert "reads the column 'set' as the split" in caplog.text
    save(frame().assign(set="castle"), tmp_path / "toys.csv")
    assert all_texts(TextDataModule(path=str(tmp_path / "toys.csv"))) == EVERY


def test_columns_go_by_number_too_and_a_name_comes_first(tmp_path):
    save(frame(text="was gesagt wurde", label="art"), tmp_path / "a.csv")
    data = TextDataModule(path=str(tmp_path / "a.csv"), text_column="1", label_column="2")
    assert all_texts(data) == EVERY
    assert "are 2, from 1: was gesagt wurde, art" in refused(tmp_path / "a.csv", text_column="3")
    assert "cannot be both text and label" in refused(
        tmp_path / "a.csv", text_column="1", label_column="1"
    )
    swapped = pandas.DataFrame([(label, text) for text, label in ROWS], columns=["2", "1"])
    save(swapped, tmp_path / "b.csv")
    data = TextDataModule(path=str(tmp_path / "b.csv"), text_column="1", label_column="2")
    assert all_texts(data) == EVERY


@pytest.mark.parametrize("delimiter", [",", "\t", ";"])
def test_files_without_names_say_so_with_a_remedy_that_works(tmp_path, delimiter):
    rows = [(label, "7", text) for text, label in ROWS]
    path = tmp_path / ("a.tsv" if delimiter == "\t" else "a.csv")
    path.write_text(written(rows, header=None, delimiter=delimiter))
    line = refused(path)
    assert "its first line looks like a row (neg, 7, film number 0 is bad)" in line
    remedy = line.rpartition("--data.columns=")[2]
    assert remedy == "label,column2,text"
    assert all_texts(TextDataModule(path=str(path), columns=remedy)) == EVERY
    # By numbers alone the first row would be lost.
    assert "looks like a row" in refused(path, text_column="3", label_column="1")


def test_a_question_may_be_a_name(tmp_path):
    question = "How did you like what you saw in this theatre today?"
    save(frame(text=question), tmp_path / "a.csv")
    assert all_texts(TextDataModule(path=str(tmp_path / "a.csv"), text_column="1")) == EVERY
    assert all_texts(TextDataModule(path=str(tmp_path / "a.csv"), text_column=question)) == EVERY


def test_names_that_were_given_give_way_to_those_of_the_file(tmp_path):
    for name, text, label in (("same", "text", "label"), ("usual", "review", "sentiment")):
        save(frame(text=text, label=label).assign(id=7), tmp_path / f"{name}.csv")
        data = TextDataModule(path=str(tmp_path / f"{name}.csv"), columns="label,text")
        assert all_texts(data) == EVERY
    assert "--data.columns=a,a: name each column once" in refused(
        tmp_path / "same.csv", columns="a,a"
    )


def test_columns_of_another_number_are_rows_that_cannot_be_used(tmp_path):
    rows = [("a", "pos", "x", "y"), *((*row, "z") for row in ROWS)]
    (tmp_path / "a.csv").write_text(written(rows, header=None))
    data = TextDataModule(path=str(tmp_path / "a.csv"), columns="text,label,more")
    assert all_texts(data) == EVERY
    assert data.skipped[0].reason.startswith("line 1 has 4 cell(s) where --data.columns names 3")


@pytest.mark.parametrize("name", ["sep=#\n", '"sep=#"\r\n'])
def test_excel_s_first_line_is_obeyed(tmp_path, name):
    (tmp_path / "a.csv").write_text(name + written(header="text#label", delimiter="#"))
    with (tmp_path / "a.csv").open("a") as file:
        file.write("no label\n")
    data = TextDataModule(path=str(tmp_path / "a.csv"))
    assert all_texts(data) == EVERY
    assert data.skipped[0].reason.startswith("line 27 has 1 cell(s)")


def test_quotes_may_mean_nothing(tmp_path):
    rows = [(label, f'"{text}" he said "so') for text, label in ROWS]
    (tmp_path / "a.tsv").write_text(written(rows, header="label\ttext", delimiter="\t"))
    assert "--data.quoting=none" in refused(tmp_path / "a.tsv")
    data = TextDataModule(path=str(tmp_path / "a.tsv"), quoting="none")
    assert all_texts(data) == sorted(text for _, text in rows)


def test_cells_that_nobody_asked_for_may_be_missing_at_the_end(tmp_path):
    lines = ["text,label,note,split,more"]
    lines += [f"{text},{label},,train{',' * (k % 2)}" for k, (text, label) in enumerate(ROWS[:20])]
    lines += [f"{text},{label},x,test,y" for text, label in ROWS[20:]]
    lines += ["no part,pos"]
    (tmp_path / "a.csv").write_text("\n".join(lines))
    data = TextDataModule(path=str(tmp_path / "a.csv"))
    assert all_texts(data) == EVERY
    assert [skip.source for skip in data.skipped] == ["no part,pos"]


def test_a_column_called_group_is_named_and_can_be_left_aside(tmp_path):
    save(frame().assign(group="all alike"), tmp_path / "a.csv")
    assert "is left aside by --data.group_column=null" in refused(tmp_path / "a.csv")
    assert all_texts(TextDataModule(path=str(tmp_path / "a.csv"), group_column=None)) == EVERY
    save(frame().assign(split="left"), tmp_path / "b.csv")
    assert "--data.split_column=null" in refused(tmp_path / "b.csv")
    assert all_texts(TextDataModule(path=str(tmp_path / "b.csv"), split_column=None)) == EVERY


# Files that are no table


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("a.xlsx", "a spreadsheet: save it as CSV"),
        ("a.ods", "a spreadsheet: save it as CSV"),
        ("a.sqlite", "a database"),
        ("a.pkl", "can run code"),
        ("a.feather", "write it as Parquet"),
        ("a.txt", "--data.columns=label,text"),
        ("a.html", "a file of type '.html' is not read; allowed are .csv"),
    ],
)
def test_other_files_are_one_line_with_what_to_do(tmp_path, name, says):
    (tmp_path / name).write_bytes(b"no table")
    assert says in refused(tmp_path / name)


@pytest.mark.parametrize("value", ["columns", "rows", "data", "pretty"])
def test_a_single_json_object_is_told(tmp_path, value):
    table = frame()
    if value == "columns":
        content = table.to_json()
    elif value == "rows":
        content = table.to_json(orient="index")
    else:
        rows = {"version": 1, "data": table.to_dict(orient="records")}
        content = json.dumps(rows, indent=1 if value == "pretty" else None)
    (tmp_path / "a.json").write_text(content)
    assert "is a single JSON object, where rows are needed" in refused(tmp_path / "a.json")


STRANGE = {
    "list": pa.array([[1]] * 24),
    "struct": pa.array([{"a": 1}] * 24),
    "map": pa.array([[("a", 1)]] * 24, pa.map_(pa.string(), pa.int64())),
    "binary": pa.array([b"a"] * 24),
    "nested": pa.array([[[1]]] * 24),
}


@pytest.mark.parametrize("role", ["text", "label", "split", "group"])
@pytest.mark.parametrize("kind", STRANGE)
def test_columns_that_hold_no_single_values_are_one_line(tmp_path, role, kind):
    columns = {"text": [t for t, _ in ROWS], "label": [y for _, y in ROWS], role: STRANGE[kind]}
    pq.write_table(pa.table(columns), tmp_path / "a.parquet")
    line = refused(tmp_path / "a.parquet")
    assert f"the column '{role}' holds" in line


@pytest.mark.parametrize("role", ["text", "label", "split", "group"])
def test_lists_and_objects_of_json_are_one_line(tmp_path, role):
    lines = [json.dumps({"text": t, "label": y} | {role: [1]}) for t, y in ROWS]
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    assert f"has a JSON list as its '{role}'" in refused(tmp_path / "a.jsonl")


@pytest.mark.parametrize("role", ["text", "label", "group"])
def test_lists_of_a_hub_s_data_set_are_one_line(tmp_path, monkeypatch, role):
    columns = {"text": ["a"] * 4, "label": [0, 1] * 2, "split": ["train"] * 4, role: [[1]] * 4}
    monkeypatch.setattr("data.text.sources._hub", lambda name: Dataset.from_dict(columns))
    assert f"the column '{role}' holds lists" in refused("somebody/something")


def test_single_values_of_every_type_are_read(tmp_path):
    texts = [text for text, _ in ROWS]
    columns = {
        "text": pa.array(texts, pa.large_string()),
        "label": pa.array([y for _, y in ROWS]).dictionary_encode(),
        "group": pa.array(range(24), pa.timestamp("s")),
    }
    pq.write_table(pa.table(columns), tmp_path / "a.parquet")
    assert all_texts(TextDataModule(path=str(tmp_path / "a.parquet"))) == EVERY
    columns |= {"label": pa.array([k % 2 for k in range(24)], pa.decimal128(5, 0))}
    pq.write_table(pa.table(columns), tmp_path / "b.parquet")
    assert all_texts(TextDataModule(path=str(tmp_path / "b.parquet"))) == EVERY


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"PK\x03\x04\x14\x00", "a zip archive or a spreadsheet"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer"),
        (b"<!DOCTYPE html>\n<html>", "an HTML page"),
        (b'[{"text": "good", "label": 1}]', "JSON"),
        (b"\x00\x01\x02" * 99, "a binary file"),
    ],
)
def test_what_is_named_like_a_table_and_is_none_is_told(tmp_path, content, says):
    (tmp_path / "a.csv").write_bytes(content)
    assert f"a.csv: is {says}" in refused(tmp_path / "a.csv")


def test_a_first_row_may_look_like_markup(tmp_path):
    rows = [(f"<html>{text}", label) for text, label in ROWS]
    (tmp_path / "a.csv").write_text(written(rows, header=None))
    data = TextDataModule(path=str(tmp_path / "a.csv"), columns="text,label", strip_markup=False)
    assert len(all_texts(data)) == len(ROWS)
