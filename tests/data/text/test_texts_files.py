"""Files of texts, row by row: what is read, what is left out and why, and what ends the run."""

import json

import pandas
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets import ClassLabel, Dataset, Features, Value

from data.files.errors import InputError
from data.tables.text_tables import PROBLEM, file_table
from data.text.data_module import TextDataModule

NEEDED = {"text": "text", "label": "label"}
BOM = b"\xef\xbb\xbf"


def read(tmp_path, name, content, wanted=()):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return file_table(path, needed=NEEDED, wanted=wanted, cache=tmp_path / "cache")


def rows_of(table):
    return list(zip(table["text"][:], table["label"][:], strict=True))


def problems_of(table):
    return {row: why for row, why in enumerate(table[PROBLEM][:]) if why is not None}


PLAIN = [("fine", "1"), ("poor", "0")]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("comma.csv", "text,label\nfine,1\npoor,0\n"),
        ("semicolon.csv", "text;label\nfine;1\npoor;0\n"),
        ("tabs.tsv", "text\tlabel\nfine\t1\npoor\t0\n"),
        ("tabs.csv", "text\tlabel\nfine\t1\npoor\t0\n"),
        ("bom.csv", BOM + b"text,label\nfine,1\npoor,0\n"),
        ("utf16.csv", "text,label\nfine,1\npoor,0\n".encode("utf-16")),
        ("windows.csv", "text,label\r\nfine,1\r\npoor,0\r\n"),
        ("old_mac.csv", "text,label\rfine,1\rpoor,0\r"),
        ("blank_lines.csv", "\ntext,label\n\nfine,1\n   \n\npoor,0\n\n"),
        ("blanks_in_names.csv", 'text, "label"\nfine,1\npoor,0\n'),
        ("no_last_end.csv", "text,label\nfine,1\npoor,0"),
        ("other_columns.csv", "id,label,text\n7,1,fine\n8,0,poor\n"),
        ("lines.jsonl", '{"text": "fine", "label": 1}\n{"text": "poor", "label": 0}'),
        ("windows.jsonl", '{"text": "fine", "label": 1}\r\n\r\n{"text": "poor", "label": 0}\r\n'),
        ("bom.jsonl", BOM + b'{"text": "fine", "label": 1}\n{"text": "poor", "label": 0}\n'),
        ("lines.json", '{"text": "fine", "label": 1}\n{"text": "poor", "label": 0}'),
        ("array.json", '[{"text": "fine", "label": 1},\n {"text": "poor", "label": 0}]'),
    ],
)
def test_ways_to_write_the_same_rows(tmp_path, name, content):
    table = read(tmp_path, name, content)
    assert rows_of(table) == PLAIN
    assert problems_of(table) == {}


def test_cells_are_taken_as_they_are_written(tmp_path):
    texts = [
        "007",
        "1e3",
        "1.50",
        "NA",
        "null",
        "None",
        "True",
        "2020-01-01",
        ' "x" ',
        "a\r\nb",
        "",
    ]
    content = pandas.DataFrame({"text": texts, "label": range(11)}).to_csv(index=False)
    assert read(tmp_path, "x.csv", content)["text"][:] == texts
    lines = [json.dumps({"text": text, "label": 1}) for text in texts]
    assert read(tmp_path, "x.jsonl", "\n".join(lines))["text"][:] == texts
    numbers = '{"text": 12.50, "label": 1.0}\n{"text": 7, "label": true}\n{"text": null}\n{}'
    assert rows_of(read(tmp_path, "n.jsonl", numbers)) == [
        ("12.50", "1.0"),
        ("7", "True"),
        (None, None),
        (None, None),
    ]


def test_numbers_first_and_words_later_are_texts(tmp_path):
    lines = [f"{k},{k % 2}" for k in range(12_000)] + ["a word,0"]
    table = read(tmp_path, "x.csv", "text,label\n" + "\n".join(lines))
    assert table["text"][11_999:] == ["11999", "a word"]


@pytest.mark.parametrize("row", ["good, film,1", "good film", "good film,1,"])
@pytest.mark.parametrize("place", [0, 1])
def test_a_row_with_other_cells_is_left_out_and_says_its_line(tmp_path, row, place):
    lines = ["fine,1", "poor,0"]
    lines.insert(place, row)
    table = read(tmp_path, "x.csv", "text,label\n" + "\n".join(lines))
    (problem,) = problems_of(table).items()
    assert problem[0] == place
    count = row.count(",") + 1
    assert problem[1].startswith(f"line {place + 2} has {count} cell(s) where")
    assert ("double quotes" in problem[1]) == (count > 2)
    others = [one for k, one in enumerate(rows_of(table)) if k != place]
    assert others == PLAIN


def test_lines_count_where_texts_hold_line_ends(tmp_path):
    table = read(tmp_path, "x.csv", 'text,label\n"a\nb\nc",1\n\npoor\n')
    assert problems_of(table)[1].startswith("line 6 has 1 cell(s)")


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("this is no JSON", "line 2 is not JSON (Expecting value, character 1)"),
        (
            '{"text": "b", "lab',
            "line 2 is not JSON (Unterminated string starting at, character 15)",
        ),
        ('"only a string"', "line 2 is a JSON string where an object is needed"),
        ("7", "line 2 is a JSON string where an object is needed"),
        ("null", "line 2 is a JSON null where an object is needed"),
        ('{"text": ["b"], "label": 1}', "line 2 has a JSON list as its 'text'"),
        ('{"text": "b", "label": {}}', "line 2 has a JSON object as its 'label'"),
        ('{"text": ' + "[" * 200_000, "line 2 is JSON within JSON too deep to read"),
    ],
)
def test_a_broken_line_of_json_is_left_out_and_says_its_line(tmp_path, line, says):
    content = "\n".join(['{"text": "fine", "label": 1}', line, '{"text": "poor", "label": 0}'])
    table = read(tmp_path, "x.jsonl", content)
    (problem,) = problems_of(table).items()
    assert problem[0] == 1
    assert problem[1].startswith(says)
    assert [rows_of(table)[k] for k in (0, 2)] == PLAIN


def test_half_characters_nul_and_very_long_texts_are_read(tmp_path):
    texts = ["one \ud800 half", "whole \ud83d\ude00", "nul \x00", "x" * 10_000_000]
    lines = [json.dumps({"text": text, "label": "a"}) for text in texts]
    table = read(tmp_path, "x.jsonl", "\n".join(lines))
    assert table["text"][:3] == ["one \ufffd half", "whole 😀", "nul \x00"]
    assert len(table[3]["text"]) == 10_000_000
    table = read(tmp_path, "x.csv", f"text,label\nnul \x00,a\n{'x' * 10_000_000},b\n")
    assert table[0]["text"] == "nul \x00"
    assert len(table[1]["text"]) == 10_000_000


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("open.csv", 'text,label\nfine,1\n"poor,0\nx,1\n', r"open\.csv, line 3: its quotes"),
        ("stray.csv", 'text,label\nfine,1\n\n"poor" film,0\n', r"stray\.csv, line 4: its quotes"),
        ("latin.csv", b"text,label\nfine,1\ncaf\xe9,0\n", "line 3: byte 0xe9 is not UTF-8"),
        (
            "latin.jsonl",
            b'{"text": "fine"}\n{"text": "caf\xe9"}',
            r"line 2: byte 0xe9 is not UTF-8: .*Latin-1; save it as UTF-8, e\.g\. by iconv",
        ),
        ("latin.json", b'["caf\xe9"]', "line 1: byte 0xe9 is not UTF-8"),
        ("array.json", '[{"text": "a"}, {"text"]', r"array\.json: is not JSON \(Expecting ':'"),
        ("empty.csv", "", "holds no text"),
        ("blank.csv", "\n \n", "holds no text"),
        ("empty.jsonl", "\n", "holds no text"),
        ("none.json", "[]", "holds no text"),
        ("twice.csv", "text,text,label\na,b,1\n", "the column 'text' is there twice"),
        ("other.csv", "review,stars\na,1\n", "no column 'text': its columns are review, stars"),
        ("other.jsonl", '{"text": "a", "stars": 1}', r"no column 'label': .*label_column"),
        ("empty.parquet", b"", "cannot be read as parquet"),
        ("no.parquet", b"PAR1 and nothing else", "cannot be read as parquet"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_one_line(tmp_path, name, content, says):
    with pytest.raises(InputError, match=says) as caught:
        read(tmp_path, name, content)
    assert "\n" not in str(caught.value)
    assert not list((tmp_path / "cache").rglob("*.arrow"))


def test_a_file_with_a_header_only_holds_no_text(tmp_path):
    (tmp_path / "x.csv").write_text("text,label\n")
    with pytest.raises(InputError, match=r"x\.csv: holds no text"):
        _ = TextDataModule(path=str(tmp_path / "x.csv")).parts


def parquet(path, columns, **options):
    pq.write_table(pa.table(columns), path, **options)
    return path


@pytest.mark.parametrize("damage", ["cut", "middle"])
def test_a_damaged_parquet_file_is_one_line(tmp_path, damage):
    texts = [f"film {k}" for k in range(50_000)]
    whole = parquet(tmp_path / "x.parquet", {"text": texts, "label": [0, 1] * 25_000}).read_bytes()
    content = whole[: len(whole) // 2]
    if damage == "middle":
        content = whole[:20_000] + b"\xff" * 2_000 + whole[22_000:]
    with pytest.raises(InputError, match=r"y\.parquet: cannot be read as parquet \(") as caught:
        read(tmp_path, "y.parquet", content)
    assert "\n" not in str(caught.value)
    assert not list((tmp_path / "cache").rglob("*.arrow"))


def test_types_of_parquet(tmp_path):
    categories = pa.array(["fine", "poor", "fine"]).dictionary_encode()
    table = {"text": categories, "label": categories, "group": [1, None, 3]}
    kept = file_table(
        parquet(tmp_path / "x.parquet", table),
        needed=NEEDED,
        wanted=["split", "group"],
        cache=tmp_path / "cache",
    )
    assert rows_of(kept) == [("fine", "fine"), ("poor", "poor"), ("fine", "fine")]
    assert kept["group"][:] == [1, None, 3]
    assert "split" not in kept.column_names
    numbers = parquet(tmp_path / "n.parquet", {"text": [1, 2], "label": [1.0, float("nan")]})
    table = file_table(numbers, needed=NEEDED, cache=tmp_path / "cache")
    assert table["text"][:] == ["1", "2"]
    lists = parquet(tmp_path / "l.parquet", {"text": [["a"], ["b"]], "label": [1, 2]})
    with pytest.raises(InputError, match=r"l\.parquet: cannot be read as parquet"):
        file_table(lists, needed=NEEDED, cache=tmp_path / "cache")


def test_names_of_classes_come_with_a_parquet_file_of_datasets(tmp_path):
    features = Features({"text": Value("string"), "label": ClassLabel(names=["neg", "pos"])})
    rows = {"text": [f"film {k}" for k in range(20)], "label": [k % 2 for k in range(20)]}
    Dataset.from_dict(rows, features=features).to_parquet(tmp_path / "x.parquet")
    data = TextDataModule(path=str(tmp_path / "x.parquet"))
    assert data.classes == ["neg", "pos"]
    for part in data.parts.values():
        assert part.labels.tolist() == [k % 2 for k in part.ids]


def reviews(*extra, count=20):
    lines = [f"film number {k},{'pos' if k % 2 else 'neg'}" for k in range(count)]
    return "text,label\n" + "\n".join([*lines[:5], *extra, *lines[5:]])


def test_rows_that_cannot_be_used_are_listed_with_their_line_or_fail(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text(reviews("one, two,pos", "no label,", " ,pos"))
    data = TextDataModule(path=str(path))
    assert sum(map(len, data.parts.values())) == 20
    assert sorted((skip.id, skip.source) for skip in data.skipped) == [
        (5, "one,two,pos"),
        (6, "no label"),
        (7, ""),
    ]
    reasons = {skip.id: skip.reason for skip in data.skipped}
    assert reasons[5].startswith("line 7 has 3 cell(s)")
    assert "row 6 has no label" in reasons[6]
    assert "row 7 of" in reasons[7]
    with pytest.raises(InputError, match=r"x\.csv, line 7 has 3 cell.*on_error=skip"):
        _ = TextDataModule(path=str(path), on_error="fail").parts


def test_where_no_row_can_be_used_the_first_reason_is_told(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("text,label\na,b,1\nc,d,0\n")
    with pytest.raises(InputError, match=r"no row can be used, e\.g\. line 2 has 3 cell"):
        _ = TextDataModule(path=str(path)).parts
    path.write_text("text,label\na,b,1\nc,0\n")
    with pytest.raises(
        InputError, match=r"only the class '0' occurs.*1 row\(s\) could not be used"
    ):
        _ = TextDataModule(path=str(path)).parts


def test_where_no_row_has_a_label_and_a_text_is_one_line(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("text,label\n,1\n ,0\nwords,\n")
    with pytest.raises(InputError, match="no row has a label and a text"):
        _ = TextDataModule(path=str(path)).parts


def test_broken_rows_with_given_parts_do_not_count_as_a_part(tmp_path):
    lines = ["text,label,split"]
    lines += [f"film {k},{k % 2},{'test' if k > 11 else 'train'}" for k in range(16)]
    lines.insert(3, "a, b,1,train")
    path = tmp_path / "x.csv"
    path.write_text("\n".join(lines))
    data = TextDataModule(path=str(path))
    assert len(data.parts["test"]) == 4
    assert [skip.id for skip in data.skipped] == [2]


def test_whole_numbers_with_a_point_are_classes(tmp_path):
    frame = pandas.DataFrame(
        {"text": [f"film {k}" for k in range(21)], "label": [0.0, 1.0, None] * 7}
    )
    frame.to_csv(tmp_path / "x.csv", index=False)
    data = TextDataModule(path=str(tmp_path / "x.csv"))
    assert data.classes == ["0", "1"]
    assert len(data.skipped) == 7
