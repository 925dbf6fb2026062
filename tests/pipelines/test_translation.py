"""Translation from pairs to a report, and a saved model's answers, in the short form."""

import csv
import io
import json
import os
import shutil
import subprocess
import sys

import pandas
import pytest
import torch

from data.files.errors import InputError
from data.plain_text.content import clean
from pipelines import evaluate, translate
from pipelines.cli.training import train
from pipelines.compare import command as compare
from pipelines.metrics.writing.generation import corpus_bleu, generation_measures, resampled_bleu
from pipelines.predict import command as predict
from pipelines.predict import load
from pipelines.predict.inputs import Item
from pipelines.predict.writing.translator import Translator
from pipelines.runtime.escaping import printable
from pipelines.tasks.kinds import KINDS
from pipelines.tasks.text_checkpoints import load_translator
from tests import ROOT
from tests.pipelines.conftest import TRANSLATION, WORDS, write_pairs


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A folder with pairs.csv and a trained model."""
    place = tmp_path_factory.mktemp("translation")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        write_pairs(place / "pairs.csv")
        train("translation", ["--data.path=pairs.csv", "--run=first", *TRANSLATION])
    return place / "runs/translation/first"


@pytest.fixture
def checkpoint(run):
    return run / "checkpoints/best.ckpt"


def test_a_run_leaves_all_its_files(run):
    report = json.loads((run / "report/report.json").read_text())
    assert report["num_examples"] == 10
    assert report["baselines"].keys() == {"copy_source", "nearest_training_sentence"}
    for row in (report, *report["baselines"].values()):
        assert 0 <= row["bleu"] <= 100
        assert row.keys() >= {"bleu_lowercased", "chrf", "exact_match", "signature"}
    low, high = report["bleu_interval"]
    assert low <= report["bleu"] + 1e-6
    assert high >= report["bleu"] - 1e-6
    with (run / "report/predictions.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["source"] for row in rows] == pandas.read_csv(run.parents[2] / "pairs.csv")[
        "source"
    ].tolist()[-10:]
    found = generation_measures([row["answer"] for row in rows], [row["reference"] for row in rows])
    assert found["bleu"] == pytest.approx(report["bleu"])
    page = (run / "report/report.html").read_text()
    assert "could not be made" not in page
    assert rows[0]["source"] in page or rows[1]["source"] in page
    assert (run / "report/report.txt").read_text().count("BLEU") >= 2


def test_the_baseline_that_copies_is_told(run):
    assert KINDS["translation"].task_class.headline.metric == "bleu"
    text = (run / "report/report.txt").read_text()
    assert "copy_source" in text
    assert "does NOT beat" in text


def test_a_later_test_gives_the_figures_of_the_run(run, checkpoint, monkeypatch):
    monkeypatch.chdir(run.parents[2])
    evaluate.main([f"--ckpt={checkpoint}", "--task=translation", "--run=again"])
    then, now = (
        json.loads((run.parent / name / "report/report.json").read_text())
        for name in ("first", "again")
    )
    for key in ("bleu", "bleu_lowercased", "chrf", "exact_match", "num_examples", "train_examples"):
        assert now[key] == pytest.approx(then[key]), key
    evaluate.main([f"--ckpt={checkpoint}", "--data.path=pairs.csv", "--run=everything"])
    report = json.loads((run.parent / "everything/report/report.json").read_text())
    assert report["num_examples"] == 60
    assert report["train_examples"] == 40


def test_a_sentiment_model_is_no_translator(sentiment_run, capsys):
    other = sentiment_run / "runs/sentiment/first/checkpoints/best.ckpt"
    with pytest.raises(SystemExit) as end:
        evaluate.main([f"--ckpt={other}", "--task=translation"])
    assert end.value.code == 2
    assert "is a model for sentiment, not for translation" in capsys.readouterr().err


def answers(capsys, checkpoint, *options):
    translate.main([f"--ckpt={checkpoint}", *options])
    return capsys.readouterr().out


def test_answers_are_those_of_the_report(run, checkpoint, tmp_path, capsys):
    with (run / "report/predictions.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    (tmp_path / "texts.txt").write_text("\n".join(row["source"] for row in rows))
    out = answers(capsys, checkpoint, f"--input={tmp_path / 'texts.txt'}", "--format=json")
    found = [json.loads(line) for line in out.splitlines()]
    assert [one["source"] for one in found] == [row["source"] for row in rows]
    assert [one["text"] for one in found] == [row["answer"] for row in rows]
    assert [one["score"] for one in found] == pytest.approx(
        [float(row["score"]) for row in rows], abs=1e-4
    )


def test_each_is_answered_as_alone(checkpoint):
    translator = Translator(load_translator(checkpoint), beam=3, num_best=2)
    texts = ["small dog", "red", "", "big " * 50, "green dog 7"]
    together = list(translator.answers(map(Item, texts)))
    assert together[2].problem == "holds no token"
    for text, one in zip(texts, together, strict=True):
        if one.problem is None:
            alone = translator(text)
            assert one.texts[0] == alone.texts[0]
            assert len(one.texts) <= 2


def test_from_python(checkpoint, capsys, tmp_path):
    model = load(checkpoint)
    found = model("small dog")
    assert found.text == str(found) == answers(capsys, checkpoint, "--text=small dog").rstrip("\n")
    assert found.score == found.best[0].score
    assert [one.text for one in model.many(["red", "small dog"])][1] == found.text
    for bad, says in [
        ("", "holds no token"),
        (tmp_path, "is a path; give the text itself"),
        (3, "int: give one text or path"),
    ]:
        with pytest.raises(InputError, match=says):
            model(bad)
    with pytest.raises(InputError, match="give a list"):
        next(model.many("red"))
    with pytest.raises(InputError, match="is a model for translation, not for sentiment"):
        load(checkpoint, task="sentiment")


def test_what_classifies_refuses_a_translator(checkpoint, capsys):
    with pytest.raises(SystemExit) as end:
        predict.main([f"--ckpt={checkpoint}", "--text=red"])
    assert end.value.code == 2
    assert "is a model for translation; give one of runs/video" in capsys.readouterr().err


def test_translations_are_drawn_the_same_in_any_batch(checkpoint, capsys):
    model = load_translator(checkpoint)
    texts = ["small dog", "red", "green dog 7", "big " * 20]

    def drawn(seed, items, **options):
        translator = Translator(model, temperature=2.0, seed=seed, **options)
        return [one.texts for one in translator.many(items)]

    together = drawn(1, texts, num_best=3)
    assert [len(one) for one in together] == [3] * 4
    assert together[2:] == [drawn(1, [text], num_best=3)[0] for text in texts[2:]]
    assert together != drawn(2, texts, num_best=3)
    out = answers(
        capsys, checkpoint, "--text=small dog", "--temperature=2", "--seed=1", "--num_best=3"
    )
    assert out.splitlines() == [printable(text) for text in together[0]]


def test_no_tokens_come_twice(checkpoint):
    model = load_translator(checkpoint)
    for options in ({}, {"temperature": 1.0}):
        found = Translator(model, blocked_ngram=1, **options)("small dog and 7")
        assert len(set(found.best[0].tokens)) == len(found.best[0].tokens)


def test_formats(checkpoint, capsys):
    text = answers(capsys, checkpoint, "--text=small dog", "--num_best=2")
    rows = list(csv.DictReader(io.StringIO(answers(
        capsys, checkpoint, "--text=small dog", "--num_best=2", "--format=csv"
    ))))  # fmt: skip
    assert [row["text"] for row in rows][: len(text.splitlines())]
    assert [row["rank"] for row in rows] == [str(k + 1) for k in range(len(rows))]
    found = json.loads(
        answers(capsys, checkpoint, "--text=small dog", "--attention", "--format=json")
    )
    assert "".join(found["source_tokens"]) == "small dog"
    for row in found["attention"]:
        assert sum(row) == pytest.approx(1, abs=1e-2)


def test_the_column_is_called_as_in_training(checkpoint, tmp_path, capsys):
    table = pandas.DataFrame({"target": ["x"], "source": ["small dog"]})
    table.to_csv(tmp_path / "a.csv", index=False)
    asked = answers(capsys, checkpoint, f"--input={tmp_path / 'a.csv'}")
    assert asked == answers(capsys, checkpoint, "--text=small dog")


def test_text_is_cleaned_as_in_training(checkpoint):
    translator = Translator(load_translator(checkpoint))
    assert translator("small\u0000 dog").steps == translator(clean("small\u0000 dog")).steps


def test_sources_that_are_also_learnt_from_are_told(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    table = pandas.read_csv(write_pairs(tmp_path / "pairs.csv"))
    table.loc[55, ["source", "target"]] = table.loc[0, ["source", "target"]]
    table.to_csv("pairs.csv", index=False)
    train("translation", ["--data.path=pairs.csv", "--run=met", *TRANSLATION])
    folder = tmp_path / "runs/translation/met/report"
    report = json.loads((folder / "report.json").read_text())
    assert report["repeated_sources"] == {"test": 1}
    assert "1 of the sources are also learnt from" in (folder / "report.txt").read_text()


def test_tokenised_references_are_told(tmp_path, monkeypatch, caplog):
    monkeypatch.chdir(tmp_path)
    table = pandas.read_csv(write_pairs(tmp_path / "pairs.csv"))
    table.assign(target=table["target"] + " .").to_csv("pairs.csv", index=False)
    train("translation", ["--data.path=pairs.csv", "--run=cut", *TRANSLATION])
    folder = tmp_path / "runs/translation/cut/report"
    report = json.loads((folder / "report.json").read_text())
    assert report["tokenised_references"] == {"val": 1, "test": 1}
    assert "100% of the references look tokenised" in (folder / "report.txt").read_text()
    assert "100% of the targets of the part 'test' look tokenised" in caplog.text


@pytest.mark.slow
def test_a_text_of_5_000_words_takes_little_memory(checkpoint, tmp_path):
    code = (
        "import sys; from pipelines import translate; from tests.peak_memory import peak_mib;"
        f"translate.main(['--ckpt={checkpoint}', '--input=long.txt', '--beam=5']);"
        "print(peak_mib(), file=sys.stderr)"
    )
    (tmp_path / "long.txt").write_text("small red dog and " * 1_250)
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, check=True, timeout=500,
    )  # fmt: skip
    assert len(done.stdout.splitlines()) == 1
    # Libraries and model take 0.6 GiB of it.
    assert float(done.stderr.split()[-1]) < 2 * 2**10


def test_a_blank_line_has_an_error_and_the_exit_code_tells(checkpoint, tmp_path, capsys):
    (tmp_path / "a.txt").write_text("red\n\ndog\n")
    with pytest.raises(SystemExit) as end:
        answers(capsys, checkpoint, f"--input={tmp_path / 'a.txt'}")
    assert end.value.code == 1
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert lines[1].startswith("error\t")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--text=a", "--beam=0"], "--beam=0: at least 1 hypothesis"),
        (["--text=a", "--num_best=3", "--beam=2"], "--num_best=3: at least 1, and at most"),
        (["--text=a", "--blocked_ngram=-1"], "--blocked_ngram=-1: 0 (none) or more"),
        (["--text=a", "--temperature=0"], "--temperature=0.0: more than 0; for the likeliest"),
        (["--text=a", "--temperature=inf"], "--temperature=inf: "),
        (["--text=a", "--temperature=1", "--beam=2"], "draws and --beam=2 searches; leave one"),
        (["--text=a", "--attention"], "--attention: is written as JSON"),
        (["--text=a", "--input=b.txt"], "give one of TEXT"),
        ([], "give one of TEXT"),
        (["--input=missing.txt"], "INPUT=missing.txt"),
    ],
)
def test_options_that_do_not_fit(checkpoint, options, says, capsys):
    with pytest.raises(SystemExit) as end:
        answers(capsys, checkpoint, *options)
    assert end.value.code == 2
    assert says in capsys.readouterr().err


def test_another_task_s_checkpoint_is_one_line(sentiment_run, capsys):
    other = sentiment_run / "runs/sentiment/first/checkpoints/best.ckpt"
    with pytest.raises(SystemExit) as end:
        answers(capsys, other, "--text=a")
    assert end.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_tokenizer_of_another_model_is_refused(checkpoint, tmp_path, capsys):
    saved = torch.load(checkpoint, weights_only=True)
    description = next(one for one in saved.values() if isinstance(one, dict) and "inputs" in one)
    description["inputs"]["tokenizer"] = "{}"
    torch.save(saved, tmp_path / "other.ckpt")
    with pytest.raises(SystemExit):
        answers(capsys, tmp_path / "other.ckpt", "--text=a")
    assert "holds no tokenizer" in capsys.readouterr().err


def test_bleu_by_hand():
    # Precisions 3/4, 2/3, 1/2 and, smoothed, 1/2 of one; lengths are equal.
    expected = 100 * (3 / 4 * 2 / 3 * 1 / 2 * 1 / 2) ** 0.25
    assert corpus_bleu(["the cat sat down"], ["the cat sat here"]) == pytest.approx(expected)
    assert corpus_bleu(["a b c d"], ["a b c d"]) == pytest.approx(100)


def test_bleus_are_compared_on_the_same_resamples():
    references = [f"{word} dog runs in the snow {k}" for k, word in enumerate(WORDS)] * 8
    worse = [one.replace("runs", "sits") if k % 2 else one for k, one in enumerate(references)]
    found = resampled_bleu({"right": references, "same": references, "worse": worse}, references)
    assert found.values["worse"] == pytest.approx(corpus_bleu(worse, references))
    assert found.interval("right") == pytest.approx((100, 100))
    assert found.difference("right", "same") == (0, 0, 0)
    assert found.p_value("right", "same") == 1
    value, low, high = found.difference("worse", "right")
    assert low < value < high < 0
    assert found.p_value("worse", "right") < 0.01


def test_runs_are_compared_by_bleu(run, checkpoint, monkeypatch, capsys):
    home = run.parents[2]
    monkeypatch.chdir(home)
    other = home / "runs/translation/perfect/report"
    shutil.copytree(run / "report", other)
    table = pandas.read_csv(other / "predictions.csv", dtype=str)
    table.assign(answer=table["reference"]).to_csv(other / "predictions.csv", index=False)
    compare.main(["--runs=translation/first translation/perfect", "--run=both"])
    out = capsys.readouterr().out
    assert "10 examples of pairs.csv" in out
    assert "translation/perfect is better than translation/first" in out
    found = json.loads((home / "runs/compare/both/compare.json").read_text())
    assert found["runs"]["translation/perfect"]["bleu"] == pytest.approx([100, 100, 100])
    assert found["pairs"][0]["difference"][0] < 0
    page = (home / "runs/compare/both/compare.html").read_text()
    assert "translation/perfect has the highest BLEU, 100.0" in page


def test_runs_of_other_kinds_are_not_compared(run, sentiment_run, capsys):
    with pytest.raises(SystemExit) as end:
        compare.main([f"--runs={run} {sentiment_run / 'runs/sentiment/first'}"])
    assert end.value.code == 2
    assert "are measured by other figures" in capsys.readouterr().err
