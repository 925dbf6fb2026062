"""Reports of the oddest tests: they come to their end, and their figures lie in their intervals."""

import json
from contextlib import contextmanager
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure

from pipelines.compare.command import main as compare
from pipelines.metrics import baselines
from pipelines.pages.page import UnfinishedPageError
from pipelines.report import classification_report as reporting
from pipelines.report.classification import Predictions, write_report
from pipelines.report.classification_report import report_test
from tests.pipelines.report.outcome import Outcome

ODD_NAMES = [
    "", "0", "-1.5", "$a$", "$\\frac{", "<b>", "&amp;", "two\nlines", "\x1b[31mred", "nul\0", "a\r",
    "שלום", "مرحبا", "\u202eback", "👩‍👩‍👧", "lone \udcff", "accuracy", "macro avg", "_hidden", "{data}",
    "a name that goes on " * 40, "100 %", ",", '"', "=1+1", "\t",
]  # fmt: skip
quick = settings(
    derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)


@contextmanager
def folder_of(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("extreme")
        patch.chdir(folder)
        yield folder / "runs/sentiment/a", patch


def draw_nothing(patch):
    """A report without its page: figures, text and table."""
    patch.setattr(reporting, "report_page", lambda *args, **options: "")
    draw = "pipelines.report.classification.draw_confusion_matrix"
    patch.setattr(draw, lambda report: Figure((1, 1)))


def report_of(folder, tested, patch, *, with_baseline=True):
    """The whole chain: figures, pictures, page, and a comparison of the run with itself."""
    patch.setattr(reporting, "look_at", tested.shown)
    if with_baseline:
        majority = baselines.Majority().fit(tested.labels, tested.labels, len(tested.classes))
        folder.mkdir(parents=True, exist_ok=True)
        baselines.save(folder / reporting.BASELINES_FILE, [majority])
    report_test(
        tested.model,
        tested.data,
        folder=folder,
        train_seconds=0.0,
        trained_in=folder,
    )
    report = json.loads((folder / "report/report.json").read_bytes(), parse_constant=pytest.fail)
    assert_right(report, tested)
    return report


def assert_right(report, tested):
    is_right = tested.labels == tested.predicted
    assert report["accuracy"] == is_right.mean()
    intervals = report["intervals"]
    for key in ("accuracy", "macro_f1"):
        assert intervals[key][0] == report[key]
        assert_holds(intervals[key], least=0)
        for difference in intervals["against"].values():
            assert_holds(difference[key])
    for found in report["categories"].values():
        for one in found:
            assert one["interval"][0] <= one["accuracy"] <= one["interval"][1]
            assert 0 <= one["expected_calibration_error"] <= 1
    for bins in report["slices"].values():
        for one in bins:
            assert_holds([one["accuracy"], *one["interval"]], least=0)
    for difference in ((report["order"] or {}).get("against_whole") or {}).values():
        assert_holds(difference)
    for one in (report["calibration"][when] for when in ("before", "after")):
        assert 0 <= one["expected_calibration_error"] <= 1
        assert 0 <= one["log_loss"] < 40
    for key in ("average_precision", "roc_auc"):
        assert all(value is None or 0 <= value <= 1 for value in report["ranking"][key].values())


def assert_holds(interval, *, least=-1.0):
    value, low, high = interval
    assert least <= low <= value <= high <= 1


class Nesting(HTMLParser):
    """Every element that is opened is closed, in order."""

    EMPTY = ("meta", "img", "br", "path", "rect", "polyline")

    def __init__(self):
        super().__init__()
        self.open = []

    def handle_starttag(self, tag, attrs):
        assert tag != "script"
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in self.EMPTY:
            assert self.open.pop() == tag


def assert_parses(page):
    assert not {c for c in page if ord(c) < 32} - {"\n", "\t"}
    nesting = Nesting()
    nesting.feed(page)
    assert not nesting.open
    assert "could not be made" not in page


def certain(predicted, num_classes):
    return np.eye(num_classes)[predicted]


def tied(labels, num_classes):
    return np.full((len(labels), num_classes), 1 / num_classes)


ONE_TO = np.arange(60)
EXTREMES = {
    "all_right": lambda: Outcome(ONE_TO % 3, certain(ONE_TO % 3, 3), lengths=ONE_TO + 1),
    "all_wrong": lambda: Outcome(ONE_TO % 3, certain((ONE_TO + 1) % 3, 3), lengths=ONE_TO + 1),
    "one_example": lambda: Outcome([1], [[0.25, 0.75]]),
    "one_example_wrong_for_certain": lambda: Outcome([1], [[1.0, 0.0]], with_order=False),
    "one_row_a_class": lambda: Outcome(ONE_TO[:12], certain(ONE_TO[:12], 12)),
    "class_without_an_example": lambda: Outcome(ONE_TO % 2, certain(ONE_TO % 3, 4)),
    "class_never_predicted": lambda: Outcome(ONE_TO % 3, certain(ONE_TO % 2, 3)),
    "always_the_same": lambda: Outcome(ONE_TO % 2, certain(ONE_TO * 0, 2), lengths=ONE_TO + 1),
    "one_class_alone": lambda: Outcome(ONE_TO * 0, certain(ONE_TO * 0, 2)),
    "all_ties": lambda: Outcome(ONE_TO % 4, tied(ONE_TO, 4), temperature=20.0),
    "an_unknown_trait": lambda: Outcome(
        ONE_TO % 2,
        certain(ONE_TO % 2, 2),
        traits={"unknown_share": np.full(60, np.nan), "height_px": np.repeat([8.0, 9.0], 30)},
    ),
    "odd_names": lambda: Outcome(
        np.arange(len(ODD_NAMES)),
        certain(np.arange(len(ODD_NAMES))[::-1], len(ODD_NAMES)),
        classes=ODD_NAMES,
        sources=ODD_NAMES,
        skipped=tuple(ODD_NAMES),
    ),
}


@pytest.mark.parametrize("name", EXTREMES)
def test_an_extreme_comes_to_its_end(name, tmp_path_factory, capsys):
    with folder_of(tmp_path_factory) as (folder, patch):
        tested = EXTREMES[name]()
        report = report_of(folder, tested, patch, with_baseline=name != "one_example")
        assert len(report["classification_report"]) == len(report["classes"]) + 3
        assert_parses((folder / "report/report.html").read_text(encoding="utf-8"))
        draw_nothing(patch)
        report_of(folder.with_name("b"), tested, patch, with_baseline=False)
        compare(["--runs=a b", "--run=both"])
        found = json.loads(
            (folder.parents[1] / "compare/both/compare.json").read_bytes(), parse_constant=pytest.fail
        )  # fmt: skip
        assert_holds(found["pairs"][0]["difference"])
        for run in found["runs"].values():
            assert_holds(run["accuracy"], least=0)
            assert_holds(run["macro_f1"], least=0)
            assert run["accuracy"][0] == report["accuracy"]
        assert_parses((folder.parents[1] / "compare/both/compare.html").read_text())
    printed = capsys.readouterr().out
    assert not {c for c in printed if not c.isprintable()} - {"\n"}


@st.composite
def outcomes(draw):
    """Any labels and any probabilities, those of exactly 0 and 1 and ties among them."""
    num_classes = draw(st.sampled_from([2, 3, 12]))
    n = draw(st.integers(1, 30))
    each = st.integers(0, num_classes - 1)
    labels = draw(st.lists(each, min_size=n, max_size=n))
    weights = st.lists(
        st.sampled_from([0.0, 1e-300, 0.5, 1.0]), min_size=num_classes, max_size=num_classes
    )
    rows = np.array(draw(st.lists(weights.filter(any), min_size=n, max_size=n)))
    lengths = draw(st.lists(st.integers(1, 10**6), min_size=n, max_size=n))
    names = draw(
        st.lists(st.text(max_size=8), min_size=num_classes, max_size=num_classes, unique=True)
    )
    return Outcome(
        labels, rows / rows.sum(1, keepdims=True), classes=names, lengths=lengths,
        sources=draw(st.lists(st.text(), min_size=n, max_size=n)),
        temperature=draw(st.sampled_from([0.05, 1.0, 20.0])),
        slope=draw(st.sampled_from([-1.0, 0.0, 0.2, 1.0])), with_order=draw(st.booleans()),
    )  # fmt: skip


# To draw takes a second: a failing example is not made smaller.
@settings(quick, max_examples=2, phases=[Phase.explicit, Phase.generate])
@given(tested=outcomes())
def test_any_test_comes_to_its_end(tested, tmp_path_factory):
    with folder_of(tmp_path_factory) as (folder, patch):
        report_of(folder, tested, patch)
        assert_parses((folder / "report/report.html").read_text(encoding="utf-8"))


@settings(quick, max_examples=20)
@given(tested=outcomes())
@example(tested=Outcome(np.arange(200), certain(np.arange(200), 200)))
def test_figures_of_any_test_lie_in_their_intervals(tested, tmp_path_factory):
    with folder_of(tmp_path_factory) as (folder, patch):
        draw_nothing(patch)
        report_of(folder, tested, patch)


def fails(*args, **options):
    raise RuntimeError("no such font")


FIGURES = ("report.json", "report.txt", "predictions.csv")


@pytest.mark.parametrize("broken", ["slice_views", "draw_reliability", "draw_curves"])
def test_a_picture_that_fails_costs_its_section(broken, tmp_path_factory, capsys):
    tested = EXTREMES["all_right"]()
    with folder_of(tmp_path_factory) as (folder, patch):
        patch.setattr(f"pipelines.report.classification_page.{broken}", fails)
        with pytest.raises(
            UnfinishedPageError, match="lacks 1 section: RuntimeError: no such font"
        ):
            report_of(folder, tested, patch)
        left = {path.name for path in (folder / "report").iterdir()}
        assert left == {*FIGURES, "confusion_matrix.png", "report.html"}
        page = (folder / "report/report.html").read_text(encoding="utf-8")
        assert "This section could not be made: RuntimeError: no such font." in page
        assert "The run" in page
    assert "accuracy 1.0000" in capsys.readouterr().out


def test_examples_that_cannot_be_read_again_cost_their_section(tmp_path_factory):
    tested = EXTREMES["all_right"]()
    with folder_of(tmp_path_factory) as (folder, patch):
        tested.shown = fails
        with pytest.raises(RuntimeError, match="no such font"):
            report_of(folder, tested, patch)
        assert {path.name for path in (folder / "report").iterdir()} > set(FIGURES)


def test_a_page_that_fails_leaves_the_figures(tmp_path, monkeypatch):
    given = Predictions(
        ids=np.arange(2), sources=["a", "b"], source_column="text", labels=np.arange(2),
        probabilities=np.eye(2), classes=["a", "b"],
    )  # fmt: skip
    options: dict[str, Any] = {
        "task": "sentiment", "data": "texts", "split": "test", "truncated_steps": 0, "skipped": [],
        "train_seconds": 0.0, "baselines": {},
    }  # fmt: skip
    with pytest.raises(RuntimeError, match="no such font"):
        write_report(tmp_path / "page", given, page=fails, **options)
    left = {path.name for path in (tmp_path / "page").iterdir()}
    assert left == {*FIGURES, "confusion_matrix.png"}
    monkeypatch.setattr("pipelines.report.classification.draw_confusion_matrix", fails)
    with pytest.raises(RuntimeError, match="no such font"):
        write_report(tmp_path / "picture", given, page=lambda report: "page", **options)
    assert {path.name for path in (tmp_path / "picture").iterdir()} == {*FIGURES, "report.html"}
