"""Reports of finished runs that are cut, or of which bits are flipped: read, or one line."""

import json

from hypothesis import example, given
from hypothesis import strategies as st

from pipelines.compare.finished_runs import read_run
from tests.fuzz.conftest import Refused, damaged, folder, fuzzed, outcome

REPORT = {"task": "sentiment", "data": "x.csv", "classes": ["a", "b"], "num_examples": 6}
TABLE = '"id","text","label","predicted","probability_a","probability_b"\n' + "".join(
    f'{k},"film {k}","{"ab"[k % 2]}","a",0.75,0.25\n' for k in range(6)
)
OPTIONS = "model:\n  dropout: 0.5\ndata:\n  path: x.csv\n"
FILES = {"report/report.json": json.dumps(REPORT), "report/predictions.csv": TABLE,
         "config.yaml": OPTIONS}  # fmt: skip


def read(damage):
    with folder() as place:
        (place / "report").mkdir()
        for name, content in FILES.items():
            (place / name).write_bytes(damage(name, content.encode()))
        return outcome(lambda: read_run(str(place)), names="RUNS")


def test_what_is_whole_is_read():
    assert read(lambda _, content: content).labels.tolist() == [0, 1] * 3


@fuzzed(30)
@given(
    which=st.sampled_from(sorted(FILES)), cut=st.none() | st.floats(0, 1),
    flips=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 7)), max_size=2),
)  # fmt: skip
@example(which="report/predictions.csv", cut=0.7, flips=[])
@example(which="report/report.json", cut=0.5, flips=[])
def test_damage_is_one_line_or_reads_all_rows(which, cut, flips):
    found = read(lambda name, content: damaged(content, flips, cut) if name == which else content)
    if not isinstance(found, Refused) and which != "report/report.json":
        assert len(found.labels) == len(found.probabilities) == REPORT["num_examples"]
