"""A saved model's answers: from the command line and from Python, one at a time and many."""

import contextlib
import csv
import io
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas
import pytest

from data.files.errors import InputError
from pipelines.cli.training import train
from pipelines.predict import command as predict
from pipelines.predict import load
from pipelines.predict.inputs import Item
from pipelines.predict.steps import TextSteps
from tests import ROOT
from tests.clips import write_clip
from tests.pipelines.conftest import SENTIMENT, read_predictions, write_reviews

SOME = ["a fine film", " ", "<br/>", "a dull film, number very very", "great"]


def checkpoint(place: Path, task: str) -> str:
    return str(place / f"runs/{task}/first/checkpoints/best.ckpt")


@pytest.fixture(scope="module")
def reviewer(sentiment_run):
    return load(checkpoint(sentiment_run, "sentiment"))


@pytest.fixture(scope="module")
def viewer(video_run):
    return load(checkpoint(video_run, "video"))


@pytest.fixture
def run(sentiment_run, video_run, capsys):
    """Runs the command; its exit code, and what it printed."""

    def run(task, *options):
        place = sentiment_run if task == "sentiment" else video_run
        code = 0
        try:
            predict.main([f"--ckpt={checkpoint(place, task)}", f"--task={task}", *options])
        except SystemExit as left:
            code = left.code
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


def objects(out):
    return [json.loads(line) for line in out.splitlines()]


# Answers


def test_answers_are_those_of_the_report(sentiment_run, video_run, reviewer, viewer):
    for place, model in ((sentiment_run, reviewer), (video_run, viewer)):
        rows = read_predictions(place / "runs" / model.task / "first")
        sources = [row["path" if model.task == "video" else "text"] for row in rows]
        if model.task == "video":
            sources = [place / source for source in sources]
        for row, found in zip(rows, model.many(sources), strict=True):
            assert found.label == row["predicted"]
            for name, share in found.probabilities.items():
                assert share == pytest.approx(float(row[f"probability_{name}"]), abs=1e-5)


def test_an_answer_is_the_same_alone_and_in_company(reviewer, viewer, video_run, monkeypatch):
    monkeypatch.setattr("pipelines.predict.steps._TEXTS_AT_ONCE", 25)
    texts = [f"a {'very ' * (k % 11)}fine film" for k in range(60)]
    clips = sorted((video_run / "clips").rglob("*.mp4"))
    for model, sources in ((reviewer, texts), (viewer, clips)):
        for source, found in zip(sources, model.many(sources), strict=True):
            alone = model(source)
            assert found.source == alone.source == str(source)
            assert found.probabilities == pytest.approx(alone.probabilities, abs=1e-6)


def test_long_texts_are_cut_as_in_training(reviewer):
    data = reviewer.model.description["data"] | {"max_tokens": 2}
    steps = TextSteps.of(reviewer.model.description | {"data": data})
    [[one]] = steps.groups([Item("a fine film")])
    assert len(one.steps) == 2


def test_from_python(reviewer, viewer, video_run):
    found = reviewer("a fine film")
    assert found.label in ("negative", "positive")
    assert {found.label, found.runner_up} == {"negative", "positive"}
    shares = list(found.probabilities.values())
    assert found.probability == shares[0] >= shares[1]
    assert sum(shares) == pytest.approx(1)
    assert found.steps == 3
    assert str(found).endswith("  a fine film")
    assert f"{found.label}={found.probability:.4f}" in str(found)
    assert repr(found).startswith(f"Prediction('{found.label}', probability=0.")
    with pytest.raises(AttributeError):
        found.steps = 4
    clip = viewer(str(video_run / "clips/dark/0.mp4"))
    assert (clip.steps, clip.source) == (8, str(video_run / "clips/dark/0.mp4"))


def test_the_timeline_ends_with_the_answer(reviewer, viewer, video_run):
    clip = video_run / "clips/dark/3.mp4"
    for model, source in ((reviewer, "a fine film, number very!"), (viewer, clip)):
        found = model(source)
        timeline = found.timeline()
        assert timeline.steps.tolist() == list(range(1, found.steps + 1))
        last = dict(zip(timeline.classes, timeline.probabilities[-1], strict=True))
        assert found.probabilities == pytest.approx(last, abs=1e-6)
    assert timeline.seconds == pytest.approx(np.arange(11) / 25)
    # The answer at a step is that for a sequence which ends there.
    beginning = reviewer("a fine")
    two = reviewer("a fine film").timeline().probabilities[1]
    assert sorted(beginning.probabilities.values()) == pytest.approx(sorted(two), abs=1e-6)


def test_errors_from_python_are_exceptions(reviewer, viewer, tmp_path):
    with pytest.raises(InputError, match="holds no word"):
        reviewer("<p></p>")
    (tmp_path / "no.mp4").write_bytes(b"no")
    for name in ("no.mp4", "missing.mp4"):
        with pytest.raises(InputError, match=name):
            viewer(tmp_path / name)
    answers = reviewer.many(["fine", " "])
    assert next(answers).source == "fine"
    with pytest.raises(InputError, match="holds no word"):
        next(answers)
    with pytest.raises(InputError, match="give a list"):
        next(reviewer.many("a fine film"))
    with pytest.raises(InputError, match="list: give one text"):
        reviewer(["a fine film"])
    with pytest.raises(InputError, match=r"review\.txt: is a path; give the text itself"):
        reviewer(Path("review.txt"))
    with pytest.raises(InputError, match="no such file"):
        load(tmp_path / "missing.ckpt")


# The command


def test_a_line_for_a_person(run):
    code, out, _ = run("sentiment", "--text=a fine\nfilm " + "very " * 50)
    assert code == 0
    label, first, second, text = out.rstrip("\n").split("\t")
    assert first.startswith(f"{label}=")
    assert float(first.split("=")[1]) + float(second.split("=")[1]) == pytest.approx(1, abs=2e-4)
    assert text.startswith("a fine film very")
    assert text.endswith("…")


def test_bad_items_stand_between_the_others(run, tmp_path):
    table = tmp_path / "some.csv"
    pandas.DataFrame({"body": SOME}).to_csv(table, index=False)
    table.write_text(table.read_text() + "one,two\n")
    code, out, _ = run("sentiment", f"--input={table}", "--text_column=body", "--format=json")
    assert code == 1
    found = objects(out)
    assert [one["source"] for one in found[:5:2]] == [SOME[0], SOME[2], SOME[4]]
    assert [("error" in one) for one in found] == [False, True, True, False, False, True]
    assert "has 2 cell(s)" in found[5]["error"]
    code, out, _ = run("sentiment", f"--input={table}", "--text_column=body")
    assert [line.split("\t")[0] == "error" for line in out.splitlines()] == [
        "error" in one for one in found
    ]


def test_clips_of_a_folder(run, tmp_path):
    for name in ("b/clip10.mp4", "b/clip2.mp4", "a/x.MP4", ".hidden.mp4"):
        write_clip(tmp_path / "seen" / name.lower(), num_frames=3)
    (tmp_path / "seen/a/x.mp4").rename(tmp_path / "seen/a/x.MP4")
    (tmp_path / "seen/b/clip3.mp4").write_bytes(b"no")
    (tmp_path / "seen/b/notes.txt").write_text("no clip")
    names = ["a/x.MP4", "b/clip2.mp4", "b/clip3.mp4", "b/clip10.mp4"]
    code, out, _ = run("video", f"--input={tmp_path / 'seen'}", "--format=json")
    assert code == 1
    found = objects(out)
    assert [one["source"] for one in found] == [str(tmp_path / "seen" / name) for name in names]
    assert ["error" in one for one in found] == [False, False, True, False]
    code, out, _ = run("video", f"--input={tmp_path}/seen/**/clip[12]*", "--format=json")
    assert code == 0
    assert [Path(one["source"]).name for one in objects(out)] == ["clip2.mp4", "clip10.mp4"]
    # One that is named is read, whatever its ending.
    shutil.copy(tmp_path / "seen/b/clip2.mp4", tmp_path / "clip[2].dat")
    code, out, _ = run("video", f"--input={tmp_path}/clip[2].dat")
    assert code == 0


def test_the_column_is_called_as_in_training(in_folder, sentiment_run, capsys):
    write_reviews(in_folder / "reviews.csv", column="review")
    few = ["--trainer.limit_train_batches=1", "--trainer.max_epochs=1", "--run=named"]
    columns = ["--data.path=reviews.csv", "--data.text_column=review"]
    train("sentiment", [*SENTIMENT, *columns, *few])
    capsys.readouterr()
    checkpoint = "--ckpt=runs/sentiment/named/checkpoints/best.ckpt"
    with contextlib.suppress(SystemExit):
        predict.main([checkpoint, "--input=reviews.csv"])
    assert len(capsys.readouterr().out.splitlines()) == 80


def test_json_and_csv_say_the_same(run, tmp_path):
    lines = tmp_path / "lines.txt"
    lines.write_text('a "fine", film\n\n  \nawful\r\n<p>\n', encoding="utf-8-sig")
    code, out, _ = run("sentiment", f"--input={lines}", "--format=json")
    assert code == 1
    found = objects(out)
    assert [one["source"] for one in found] == ['a "fine", film', "", "  ", "awful", "<p>"]
    assert ["error" in one for one in found] == [False, True, True, False, True]
    assert found[2]["error"] == "line 3 is blank"
    _, out, _ = run("sentiment", f"--input={lines}", "--format=csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert [row["source"] for row in rows] == [one["source"] for one in found]
    for row, one in zip(rows[::3], found[::3], strict=True):
        assert (row["label"], int(row["steps"])) == (one["label"], one["steps"])
        assert float(row["probability"]) == one["probability"]
        for name, share in one["probabilities"].items():
            assert float(row[f"probability_{name}"]) == share
    for place in (1, 2, 4):
        assert (rows[place]["label"], rows[place]["error"]) == ("", found[place]["error"])


def test_timelines_of_all_formats(run, video_run):
    clip = f"--input={video_run / 'clips/dark/0.mp4'}"
    _, out, _ = run("video", clip, "--timeline", "--format=json")
    (found,) = objects(out)
    along = found["timeline"]
    assert [moment["step"] for moment in along] == list(range(1, 9))
    assert along[-1]["seconds"] == pytest.approx(7 / 25)
    assert along[-1]["probabilities"] == pytest.approx(found["probabilities"])
    _, out, _ = run("video", clip, "--timeline", "--format=csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert [int(row["step"]) for row in rows] == list(range(1, 9))
    assert float(rows[-1]["probability"]) == pytest.approx(found["probability"])
    _, out, _ = run("video", clip, "--timeline")
    first, *rest = out.splitlines()
    assert not first.startswith(" ")
    assert len(rest) == 8
    assert all(line.startswith("  step ") for line in rest)
    _, out, _ = run("sentiment", "--text=a fine film", "--timeline", "--format=json")
    assert "seconds" not in objects(out)[0]["timeline"][0]


def test_a_pipe_is_answered_line_by_line(sentiment_run):
    """Each answer comes before the next line is written."""
    command = [sys.executable, "-m", "pipelines.predict", "--input=-", "--format=json"]
    command.append(f"--ckpt={checkpoint(sentiment_run, 'sentiment')}")
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    with subprocess.Popen(command, **pipes, cwd=ROOT, bufsize=0) as process:
        for line in ("a fine film", "", "unheard syllables"):
            process.stdin.write(f"{line}\n".encode())
            assert json.loads(process.stdout.readline())["source"] == line
        process.stdin.write(b"\xff")
        process.stdin.close()
        assert "UTF-8" in json.loads(process.stdout.readline())["error"]
        said = process.stderr.read()
        assert said.startswith(b"1 of 2 answers are doubtful")
        assert said.count(b"\n") == 1
        assert process.wait() == 1


def test_who_has_read_enough_may_leave(sentiment_run, tmp_path):
    (tmp_path / "many.txt").write_text("a fine film\n" * 5_000)
    command = [sys.executable, "-m", "pipelines.predict", f"--input={tmp_path / 'many.txt'}"]
    command.append(f"--ckpt={checkpoint(sentiment_run, 'sentiment')}")
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT
    ) as process:
        assert process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 1


@pytest.mark.parametrize(
    ("task", "options", "says"),
    [
        ("sentiment", [], "TEXT is missing"),
        ("sentiment", ["--text=a", "--input=b.txt"], "TEXT and INPUT are both given"),
        ("sentiment", ["--input=missing.txt"], "INPUT=missing.txt: no such file"),
        ("sentiment", ["--input=notes.md"], "a file of type '.md' is not read; allowed are .txt"),
        ("sentiment", ["--input=list.csv", "--text_column=b"], "no column 'b'"),
        ("sentiment", ["--text=a", "--overlay=out.mp4"], "CKPT is a model for texts"),
        (
            "sentiment",
            ["--text=a", "--format=xml"],
            "--format=xml: give 'text', 'json', 'csv' or 'exact-csv'",
        ),
        (
            "sentiment",
            ["--text=a", "--frmat=json"],
            "--frmat: no such option; did you mean --format?",
        ),
        ("video", [], "INPUT is missing"),
        ("video", ["--text=a"], "CKPT is a model for video"),
        ("video", ["--input=missing.mp4"], "INPUT=missing.mp4: no such file"),
        ("video", ["--input=none*.mp4"], "INPUT=none*.mp4: holds no video file"),
        ("video", ["--input=empty"], "INPUT=empty: holds no video file"),
        ("video", ["--input=two", "--overlay=out.mp4"], "draws on one clip"),
        ("video", ["--input=two/a.mp4", "--overlay=out.gif"], "ending in .mp4"),
        ("video", ["--input=two/a.mp4", "--overlay=two/a.mp4"], "exists already"),
    ],
)
def test_mistakes_are_one_line(run, in_folder, task, options, says):
    (in_folder / "empty").mkdir()
    (in_folder / "notes.md").write_text("a")
    (in_folder / "list.csv").write_text("text\na\n")
    for name in "ab":
        write_clip(in_folder / "two" / f"{name}.mp4", num_frames=3)
    before = (in_folder / "two/a.mp4").read_bytes()
    code, out, err = run(task, *options)
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1
    assert says in err
    assert (in_folder / "two/a.mp4").read_bytes() == before


def test_no_checkpoint_or_another_one(sentiment_run, capsys):
    for options, says in (
        ([], "CKPT is missing"),
        (["--ckpt=missing.ckpt"], "no such file"),
        ([f"--ckpt={checkpoint(sentiment_run, 'sentiment')}", "--task=video"], "not for video"),
    ):
        with pytest.raises(SystemExit) as left:
            predict.main([*options, "--text=a"])
        assert left.value.code == 2
        assert says in capsys.readouterr().err
