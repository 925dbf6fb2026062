import csv
import json
from typing import Any

import numpy as np
import pytest
from matplotlib import _pylab_helpers, image
from matplotlib.figure import Figure
from sklearn import metrics

from pipelines.metrics.measures import scores
from pipelines.report.classification import Predictions, summary, write_report
from pipelines.report.figures import draw_confusion_matrix
from pipelines.runtime.escaping import undefused

FILES = {"report.json", "report.txt", "predictions.csv", "confusion_matrix.png"}
REQUIRED = {"task", "data", "split", "num_examples", "classes", "accuracy", "macro_f1", "log_loss"}
REQUIRED |= {"classification_report", "confusion_matrix", "truncated_steps", "skipped", "baselines"}
REQUIRED |= {"train_seconds"}


def predictions(n=40, num_classes=3, *, seed=0, **fields):
    random = np.random.default_rng(seed)
    logits = random.normal(size=(n, num_classes))
    labels = random.integers(num_classes, size=n)
    logits[np.arange(n), labels] += 1
    defaults: dict[str, Any] = {
        "ids": random.permutation(10 * n)[:n],
        "sources": [f"clip {k}.mp4" for k in range(n)],
        "source_column": "path",
        "labels": labels,
        "probabilities": np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True),
        "classes": [f"class-{k}" for k in range(num_classes)],
    }
    return Predictions(**(defaults | fields))


def write(folder, given, *, is_drawn=False, **options):
    names: dict[str, Any] = {"task": "video", "data": "clips", "split": "test"}
    names |= {"truncated_steps": 0, "skipped": [], "train_seconds": 1.5, "baselines": {}}
    with pytest.MonkeyPatch.context() as patch:
        if not is_drawn:
            draw = "pipelines.report.classification.draw_confusion_matrix"
            patch.setattr(draw, lambda report: Figure((1, 1)))
        return write_report(folder, given, **(names | options))


def read_json(folder):
    return json.loads((folder / "report.json").read_bytes(), parse_constant=pytest.fail)


def read_csv(folder):
    with (folder / "predictions.csv").open(newline="", encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


def row(accuracy):
    return {"accuracy": accuracy, "macro_f1": accuracy, "log_loss": 0.5}


def test_the_numbers_are_those_of_a_case_counted_by_hand(tmp_path):
    # true 0 0 1 1 2, predicted 0 1 1 1 0: class 2 is never found.
    shares = [[0.5, 0.3, 0.2], [0.1, 0.8, 0.1], [0.2, 0.6, 0.2], [0, 1, 0], [0.5, 0.25, 0.25]]
    given = predictions(5, labels=np.array([0, 0, 1, 1, 2]), probabilities=np.array(shares))
    report = write(tmp_path, given)
    assert report["confusion_matrix"] == [[1, 1, 0], [0, 2, 0], [1, 0, 0]]
    assert report["accuracy"] == pytest.approx(3 / 5)
    assert report["macro_f1"] == pytest.approx((2 / 4 + 4 / 5 + 0) / 3)
    assert report["log_loss"] == pytest.approx(-np.log([0.5, 0.1, 0.6, 1, 0.25]).mean())


@pytest.mark.parametrize("num_classes", [2, 3, 12])
def test_report_json_equals_scikit_learn_on_predictions_csv(tmp_path, num_classes):
    given = predictions(60, num_classes)
    write(tmp_path, given)
    report, rows = read_json(tmp_path), read_csv(tmp_path)
    classes = report["classes"]
    labels = [one["label"] for one in rows]
    predicted = [one["predicted"] for one in rows]
    shares = np.array([[float(one[f"probability_{name}"]) for name in classes] for one in rows])
    assert [classes[k] for k in shares.argmax(axis=1)] == predicted
    assert report["accuracy"] == metrics.accuracy_score(labels, predicted)
    f1 = metrics.f1_score(labels, predicted, labels=classes, average="macro", zero_division=0)
    assert report["macro_f1"] == pytest.approx(f1, abs=1e-12)
    numbers = [classes.index(label) for label in labels]
    loss = metrics.log_loss(numbers, shares, labels=range(num_classes))
    assert report["log_loss"] == pytest.approx(loss, abs=1e-12)
    options = {"labels": classes, "zero_division": 0}
    text = metrics.classification_report(labels, predicted, digits=4, **options)
    assert (tmp_path / "report.txt").read_text() == text
    by_class = metrics.classification_report(labels, predicted, output_dict=True, **options)
    assert report["classification_report"] == by_class
    matrix = metrics.confusion_matrix(labels, predicted, labels=classes).tolist()
    assert report["confusion_matrix"] == matrix
    assert report["macro_f1"] == pytest.approx(by_class["macro avg"]["f1-score"], abs=1e-12)


def test_the_folder_holds_the_files_and_the_report_its_keys(tmp_path):
    folder = tmp_path / "deep" / "report"
    returned = write(folder, predictions(), extra={"model": {"hidden_size": 8}})
    assert {path.name for path in folder.iterdir()} == FILES
    assert read_json(folder) == returned
    assert REQUIRED | {"model"} == set(returned)


def test_rows_are_sorted_by_id_and_keep_what_belongs_together(tmp_path):
    given = predictions()
    write(tmp_path, given)
    rows = read_csv(tmp_path)
    ids = [int(one["id"]) for one in rows]
    assert ids == sorted(given.ids.tolist())
    at = {int(k): position for position, k in enumerate(given.ids)}
    for one in rows:
        position = at[int(one["id"])]
        assert one["path"] == given.sources[position]
        assert one["label"] == given.classes[given.labels[position]]
        assert float(one["probability_class-1"]) == given.probabilities[position, 1]


def test_an_example_that_is_counted_twice_is_refused_by_its_id():
    with pytest.raises(ValueError, match=r"2 ids came more than once: \[3, 7\]") as caught:
        predictions(5, ids=np.array([7, 3, 1, 3, 7]))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"labels": np.zeros(39, dtype=int)}, r"labels \(39,\).*needed"),
        ({"labels": np.full(40, 3)}, "allowed are 0 to 2"),
        ({"labels": np.full(40, -1)}, "allowed are 0 to 2"),
        ({"labels": np.zeros(40)}, "integers"),
        ({"probabilities": np.full((40, 2), 0.5)}, r"probabilities \(40, 2\)"),
        ({"probabilities": np.full((40, 3), 0.5)}, "do not sum to 1"),
        ({"probabilities": np.full((40, 3), np.nan)}, "do not sum to 1"),
        ({"probabilities": np.tile([2.0, -1, 0], (40, 1))}, "do not sum to 1"),
        ({"classes": ["a", "b", "a"]}, "different"),
        ({"sources": []}, "0 predictions"),
        ({"classes": ["a"], "probabilities": np.ones((40, 1))}, "2 or more"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(fields, message):
    with pytest.raises(ValueError, match=message) as caught:
        predictions(**fields)
    assert "\n" not in str(caught.value)


def test_a_float32_softmax_is_taken_and_sums_to_1():
    given = predictions(probabilities=predictions().probabilities.astype(np.float32))
    assert given.probabilities.dtype == np.float64
    np.testing.assert_allclose(given.probabilities.sum(axis=1), 1, atol=1e-12)
    scores(given.labels, given.probabilities)  # pytest would make an error of a warning


@pytest.mark.parametrize("n", [1, 6])
def test_classes_without_an_example_count_as_zero(tmp_path, n):
    shares = np.tile([0.7, 0.1, 0.1, 0.1], (n, 1))
    report = write(tmp_path, predictions(n, 4, labels=np.zeros(n, dtype=int), probabilities=shares))
    assert report["accuracy"] == 1
    assert report["macro_f1"] == pytest.approx(1 / 4)
    assert report["log_loss"] == pytest.approx(-np.log(0.7))
    assert report["classification_report"]["class-3"]["support"] == 0
    assert report["confusion_matrix"] == [[n, 0, 0, 0], *[[0] * 4] * 3]
    assert "class-3" in summary(report)


def test_a_certain_mistake_has_a_finite_loss():
    values = scores(np.array([0]), np.array([[0.0, 1.0]]))
    assert 30 < values["log_loss"] < 40


TEXTS = ['She said "no", twice;\nthen left.', "a\r\nb\rc\n", "a lone\rreturn", "comma, tab\t"]
TEXTS += ["영화가 좋다 🎬", "", "  blanks  ", r"C:\new\x00", "=1+1", "'=1+1"]


def test_texts_come_back_from_the_csv_as_they_were(tmp_path):
    n = len(TEXTS)
    write(tmp_path, predictions(n, ids=np.arange(n), sources=TEXTS, source_column="text"))
    assert [undefused(one["text"]) for one in read_csv(tmp_path)] == TEXTS


def test_nul_and_lone_surrogates_are_written_as_escapes(tmp_path):
    # CSV has no way to say these: the one stops many readers, the other has no UTF-8. They become
    # backslash escapes; `id` says which example it was. In JSON the surrogate itself comes back.
    odd = {"sources": ["nul \0 here", "lone \udcff here"], "classes": ["a\0", "b\udcff", "c"]}
    skipped = [{"path": "bad\udcff\0.mp4", "reason": "no video"}]
    given = predictions(2, ids=np.arange(2), labels=np.array([0, 1]), **odd)
    report = write(tmp_path, given, skipped=skipped)
    rows = read_csv(tmp_path)
    assert [one["path"] for one in rows] == [r"nul \x00 here", r"lone \udcff here"]
    assert [one["label"] for one in rows] == [r"a\x00", r"b\udcff"]
    assert r"probability_b\udcff" in rows[0]
    assert read_json(tmp_path) == report
    assert report["skipped"] == skipped
    assert report["classes"] == odd["classes"]
    summary(report).encode("utf-8")


def test_the_json_is_strict_whatever_it_is_given(tmp_path):
    deep = [np.float32("inf"), {"array": np.array([1.0, np.nan])}]
    extra = {"nan": np.nan, "deep": deep, "folder": tmp_path, "count": np.int64(3)}
    baselines = {"odd": {"accuracy": np.float64(0.5), "macro_f1": 0.5, "log_loss": np.inf}}
    write(tmp_path, predictions(), train_seconds=float("nan"), extra=extra, baselines=baselines)
    report = read_json(tmp_path)
    assert report["train_seconds"] is report["nan"] is None
    assert report["deep"] == [None, {"array": [1.0, None]}]
    assert (report["folder"], report["count"]) == (str(tmp_path), 3)
    assert report["baselines"]["odd"]["log_loss"] is None
    line = next(line for line in summary(report).splitlines() if line.startswith("odd"))
    assert line.split() == ["odd", "0.5000", "0.5000", "-"]


def test_extra_may_not_replace_a_number(tmp_path):
    with pytest.raises(ValueError, match=r"\['accuracy'\]"):
        write(tmp_path, predictions(), extra={"accuracy": 1.0})


def test_a_crash_leaves_the_report_that_was_there(tmp_path, monkeypatch):
    write(tmp_path, predictions())
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def fill_the_disk(path, content):
        with path.open("wb") as file:
            file.write(content[: len(content) // 2])
        raise OSError("no space left on device")

    monkeypatch.setattr("pathlib.Path.write_bytes", fill_the_disk)
    with pytest.raises(OSError, match="no space"):
        write(tmp_path, predictions(seed=1))
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_the_summary_says_what_the_model_does_not_beat(tmp_path):
    report = write(tmp_path, predictions(), baselines={"majority": row(0), "tfidf": row(1)})
    report["accuracy"], report["baselines"]["tfidf"]["accuracy"] = 0.8712, 0.9038
    text = summary(report)
    assert "The model does NOT beat tfidf: accuracy 0.871 against 0.904." in text
    report["baselines"]["majority"]["accuracy"] = 0.8712  # a tie is not beaten
    wanted = "does NOT beat tfidf and majority: accuracy 0.871 against 0.904 and 0.871."
    assert wanted in summary(report)
    assert f"The model (LSTM) {wanted}" in summary(report, model_name="LSTM")


def test_the_summary_says_that_all_are_beaten(tmp_path):
    report = write(tmp_path, predictions(), baselines={"majority": row(0.5), "tfidf": row(0.9)})
    report["accuracy"] = 0.9002
    text = summary(report)
    assert "NOT" not in text
    # Near each other, they need more digits to be told apart.
    assert "beats every baseline, the best of them tfidf: accuracy 0.90020 against 0.90000." in text
    assert "No baseline was run" in summary(report | {"baselines": {}})
    for low, says in ((0.001, "beats every baseline"), (-0.001, "by what may be chance")):
        report["intervals"] = {"against": {"tfidf": {"accuracy": [0.0002, low, 0.01]}}}
        assert says in summary(report)


def test_the_table_of_the_summary_is_aligned(tmp_path):
    report = write(
        tmp_path, predictions(), baselines={"majority": row(0.25), "a_long_name": row(0)}
    )
    lines = summary(report).splitlines()
    at = next(k for k, line in enumerate(lines) if "macro-F1" in line)
    assert len({len(line) for line in lines[at : at + 4]}) == 1
    assert lines[at + 1].split()[:2] == ["model", f"{report['accuracy']:.4f}"]
    assert lines[at + 2].split() == ["majority", "0.2500", "0.2500", "0.5000"]
    assert (tmp_path / "report.txt").read_text() in summary(report)


def test_the_summary_names_what_was_cut_and_left_out(tmp_path):
    text = summary(write(tmp_path, predictions()))
    assert "Truncated" not in text
    assert "Skipped" not in text
    skipped = [{"path": f"clip{k}.mp4", "reason": "no\nvideo"} for k in range(5)]
    report = write(tmp_path, predictions(), truncated_steps=1234, skipped=skipped)
    lines = summary(report).splitlines()
    assert any(line.startswith("Truncated: 1,234 steps") for line in lines)
    at = next(k for k, line in enumerate(lines) if line.startswith("Skipped: 5"))
    assert "report.json" in lines[at]
    assert lines[at + 1 :] == [f"  clip{k}.mp4: no\\nvideo" for k in range(3)]
    assert report["skipped"] == skipped


def test_control_characters_do_not_reach_the_terminal(tmp_path):
    names = ["\x1b[31mred", "two\nlines", "plain"]
    text = summary(write(tmp_path, predictions(classes=names), data="\x1b]0;title\x07"))
    assert not set(text) & {"\x1b", "\x07"}
    assert r"two\nlines" in text


@pytest.mark.parametrize("num_classes", [2, 9, 11, 41])
def test_the_figure_is_drawn_and_leaves_nothing_behind(tmp_path, num_classes):
    # No warning either (pytest makes it an error): missing letters, mathtext, long names.
    names = ["a $\\frac{1}$ _b^", "영화", "a name that goes on and on, " * 5]
    classes = (names + [f"class {k}" for k in range(num_classes)])[:num_classes]
    given = predictions(num_classes - 1, num_classes, classes=classes)  # so one has no example
    write(tmp_path, given, is_drawn=True, data="$costs$ $\\bad{")
    pixels = image.imread(tmp_path / "confusion_matrix.png")
    assert min(pixels.shape[:2]) > 300
    assert pixels[..., :3].std() > 0.01
    assert not _pylab_helpers.Gcf.figs


def test_cells_say_count_and_share_while_there_is_room(tmp_path):
    labels, shares = np.array([0, 0, 0, 1]), np.array([[1.0, 0], [1, 0], [0, 1], [0, 1]])
    report = write(tmp_path, predictions(4, 2, labels=labels, probabilities=shares))
    texts = [text.get_text() for text in draw_confusion_matrix(report).axes[0].texts]
    assert {"2", "66.7%", "1", "33.3%", "0", "100.0%"} <= set(texts)
    assert any("accuracy 75.0%" in text for text in texts)
    many = write(tmp_path, predictions(60, 50))
    assert len(draw_confusion_matrix(many).axes[0].texts) == 2  # the title alone
