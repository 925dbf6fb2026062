"""Tables of texts: what was written is read, in every spelling of a table, or one line says why not."""

import bz2
import gzip
import json
import lzma
import zipfile

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import example, given
from hypothesis import strategies as st

from data.plain_text.content import clean
from data.splits.label_names import number_of
from data.tables.table_format import table_format
from data.text.data_module import TextDataModule
from data.text.sources import read_table
from data.translation.pairs import read_pairs
from pipelines.predict.inputs import text_items
from tests.fuzz.conftest import Refused, damaged, folder, fuzzed, outcome

ODD = " ,;\t|\"'\r\n\0\ufeff\x1a\x1c\x85\u2028=#{}[]\\1aä語\U0001f600"
CHARACTER = st.one_of(st.sampled_from(ODD), st.characters(codec="utf-8"))
TEXT = st.text(CHARACTER, max_size=12)
WORDS = st.sampled_from(
    ["pos", "neg", "1", "01", "1.0", "-1", "true", "N/A", "null", "ä", "a b", ""]
)
ROWS = st.lists(st.tuples(TEXT, st.one_of(WORDS, TEXT)), min_size=1, max_size=6)
UNMARKED = ("utf-16-le", "utf-16-be")
ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"]
FLIPS = st.lists(st.tuples(st.floats(0, 0.999), st.integers(0, 7)), max_size=4)
CUT = st.none() | st.floats(0, 1)


def read(path, **options):
    asked = {
        "text_column": "text",
        "label_column": "label",
        "split_column": "split",
        "group_column": "group",
    }
    found = read_table(str(path), cache=path.parent / "cache", **(asked | options))
    return list(zip(found.texts["text"], found.labels, strict=True)), found.problems


def packed(path, content, kind):
    """The file, compressed in some way or not."""
    ways = {".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}
    place = path.with_name(path.name + kind)
    if kind == ".zip":
        with zipfile.ZipFile(place, "w") as archive:
            archive.writestr(path.name, content)
    elif kind == ".zst":
        with pa.CompressedOutputStream(str(place), "zstd") as file:
            file.write(content)
    else:
        place.write_bytes(ways.get(kind, bytes)(content))
    return place


def may_be_binary(content):
    """Whether a file has signs that are refused where they are many."""
    return any(ord(one) < 0x20 and one not in "\r\n\t\v\f" for one in content)


PACKED = st.sampled_from(["", "", "", ".gz", ".bz2", ".xz", ".zip", ".zst"])


def csv_text(records, *, delimiter, end, quotes_all):
    def cell(text):
        needs = quotes_all or text[:1] == " " or any(c in text for c in f'{delimiter}"\r\n')
        return '"' + text.replace('"', '""') + '"' if needs else text

    return "".join(delimiter.join(map(cell, record)) + end for record in records)


@fuzzed(30)
@given(
    rows=ROWS, delimiter=st.sampled_from(",;\t|"), end=st.sampled_from(["\n", "\r\n", "\r"]),
    quotes_all=st.booleans(), encoding=st.sampled_from(ENCODINGS), kind=PACKED,
    order=st.permutations(["text", "label", "other"]), suffix=st.sampled_from([".csv", ".tsv"]),
    is_named=st.booleans(),
)  # fmt: skip
def test_csv(rows, delimiter, end, quotes_all, encoding, kind, order, suffix, is_named):
    records = [order]
    for text, label in rows:
        cells = {"text": text, "label": label, "other": "x"}
        records.append([cells[name] for name in order])
    content = csv_text(records, delimiter=delimiter, end=end, quotes_all=quotes_all)
    with folder() as place:
        path = packed(place / f"rows{suffix}", content.encode(encoding), kind)
        named = encoding if is_named else None
        format = table_format(columns=None, encoding=named, quoting="double")
        found = outcome(lambda: read(path, format=format), names=path.name)
    if isinstance(found, Refused):
        assert not is_named
        assert may_be_binary(content) or encoding in UNMARKED, found
        return
    read_rows, problems = found
    assert len(read_rows) == len(rows)
    for k, (one, due) in enumerate(zip(read_rows, rows, strict=True)):
        if k in problems:
            assert delimiter == "\t"
            assert "holds a line end in quotes" in problems[k]
        else:
            assert one == due


JSON_VALUES = st.one_of(
    TEXT, st.text(max_size=5), st.integers(), st.booleans(), st.none(),
    st.floats(allow_nan=False, allow_infinity=False), st.lists(st.integers(), max_size=2),
)  # fmt: skip


def as_read(value):
    if value is None or isinstance(value, list):
        return None
    return clean(value) if isinstance(value, str) else str(value)


@fuzzed(30)
@given(
    rows=st.lists(st.tuples(JSON_VALUES, JSON_VALUES), min_size=2, max_size=6),
    is_array=st.booleans(), is_ascii=st.booleans(), encoding=st.sampled_from(ENCODINGS),
    suffix=st.sampled_from([".json", ".jsonl", ".ndjson"]), kind=PACKED,
)  # fmt: skip
def test_json(rows, is_array, is_ascii, encoding, suffix, kind):
    objects = [{"text": text, "label": label} for text, label in rows]
    if is_array:
        content = json.dumps(objects, ensure_ascii=is_ascii)
    else:
        content = "".join(json.dumps(one, ensure_ascii=is_ascii) + "\n" for one in objects)
    with folder() as place:
        path = packed(place / f"rows{suffix}", content.encode(encoding), kind)
        found = outcome(lambda: read(path), names=path.name)
    assert not isinstance(found, Refused), found
    read_rows, problems = found
    for k, (one, (text, label)) in enumerate(zip(read_rows, rows, strict=True)):
        assert (k in problems) == (isinstance(text, list) or isinstance(label, list))
        if k not in problems:
            assert one == (as_read(text), as_read(label))


CSV = "text,label,split\n" + "".join(f"a film {k},{'ab'[k % 2]},train\n" for k in range(20))
JSON = "".join(json.dumps({"text": f"a film {k}", "label": "ab"[k % 2]}) + "\n" for k in range(20))


@fuzzed(40)
@given(
    content=st.sampled_from([CSV, JSON, json.dumps([json.loads(one) for one in JSON.splitlines()])]),
    suffix=st.sampled_from([".csv", ".tsv", ".json", ".jsonl"]), kind=PACKED, flips=FLIPS, cut=CUT,
    noise=st.binary(max_size=20), at=st.floats(0, 1),
)  # fmt: skip
def test_damaged_texts(content, suffix, kind, flips, cut, noise, at):
    with folder() as place:
        path = packed(place / f"rows{suffix}", content.encode(), kind)
        written = path.read_bytes()
        middle = int(at * len(written))
        path.write_bytes(damaged(written[:middle] + noise + written[middle:], flips, cut))
        found = outcome(lambda: read(path), names=path.name)
        outcome(lambda: list(text_items(str(path), column="text")), names=path.name)
    assert isinstance(found, Refused) or isinstance(found[0], list)


@fuzzed(40)
@given(
    content=st.one_of(st.binary(max_size=80), st.text(CHARACTER, max_size=80).map(str.encode)),
    suffix=st.sampled_from(
        [".csv", ".tsv", ".jsonl", ".json", ".parquet", ".txt", ".csv.gz", ".zip", ".csv.zst", ".xz"]
    ),
    encoding=st.sampled_from([None, "cp1252", "utf-16-le", "utf-16", "utf-7", "shift_jis", "punycode"]),
    columns=st.sampled_from([None, "text,label", "label,text,other"]),
    quoting=st.sampled_from(["double", "none"]), column=st.sampled_from(["text", "1", "0", "99", "²"]),
)  # fmt: skip
# Encodings that need a mark, that mark no bad byte, and that spell half a character.
@example(
    content=b"text,label\na,b\n",
    suffix=".csv",
    encoding="utf-16",
    columns=None,
    quoting="double",
    column="text",
)
@example(
    content=b"text,label\na,b\n",
    suffix=".csv",
    encoding="punycode",
    columns=None,
    quoting="double",
    column="text",
)
@example(
    content=b"text,label\n+2D0-,b\n",
    suffix=".csv",
    encoding="utf-7",
    columns=None,
    quoting="double",
    column="text",
)
def test_any_bytes(content, suffix, encoding, columns, quoting, column):
    with folder() as place:
        path = place / f"rows{suffix}"
        path.write_bytes(content)
        format = outcome(
            lambda: table_format(columns=columns, encoding=encoding, quoting=quoting),
            names="--data.",
        )
        if isinstance(format, Refused):
            return
        outcome(lambda: read(path, text_column=column, format=format), names="")
        outcome(lambda: list(text_items(str(path), column=column, format=format)), names="rows")


NAMES = st.one_of(
    st.sampled_from(["text", "label", "Text", "review", "class", "split", "group", "1", "", " "]),
    TEXT,
)


@fuzzed(30)
@given(
    names=st.lists(NAMES, max_size=4), rows=st.lists(st.lists(TEXT, max_size=5), max_size=4),
    asked=st.tuples(NAMES, NAMES, st.none() | NAMES, st.none() | NAMES),
)  # fmt: skip
@example(names=["text", "label"], rows=[["a", "b"]], asked=("text", "label", None, ""))
def test_names_of_columns_and_ragged_rows(names, rows, asked):
    content = csv_text([names, *rows], delimiter=",", end="\n", quotes_all=False)
    options = dict(
        zip(("text_column", "label_column", "split_column", "group_column"), asked, strict=True)
    )
    with folder() as place:
        path = place / "rows.csv"
        path.write_bytes(content.encode())
        found = outcome(lambda: read(path, **options), names="rows.csv")
    if isinstance(found, Refused) or names.count(asked[0]) != 1 or names.count(asked[1]) != 1:
        return
    read_rows, problems = found
    good = [one for k, one in enumerate(read_rows) if k not in problems]
    places = [names.index(name) for name in asked[:2]]
    need = [names.index(name) + 1 for name in asked if name in names]
    due = [tuple(row[k] for k in places) for row in rows if max(need) <= len(row) <= len(names)]
    assert [one for one in due if any(map(str.strip, one))] == [
        one for one in good if any(map(str.strip, one))
    ]


@fuzzed(20)
@given(texts=st.lists(TEXT, min_size=1, max_size=5), suffix=st.sampled_from([".csv", ".tsv"]))
@example(texts=["a fine, a lovely film"], suffix=".tsv")
def test_a_column_alone_is_answered_row_by_row(texts, suffix):
    # Texts with commas are quoted in .csv. In .tsv they need no quotes, and must hold no tab.
    texts = [one.replace("\t", " ") for one in texts]
    sign, quotes_all = (",", True) if suffix == ".csv" else ("\t", False)
    content = csv_text([["text"], *([one] for one in texts)], delimiter=sign, end="\n",
                       quotes_all=quotes_all)  # fmt: skip
    with folder() as place:
        path = place / f"rows{suffix}"
        path.write_bytes(content.encode())
        found = outcome(lambda: list(text_items(str(path), column="text")), names=path.name)
    if isinstance(found, Refused):
        assert may_be_binary(content), found
        return
    assert [item.source for item in found] == [text for text in texts if text or quotes_all]
    is_told = suffix == ".tsv" and {*"\r\n"} & {*"".join(texts)}  # that each line could be a row
    assert is_told or not any(item.problem for item in found)


@fuzzed(20)
@given(lines=st.lists(TEXT.filter(lambda one: not set("\r\n") & set(one)), max_size=6),
       end=st.sampled_from(["\n", "\r\n", "\r"]), encoding=st.sampled_from(ENCODINGS))  # fmt: skip
def test_lines_are_answered_one_by_one(lines, end, encoding):
    with folder() as place:
        path = place / "lines.txt"
        path.write_bytes("".join(line + end for line in lines).encode(encoding))
        found = outcome(lambda: list(text_items(str(path), column="text")), names=path.name)
    if not isinstance(found, Refused) and encoding in ("utf-8-sig", "utf-16", "utf-32"):
        assert [item.source for item in found] == lines


LABELS = st.sampled_from([("neg", "pos"), ("0", "1"), ("1.0", "2.0"), ("a b", "c"), ("é", "e")])


@fuzzed(5)
@given(
    classes=LABELS, drawn=st.lists(st.integers(0, 1), min_size=4, max_size=12), texts=st.data(),
    kind=st.sampled_from(["csv", "jsonl", "parquet"]),
)  # fmt: skip
def test_a_part_has_its_texts_and_their_classes(classes, drawn, texts, kind):
    rows = [
        {"text": f"film {k} {texts.draw(TEXT)}", "label": classes[label], "split": split}
        for split in ("train", "val", "test")
        for k, label in enumerate([0, 1, *drawn])
    ]
    with folder() as place:
        path = place / f"rows.{kind}"
        if kind == "csv":
            records = [list(rows[0]), *(list(row.values()) for row in rows)]
            path.write_bytes(csv_text(records, delimiter=",", end="\n", quotes_all=True).encode())
        elif kind == "jsonl":
            path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        else:
            pq.write_table(pa.Table.from_pylist(rows), path)
        data = TextDataModule(path=str(path))
        parts = outcome(lambda: data.parts, names=path.name)
        if isinstance(parts, Refused):
            assert any(may_be_binary(row["text"]) for row in rows), parts
            return
        assert not data.skipped
        for name, part in parts.items():
            due = [row for row in rows if row["split"] == name]
            assert part.sources() == [row["text"] for row in due]
            # Numbers may be written otherwise.
            found = [number_of(one) or one for one in map(data.classes.__getitem__, part.labels)]
            assert found == [number_of(row["label"]) or row["label"] for row in due]


@fuzzed(20)
@given(
    pairs=st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=5), are_files=st.booleans(),
    drop=st.integers(0, 1),
)  # fmt: skip
def test_pairs(pairs, are_files, drop):
    def words(text):
        return text.replace("\r", " ").replace("\n", " ").replace("\ufeff", " ")

    pairs = [(f"a{words(one)}", f"b{words(other)}") for one, other in pairs]
    with folder() as place:
        if are_files:
            source = f"{place}/x.en:{place}/x.de"
            for k, name in enumerate(("x.en", "x.de")):
                lines = [pair[k] for pair in pairs][: len(pairs) - drop * k]
                (place / name).write_bytes("".join(f"{one}\n" for one in lines).encode())
        else:
            source, drop = f"{place}/x.tsv", 0
            records = [("source", "target"), *pairs]
            content = csv_text(records, delimiter="\t", end="\n", quotes_all=False)
            (place / "x.tsv").write_bytes(content.encode())
        found = outcome(
            lambda: read_pairs(
                source, source_column="source", target_column="target", split_column="split",
                format=table_format(columns=None, encoding=None, quoting="double"),
            ),
            names="x.",
        )  # fmt: skip
    if isinstance(found, Refused):
        assert drop or any(may_be_binary(one + other) for one, other in pairs), found
    else:
        assert not drop
        assert list(zip(found.sources, found.targets, strict=True)) == pairs
