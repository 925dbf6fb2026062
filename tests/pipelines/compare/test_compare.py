import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from scipy.stats import binomtest

from data.files.errors import InputError
from pipelines.compare.classified import compare, pair_sentence
from pipelines.compare.command import main
from pipelines.compare.finished_runs import read_run
from pipelines.metrics.significance import holm, mcnemar
from pipelines.report.classification import Predictions, write_report
from tests.browser import assert_is_shown, needs_browser


def write_run(
    folder, predicted, *, ids=None, labels=None, classes=("a", "b"), options="",
    task="sentiment", data="reviews.csv", sources=None,
):  # fmt: skip
    predicted = np.asarray(predicted)
    n = len(predicted)
    ids = np.arange(n) if ids is None else np.asarray(ids)
    labels = ids % 2 if labels is None else np.asarray(labels)
    given = Predictions(
        ids=ids,
        sources=[f"text {k}" for k in ids] if sources is None else list(map(str, sources)),
        source_column="path" if task == "video" else "text",
        labels=labels,
        probabilities=np.eye(len(classes))[predicted] * 0.8 + 0.2 / len(classes),
        classes=list(classes),
    )
    with pytest.MonkeyPatch.context() as patch:
        draw = "pipelines.report.classification.draw_confusion_matrix"
        patch.setattr(draw, lambda report: Figure((1, 1)))
        write_report(
            folder / "report", given, task=task, data=str(data), split="test",
            truncated_steps=0, skipped=[], train_seconds=12.0, baselines={},
        )  # fmt: skip
    (folder / "config.yaml").write_text(f"model:\n  members: 1\n{options}")
    return folder


@pytest.fixture
def three_runs(in_folder):
    ids = np.arange(200)
    right = ids % 2
    generator = np.random.default_rng(0)

    def with_errors(share):
        return np.where(generator.random(200) < share, 1 - right, right)

    for name, share in (("good", 0.05), ("fair", 0.10), ("poor", 0.40)):
        write_run(
            in_folder / "runs/sentiment" / name, with_errors(share),
            options=f"data:\n  seed: {share}\n  path: reviews.csv\n",
        )  # fmt: skip
    return in_folder


def test_mcnemar_by_hand():
    first = np.array([True] * 9 + [False] * 3 + [True] * 5)
    second = np.array([False] * 9 + [True] * 3 + [True] * 5)
    found = mcnemar(first, second)
    assert (found.only_first, found.only_second) == (9, 3)
    # Two-sided: P(at least 9, or at most 3, of 12 throws of a coin).
    assert found.p_value == pytest.approx(2 * (220 + 66 + 12 + 1) / 2**12)
    assert mcnemar(first, first).p_value == 1


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


def test_runs_are_compared_on_the_same_examples(three_runs):
    runs = [read_run(name) for name in ("good", "fair", "poor")]
    found = compare(runs)
    assert found["num_examples"] == 200
    assert found["left_out"] == 0
    for run in runs:
        is_right = run.probabilities.argmax(1) == run.labels
        assert found["runs"][run.name]["accuracy"][0] == pytest.approx(is_right.mean())
        options = found["runs"][run.name]["options"]
        assert list(options) == ["data.seed"]
        assert options["data.seed"] == {"good": 0.05, "fair": 0.1, "poor": 0.4}[run.name]
    first = next(p for p in found["pairs"] if (p["first"], p["second"]) == ("good", "poor"))
    value, low, high = first["difference"]
    assert 0 < low < value < high
    assert first["p_value"] < 1e-6
    raw = binomtest(first["only_first"], first["only_first"] + first["only_second"]).pvalue
    assert first["p_value"] >= raw
    assert "good is better than poor" in pair_sentence(first)


def test_the_command_leaves_a_page_and_figures(three_runs, capsys):
    main(["--runs=good sentiment/poor runs/sentiment/fair", "--run=one"])
    out = capsys.readouterr().out
    assert "200 examples of reviews.csv" in out
    page = (three_runs / "runs/compare/one/compare.html").read_text()
    assert "Which differences are more than chance?" in page
    found = json.loads((three_runs / "runs/compare/one/compare.json").read_text())
    assert list(found["runs"]) == ["good", "sentiment/poor", "runs/sentiment/fair"]


def test_runs_that_are_as_good_are_all_named(three_runs):
    shutil.copytree("runs/sentiment/good", "runs/sentiment/same")
    main(["--runs=good same poor", "--run=one"])
    page = (three_runs / "runs/compare/one/compare.html").read_text()
    assert "Of 3 runs, good and same have the highest accuracy" in page
    main(["--runs=good poor", "--run=two"])
    assert "good has the highest" in (three_runs / "runs/compare/two/compare.html").read_text()


@needs_browser
@pytest.mark.parametrize("width_px", [400, 1200])
def test_a_browser_shows_the_page(three_runs, tmp_path, width_px):
    main(["--runs=good poor", "--run=shown"])
    page = three_runs / "runs/compare/shown/compare.html"
    assert_is_shown(page, tmp_path, width_px=width_px)


def test_a_language_model_has_nothing_to_compare(in_folder, capsys):
    (in_folder / "runs/language/words/report").mkdir(parents=True)
    (in_folder / "runs/language/words/report/report.json").write_text('{"perplexity": 95.3}')
    write_run(in_folder / "runs/video/a", [0, 1])
    with pytest.raises(SystemExit) as left:
        main(["--runs=a words"])
    assert left.value.code == 2
    assert "a run of a language model" in capsys.readouterr().err


def test_examples_that_not_all_have_are_left_out(in_folder):
    write_run(in_folder / "runs/video/a", [0, 1, 0, 1], ids=[0, 1, 2, 3])
    write_run(in_folder / "runs/video/b", [0, 1, 1], ids=[1, 2, 9])
    found = compare([read_run("a"), read_run("b")])
    assert (found["num_examples"], found["left_out"]) == (2, 3)


@pytest.mark.parametrize(
    ("runs", "says"),
    [
        ("a", "name two runs"),
        ("a nowhere", "no run nowhere"),
        ("a other", "has the classes"),
        ("a apart", "no example was tested by all"),
        ("a unlike", "other labels"),
        ("a unfinished", "has no report"),
    ],
)
def test_runs_that_cannot_be_compared(in_folder, capsys, runs, says):
    place = in_folder / "runs/sentiment"
    write_run(place / "a", [0, 1, 0, 1])
    write_run(place / "other", [0, 1, 2, 0], classes=("a", "b", "c"))
    write_run(place / "apart", [0, 1], ids=[7, 8])
    write_run(place / "unlike", [0, 1, 0, 1], labels=[1, 1, 0, 1])
    (place / "unfinished").mkdir()
    with pytest.raises(SystemExit) as stop:
        main([f"--runs={runs}"])
    assert stop.value.code == 2
    assert says in capsys.readouterr().err
    assert not (in_folder / "runs/compare").exists()


def test_a_name_that_two_tasks_have(in_folder, capsys):
    for task in ("video", "sentiment"):
        write_run(in_folder / "runs" / task / "a", [0, 1])
    with pytest.raises(SystemExit):
        main(["--runs=a b"])
    assert "say which" in capsys.readouterr().err


def found_in(*names):
    found = compare([read_run(name) for name in names])
    values = [found["runs"][name] for name in names]
    return found, [run["accuracy"][0] for run in values], [run["log_loss"] for run in values]


@pytest.mark.parametrize("classes", [("b", "a"), ("1", "0")])
def test_classes_are_matched_by_name_whatever_their_order(in_folder, classes):
    ordered = sorted(classes)
    right = np.arange(20) % 2
    wrong = np.where(np.arange(20) < 3, 1 - right, right)
    place = in_folder / "runs/sentiment"
    write_run(place / "a", wrong, classes=ordered)
    # The same answers in another order, with numbers spelled otherwise.
    spelt = [f"{name}.0" if name.isdecimal() else name for name in classes]
    write_run(place / "b", 1 - wrong, labels=1 - right, classes=spelt)
    found, accuracies, losses = found_in("a", "b")
    assert accuracies == [0.85, 0.85]
    assert losses[0] == losses[1]
    assert (found["pairs"][0]["only_first"], found["pairs"][0]["only_second"]) == (0, 0)
    assert found["pairs"][0]["difference"] == [0, 0, 0]


def test_columns_of_probabilities_are_found_by_name(in_folder):
    folder = write_run(in_folder / "runs/sentiment/a", [0, 1, 1, 0])
    path = folder / "report/predictions.csv"
    before = read_run("a")
    lines = [line.split(",") for line in path.read_text().splitlines()]
    path.write_text("\n".join(",".join([*row[:4], row[5], row[4]]) for row in lines))
    assert np.array_equal(read_run("a").probabilities, before.probabilities)


def test_texts_and_classes_like_formulas_are_read_as_they_were(in_folder):
    texts = ["=1+1", "'=1+1", "-2", "-a film"]
    folder = write_run(
        in_folder / "runs/sentiment/a", [0, 1, 1, 0], sources=texts, classes=("@a", "-1")
    )
    found = read_run("a")
    assert found.sources == texts
    assert found.labels.tolist() == read_run(str(folder)).labels.tolist()
    assert found.classes == ["@a", "-1"]
    assert '\n0,"\'=1+1",' in (folder / "report/predictions.csv").read_text()


def test_runs_of_other_classes_are_refused_and_the_difference_is_named(in_folder):
    place = in_folder / "runs/sentiment"
    write_run(place / "a", [0, 1], classes=("Positive", "negative"))
    write_run(place / "b", [0, 1], classes=("positive", "negative"))
    with pytest.raises(InputError, match="only b has positive; only a has Positive"):
        found_in("a", "b")


def test_texts_are_told_by_themselves_and_not_by_their_rows(in_folder):
    place = in_folder / "runs/sentiment"
    texts = ["one", "two", "three", "one"]
    write_run(place / "a", [0, 1, 0, 1], labels=[0, 1, 0, 1], sources=texts)
    # The same table in another order; "one" stands there under both labels.
    write_run(place / "b", [1, 0, 1, 0], labels=[1, 0, 1, 0], sources=texts[::-1], ids=range(4, 8))
    found, accuracies, _ = found_in("a", "b")
    assert (found["num_examples"], found["left_out"], accuracies) == (4, 0, [1, 1])
    # Other texts in the same rows are no example in common.
    write_run(place / "c", [0, 1, 0, 1], labels=[0, 1, 0, 1], sources=["four", "five", "six", "7"])
    with pytest.raises(InputError, match="no example was tested by all"):
        found_in("a", "c")


def write_clips(folder, *, mark):
    paths = [folder / label / f"{k}.mp4" for label in ("a", "b") for k in range(3)]
    for k, path in enumerate(paths):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(f"{mark} {k}".encode())
    return paths


def write_video_run(name, data, *, sources=None):
    labels = [0] * 3 + [1] * 3
    sources = sources or [data / label / f"{k}.mp4" for label in ("a", "b") for k in range(3)]
    folder = Path("runs/video", name)
    return write_run(folder, labels, labels=labels, sources=sources, task="video", data=data)


def test_clips_are_told_by_their_paths_and_bytes(in_folder, caplog):
    for folder, mark in (("one", "x"), ("other", "y"), ("moved", "x")):
        write_clips(in_folder / folder, mark=mark)
    here = Path("one")
    write_video_run("a", here)
    write_video_run("b", in_folder / "one")
    assert found_in("a", "b")[0]["num_examples"] == 6
    # A part of the data, named as data of its own.
    write_run(
        in_folder / "runs/video/part", [0, 1, 1], labels=[1, 1, 1], task="video", data="one/b",
        sources=[f"one/b/{k}.mp4" for k in range(3)],
    )  # fmt: skip
    found, accuracies, _ = found_in("a", "part")
    assert (found["num_examples"], found["left_out"]) == (3, 3)
    assert accuracies == [1, pytest.approx(2 / 3)]
    # Other clips of the same names and sizes.
    write_video_run("c", in_folder / "other")
    with pytest.raises(InputError, match="different clips of one name"):
        found_in("a", "c")
    write_video_run("d", in_folder / "moved")
    assert found_in("a", "d")[0]["num_examples"] == 6
    assert caplog.text == ""
    shutil.rmtree(in_folder / "moved")
    assert found_in("a", "d")[0]["num_examples"] == 6
    assert "6 of 6 clips are gone" in caplog.text
