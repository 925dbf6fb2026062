"""The page of a report: its figures are right, it stands alone, and a browser shows it."""

import json
import re
from html import escape

import numpy as np
import pytest
from sklearn import metrics

from pipelines.pages.page import fragment
from pipelines.report.attribution import Attribution
from pipelines.report.classification_page import met_in_training, plain_verdict
from pipelines.report.classification_report import report_test
from pipelines.report.example_views import example_view
from pipelines.report.figures import slice_views
from pipelines.report.shown_examples import ShownExample, choose
from pipelines.runs.run_history import read_history
from pipelines.tasks.checkpoints import load
from tests.browser import assert_is_shown, needs_browser
from tests.pipelines.conftest import read_predictions
from tests.pipelines.report.outcome import Outcome


def files_of(place, task):
    folder = place / "runs" / task / "first"
    return folder, (folder / "report" / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("task", ["video", "sentiment"])
def test_the_page_is_one_file_and_says_what_the_report_says(task, video_run, sentiment_run):
    place = video_run if task == "video" else sentiment_run
    folder, page = files_of(place, task)
    report = json.loads((folder / "report" / "report.json").read_text())
    assert not re.search(r"(src|href)\s*=\s*[\"'](?!data:)", page)
    assert "<script" not in page
    assert len(page) < 5e6
    assert f"{report['accuracy']:.1%} are right" in page
    name = "LSTM" if task == "video" else "mean of 4 LSTMs"
    assert escape(plain_verdict(report, name)) in page
    for name in report["classes"]:
        assert f"{report['classification_report'][name]['f1-score']:.3f}" in page
    rows = read_predictions(folder)
    # The same text is shown once; clips of these runs differ.
    wrong = len({row.get("text", row["id"]) for row in rows if row["label"] != row["predicted"]})
    right = {row["label"] for row in rows if row["label"] == row["predicted"]}
    assert page.count('class="example wrong"') == min(6, wrong)
    assert page.count('class="example right"') == len(right)


def test_figures_are_those_of_predictions_csv(sentiment_run):
    folder, _ = files_of(sentiment_run, "sentiment")
    report = json.loads((folder / "report" / "report.json").read_text())
    rows = read_predictions(folder)
    classes = report["classes"]
    labels = np.array([classes.index(row["label"]) for row in rows])
    shares = np.array([[float(row[f"probability_{name}"]) for name in classes] for row in rows])
    for k, name in enumerate(classes):
        expected = metrics.roc_auc_score(labels == k, shares[:, k])
        assert report["ranking"]["roc_auc"][name] == pytest.approx(expected)
    after = report["calibration"]["after"]
    assert after["log_loss"] == pytest.approx(metrics.log_loss(labels, shares), abs=1e-9)
    assert report["log_loss"] == pytest.approx(after["log_loss"], abs=1e-9)
    is_right = shares.argmax(1) == labels
    assert report["order"]["whole"] == pytest.approx(is_right.mean())
    steps = report["slices"]["steps"]
    assert sum(one["num_examples"] for one in steps) == len(rows)
    right = sum(one["accuracy"] * one["num_examples"] for one in steps)
    assert right == pytest.approx(is_right.sum())


def test_the_calibration_is_kept_with_the_model(sentiment_run):
    folder, _ = files_of(sentiment_run, "sentiment")
    report = json.loads((folder / "report" / "report.json").read_text())
    model = load(folder / "checkpoints" / "best.ckpt")
    assert model.probabilities.temperature.item() == pytest.approx(
        report["calibration"]["temperature"]
    )
    assert model.probabilities.slope.item() == pytest.approx(report["calibration"]["slope"])
    assert model.probabilities.bias.tolist() == list(report["calibration"]["bias"].values())
    assert model.probabilities.bias.all()
    assert model.probabilities.temperature != 1
    assert model.probabilities.slope != 0


def against(value, low, high):
    return {
        "baselines": {
            "majority": {"accuracy": 0.5},
            "tfidf_logistic_regression": {"accuracy": 0.8},
        },
        "intervals": {
            "against": {
                "majority": {"accuracy": [0.3, 0.2, 0.4]},
                "tfidf_logistic_regression": {"accuracy": [value, low, high]},
            }
        },
    }


def test_the_verdict_says_when_it_is_chance_and_when_it_is_worse():
    assert "is better than" in plain_verdict(against(0.03, 0.01, 0.05), "LSTM")
    assert "can be chance" in plain_verdict(against(0.01, -0.01, 0.03), "LSTM")
    worse = plain_verdict(against(-0.03, -0.05, -0.01), "LSTM")
    assert "NOT better" in worse
    assert "TF-IDF" in worse
    assert "nothing shows" in plain_verdict({"baselines": {}}, "LSTM")


def test_the_page_says_what_the_model_has_met_before():
    assert met_in_training({}) == ""
    unmet = {"learnt_from": 0, "chosen_by": 0}
    same = {"gone": 0, "new": 0}
    assert met_in_training({"met_in_training": unmet, "changed_since_training": same}) == ""
    told = met_in_training(
        {
            "met_in_training": {"learnt_from": 1200, "chosen_by": 30},
            "changed_since_training": {"gone": 2, "new": 5},
        }
    )
    assert "has learnt from 1,200 of these examples and was chosen by 30" in told
    assert "2 examples of this part are gone, and 5 new ones were left out" in told


def page_of(example):
    return fragment("example.html", "example_view", example_view(example))


def shown(pieces, steps):
    return ShownExample(
        source="".join(pieces), label="<b>", predicted="a", probabilities={"a": 0.9, "<b>": 0.1},
        places=np.arange(len(pieces)), running=np.tile([0.9, 0.1], (len(pieces), 1)),
        attribution=Attribution(np.array(steps, float), 1.0, 0.0), pieces=pieces,
        frames=np.empty((0, 0, 0, 3), np.uint8), frame_steps=[],
    )  # fmt: skip


def test_words_are_coloured_and_nothing_of_a_text_is_taken_for_html():
    page = page_of(shown(["<script>", " good", " film"], [0.0, 2.0, -1.0]))
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert "taken for <b>a</b> (90.0%), is <b>&lt;b&gt;</b>" in page
    assert 'rgba(47,110,163,0.75)"> good</span>' in page
    assert 'rgba(194,85,63,0.38)"> film</span>' in page


def test_the_page_says_where_the_shares_do_not_add_up():
    example = shown(["a", " b"], [1.0, 2.0])
    assert "They miss" not in page_of(example)
    missed = example._replace(attribution=Attribution(np.array([1.0, 2.0]), 3.5, 0.5))
    assert "They miss its log-odds of 3.50 by 0.50." in page_of(missed)


def test_of_a_long_text_the_places_that_count_are_shown():
    steps = np.zeros(5_000)
    steps[3_000] = 1
    pieces = [f" w{k}" for k in range(5_000)]
    page = page_of(shown(pieces, steps))
    assert " w3000<" in page
    assert " w4999" in page
    assert " w1500" not in page
    assert "… 2," in page


def test_the_surest_mistakes_come_first_then_one_right_answer_of_each_class():
    labels = np.array([0, 0, 1, 1, 1])
    first = np.array([0.9, 0.1, 0.7, 0.2, 0.05])
    assert choose(labels, np.stack([first, 1 - first], 1)) == [1, 2, 4, 0]


def test_the_same_text_is_shown_once_and_counted():
    labels, first = np.zeros(4, int), np.array([0.1, 0.1, 0.2, 0.9])
    shares = np.stack([first, 1 - first], 1)
    assert choose(labels, shares) == [0, 1, 2, 3]
    assert choose(labels, shares, ["one", "one", "two", "one"]) == [0, 2, 3]
    example = shown(["a", " b"], [1.0, 2.0])
    assert "×" not in page_of(example)
    assert " · ×3 in this part" in page_of(example._replace(times=3))


def test_history_by_epoch(tmp_path):
    path = tmp_path / "metrics.csv"
    path.write_text("epoch,step,train/loss,val/loss,test/loss\n0,5,,0.5,\n0,5,0.7,,\n1,9,,,0.4\n")
    assert read_history(path) == {"val/loss": [(1.0, 0.5)], "train/loss": [(1.0, 0.7)]}
    assert read_history(tmp_path / "none.csv") == {}


@needs_browser
@pytest.mark.parametrize("width_px", [400, 1200])
@pytest.mark.parametrize("task", ["video", "sentiment"])
def test_a_browser_shows_it(task, video_run, sentiment_run, tmp_path, width_px):
    folder, _ = files_of(video_run if task == "video" else sentiment_run, task)
    assert_is_shown(folder / "report" / "report.html", tmp_path, width_px=width_px)


def test_figures_by_name_are_a_table_with_the_baselines():
    found = {
        "value": "<web>",
        "num_examples": 1200,
        "accuracy": 0.9,
        "interval": [0.85, 0.95],
        "expected_calibration_error": 0.0312,
        "baselines": {"tfidf_logistic_regression": 0.5},
    }
    report = {"truncated_steps": 0, "categories": {"source": [found, found]}}
    view = slice_views(report, np.array([3, 4]))["tables"]["source"]
    assert view["head"] == [
        "examples",
        "accuracy (95 %)",
        "tfidf logistic regression",
        "calibration error",
    ]
    assert view["rows"][0] == ["<web>", "1,200", "90.0% (85.0% – 95.0%)", "50.0%", "0.031"]


@pytest.mark.parametrize(
    ("slope", "says"),
    [
        (0.5, "2.000 for a sequence of 40 steps; with the length it rises as its power +0.500: 1.000 for"
              " 10, and 5.477 for 300 steps and all that are longer"),
        (-0.5, "it falls as its power -0.500: 4.000 for 10"),
        (0.0, "2.000, whatever the length of a sequence."),
    ],
)  # fmt: skip
def test_the_temperatures_are_told_in_plain_words(slope, says, tmp_path, monkeypatch):
    """The figures from before are those of a temperature of 1 at every length."""
    tested = Outcome(
        [0, 1, 1], [[0.8, 0.2], [0.6, 0.4], [0.2, 0.8]], lengths=[10, 40, 160], temperature=2.0,
        slope=slope,
    )  # fmt: skip
    monkeypatch.setattr("pipelines.report.classification_report.look_at", tested.shown)
    report = report_test(
        tested.model, tested.data, folder=tmp_path, train_seconds=1.0, behaviour=False
    )
    found = report["calibration"]
    assert (found["temperature"], found["slope"]) == (2, slope)
    shares = [0.8, 0.6, 0.2]
    before = -np.mean(np.log([0.8, 0.4, 0.8]))
    assert found["before"]["log_loss"] == pytest.approx(before)
    odds = np.array([x / (1 - x) for x in shares]) ** (1 / (2 * np.array([1 / 4, 1, 4]) ** slope))
    right = np.where([True, False, False], odds, 1 / odds)
    assert found["after"]["log_loss"] == pytest.approx(np.mean(np.log(1 + 1 / right)))
    assert says in " ".join((tmp_path / "report/report.html").read_text().split())


@pytest.mark.parametrize(
    ("bias", "says"),
    [
        ([-0.7, 0.7], "each class: -0.700 for “class 0”, +0.700 for “class 1”. Classes that were"),
        (
            [0.1, 0.2, 0.3, -0.9, 0.4, 0.5, -0.6],
            "-0.900 for “class 3”, -0.600 for “class 6”, +0.500 for “class 5”, +0.400 for “class 4”,"
            " +0.300 for “class 2”, +0.200 for “class 1”, less for the others.",
        ),
        ([0.0, 0.0], None),
    ],
    ids=["two", "many", "none"],
)
def test_biases_are_told_and_change_answers(bias, says, tmp_path, monkeypatch):
    """The first class is answered to all three examples as trained, odds of 3 : 2 to the second."""
    shares = np.zeros((3, len(bias)))
    shares[:, :2] = 0.6, 0.4
    tested = Outcome([0, 1, 1], shares, bias=bias)
    monkeypatch.setattr("pipelines.report.classification_report.look_at", tested.shown)
    report = report_test(
        tested.model, tested.data, folder=tmp_path, train_seconds=1.0, behaviour=False
    )
    found = report["calibration"]
    page = " ".join((tmp_path / "report/report.html").read_text().split())
    assert found["before"]["accuracy"] == pytest.approx(1 / 3)
    if says is None:
        assert "bias" not in found
        assert "adds a bias" not in page
        return
    assert list(found["bias"].values()) == pytest.approx(bias)
    assert says in page
    accuracy = 2 / 3 if len(bias) == 2 else 1 / 3
    assert report["accuracy"] == found["after"]["accuracy"] == pytest.approx(accuracy)
    rows = (row["predicted"] for row in read_predictions(tmp_path))
    assert set(rows) == {"class 1" if len(bias) == 2 else "class 0"}
    assert f"33.3% are right without calibration, {accuracy:.1%} with it." in page
