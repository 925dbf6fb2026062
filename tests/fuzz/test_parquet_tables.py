"""Parquet tables of texts: what was written is read, and damage of any kind is one line."""

import pyarrow as pa
import pyarrow.parquet as pq
from datasets import ClassLabel, Features, Value
from hypothesis import example, given
from hypothesis import strategies as st

from pipelines.predict.inputs import text_items
from tests.fuzz.conftest import Refused, damaged, folder, fuzzed, outcome
from tests.fuzz.test_text_tables import CUT, FLIPS, TEXT, read

COLUMNS = {
    "string": (pa.string(), TEXT),
    "large": (pa.large_string(), TEXT),
    "categories": (pa.dictionary(pa.int32(), pa.string()), TEXT),
    "whole": (pa.int64(), st.integers(-(2**63), 2**63 - 1)),
    "small": (pa.uint8(), st.integers(0, 255)),
    "flag": (pa.bool_(), st.booleans()),
    "bytes": (pa.binary(), st.binary(max_size=5)),
    "lists": (pa.list_(pa.int8()), st.lists(st.integers(0, 9), max_size=3)),
    "nothing": (pa.null(), st.none()),
}


@st.composite
def parquet_columns(draw):
    count = draw(st.integers(1, 6))
    found = {}
    for name in ("text", "label"):
        kind = draw(st.sampled_from(sorted(COLUMNS)))
        values = st.lists(st.none() | COLUMNS[kind][1], min_size=count, max_size=count)
        found[name] = (kind, draw(values))
    return found


@fuzzed(25)
@given(columns=parquet_columns(), compression=st.sampled_from(["none", "snappy", "zstd"]))
def test_parquet(columns, compression):
    arrays = {name: pa.array(values, COLUMNS[kind][0]) for name, (kind, values) in columns.items()}
    with folder() as place:
        path = place / "rows.parquet"
        pq.write_table(pa.table(arrays), path, compression=compression)
        found = outcome(lambda: read(path), names=path.name)
    kinds = {kind for kind, _ in columns.values()}
    if isinstance(found, Refused):
        assert kinds & {"bytes", "lists"}, found
        return
    texts, labels = columns["text"], columns["label"]
    due = [None if v is None else str(v).lower() if v in (True, False) and texts[0] == "flag"
           else str(v) for v in texts[1]]  # fmt: skip
    assert found == (list(zip(due, labels[1], strict=True)), {})


@fuzzed(30)
@given(
    flips=FLIPS, cut=st.none() | CUT, compression=st.sampled_from(["none", "snappy"]),
    is_named=st.booleans(),
)  # fmt: skip
# Integers of a size that there is not; metadata that are no JSON; a text that is not UTF-8.
@example(flips=[(0.8125, 1)], cut=None, compression="none", is_named=False)
@example(flips=[(0.45, 5)], cut=None, compression="none", is_named=True)
@example(flips=[(0.019, 7)], cut=None, compression="none", is_named=False)
def test_damaged_parquet(flips, cut, compression, is_named):
    table = pa.table({"text": ["a film", "a play"] * 3, "label": pa.array([0, 1] * 3)})
    if is_named:
        features = Features({"text": Value("string"), "label": ClassLabel(names=["a", "b"])})
        table = table.replace_schema_metadata(features.arrow_schema.metadata)
    with folder() as place:
        path = place / "rows.parquet"
        pq.write_table(table, path, compression=compression)
        path.write_bytes(damaged(path.read_bytes(), flips, cut))
        found = outcome(lambda: read(path), names=path.name)
        outcome(lambda: list(text_items(str(path), column="text")), names=path.name)
    assert isinstance(found, Refused) or isinstance(found[0], list)
