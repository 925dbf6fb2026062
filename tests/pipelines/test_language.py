"""The language model, from a text to a report and to what it writes."""

import csv
import html
import json
import math
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from data.files.errors import InputError
from data.plain_text.content import clean
from data.running_text.data_module import END, LanguageDataModule
from pipelines import sample
from pipelines.cli.training import train
from pipelines.tasks.next_token import NextToken
from pipelines.tasks.text_checkpoints import load_language, tokenizer_of
from tests import ROOT

TEXT = "Tom saw a cat. A cat saw Tom!\nWho saw whom?\n"
SMALL = [
    "--model.encoder.features=8",
    "--model.recurrence.hidden_size=16",
    "--data.num_streams=4",
    "--data.bptt_steps=10",
    "--data.val_share=0.1",
    "--data.test_share=0.1",
    "--trainer.max_epochs=2",
    "--trainer.enable_progress_bar=false",
]
CHARACTERS = [f"--config={ROOT / 'pipelines/recipes/language-characters.yaml'}", *SMALL]


def write_text(folder, lines=60):
    path = folder / "text.txt"
    path.write_text(TEXT * lines)
    return path


@pytest.fixture(scope="module")
def characters_run(tmp_path_factory):
    """A folder with ``text.txt`` and ``runs/language/first``."""
    place = tmp_path_factory.mktemp("language")
    before = Path.cwd()
    os.chdir(place)
    try:
        train("language", [*CHARACTERS, f"--data.path={write_text(place)}", "--run=first"])
    finally:
        os.chdir(before)
    return place


def checkpoint_of(place):
    return place / "runs/language/first/checkpoints/best.ckpt"


# The whole way.


def test_a_run_leaves_its_files_and_an_honest_report(characters_run):
    run = characters_run / "runs/language/first"
    assert (run.parent / "latest").resolve() == run
    for file in ("config.yaml", "metrics.csv", "checkpoints/best.ckpt", "checkpoints/last.ckpt"):
        assert (run / file).stat().st_size > 0, file
    report = json.loads((run / "report/report.json").read_text())
    assert (report["task"], report["split"], report["tokenizer"]) == (
        "language",
        "test",
        "characters",
    )
    assert report["tokens"] == report["characters"] > 200
    assert report["num_tokens"] == 1 + len(set(TEXT))
    assert report["unknown_share"] == 0
    assert report["perplexity"] == pytest.approx(math.exp(report["loss"]))
    assert report["bits_per_character"] == pytest.approx(report["loss"] / math.log(2))
    assert report["tokens_per_second"] > 0
    assert list(report["baselines"]) == ["unigram", "bigram", "trigram", "5-gram"]
    text = (run / "report/report.txt").read_text()
    assert "unigram" in text
    assert "Counting does as well" in text
    with (run / "metrics.csv").open(newline="") as lines:
        rows = [row for row in csv.DictReader(lines) if row["val/loss"]]
    assert len(rows) == 2
    for row in rows:
        assert float(row["val/perplexity"]) == pytest.approx(math.exp(float(row["val/loss"])), 1e-4)
    assert float(rows[1]["val/loss"]) < float(rows[0]["val/loss"]) < math.log(19)


def test_a_checkpoint_holds_tokenizer_options_and_no_code(characters_run):
    torch.load(checkpoint_of(characters_run), weights_only=True)
    task = load_language(checkpoint_of(characters_run))
    assert task.description["task"] == "language"
    assert task.description["model"]["encoder"]["init_args"]["num_tokens"] == 1 + len(set(TEXT))
    assert tokenizer_of(task).decode(tokenizer_of(task).encode("Tom saw").ids) == "Tom saw"
    assert not task.training


def test_the_report_is_of_the_best_checkpoint(characters_run):
    """Read anew in one pass, with one stream, the test part costs about what the report says."""
    task = load_language(checkpoint_of(characters_run))
    data = LanguageDataModule(**task.description["data"])
    data.adopt(task.description["inputs"])
    tokens = torch.from_numpy(np.array(data.parts["test"].tokens, np.int64))
    with torch.inference_mode():
        losses, _ = task.model.losses(tokens[:-1], torch.tensor([len(tokens) - 1]), tokens[1:])
    report = json.loads((characters_run / "runs/language/first/report/report.json").read_text())
    assert losses.mean().item() == pytest.approx(report["loss"], abs=0.05)


def test_the_page_shows_a_passage_and_what_the_model_writes(characters_run):
    run = characters_run / "runs/language/first"
    report = json.loads((run / "report/report.json").read_text())
    page = (run / "report/report.html").read_text()
    assert f"perplexity of {report['perplexity']:,.2f}" in page
    assert "than counting tells" in page
    shown = re.search(r'<p class="words">(.*?)</p>', page)[1]
    passage = re.sub(r"<span[^>]*>|</span>", "", shown).replace("<br>", "\n")
    assert html.unescape(passage) in TEXT * 60
    nats = [float(value) for value in re.findall(r'title="([\d.]+) nats"', shown)]
    assert len(nats) > 100
    assert min(nats) >= 0
    assert not re.search(r"(src|href)\s*=\s*[\"'](?!data:)", page)


@pytest.mark.parametrize("tokenizer", ["words", "subwords"])
def test_documents_of_words_and_subwords(in_folder, capsys, tokenizer):
    rows = "\n".join(
        f'"A {k % 7} times {["fine", "dull"][k % 2]} film, number {k}!"' for k in range(90)
    )
    (in_folder / "films.csv").write_text(f"text\n{rows}\n")
    tied = ["--model.tied=true"] if tokenizer == "subwords" else []
    train(
        "language",
        ["--data.path=films.csv", "--run=films", f"--data.tokenizer={tokenizer}", *SMALL, *tied],
    )
    report = json.loads((in_folder / "runs/language/films/report/report.json").read_text())
    assert report["bits_per_character"] == pytest.approx(
        report["loss"] / math.log(2) * report["tokens"] / report["characters"]
    )
    config = yaml.safe_load((in_folder / "runs/language/films/config.yaml").read_text())
    assert config["trainer"]["gradient_clip_val"] == 1.0
    capsys.readouterr()
    checkpoint = "--ckpt=runs/language/films/checkpoints/best.ckpt"
    sample.main([checkpoint, "--prompt=A fine film", "--length=30"])
    told = capsys.readouterr().out
    assert told.startswith("A fine film")
    assert END not in told
    assert "<unk>" not in told


@pytest.mark.slow  # test_ddp.py starts two processes of a classifier; streams know their ranks
def test_two_processes_train_and_test_on_every_token(in_folder):
    write_text(in_folder)
    command = [
        sys.executable, "-m", "pipelines.language", *CHARACTERS, "--data.path=text.txt", "--run=two",
        "--trainer.accelerator=cpu", "--trainer.devices=2", "--trainer.strategy=ddp",
        "--trainer.max_epochs=1",
    ]  # fmt: skip
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=200, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    report = json.loads((in_folder / "runs/language/two/report/report.json").read_text())
    assert report["tokens"] == report["characters"]
    assert report["tokens_per_second"] * report["train_seconds"] == pytest.approx(
        report["train_tokens"] - 1, abs=1
    )


def seen_steps(monkeypatch, run, options):
    """The tokens of the training batches, in the order they were learnt from."""
    seen = []
    step = NextToken.training_step

    def watched(self, batch, batch_idx):
        seen.append(batch.steps.tolist())
        return step(self, batch, batch_idx)

    with monkeypatch.context() as patch:
        patch.setattr(NextToken, "training_step", watched)
        train("language", [*CHARACTERS, "--data.path=text.txt", f"--run={run}", *options])
    return seen


def test_resuming_within_an_epoch_reads_the_rest_of_it(in_folder, monkeypatch):
    write_text(in_folder, lines=12)
    whole = seen_steps(monkeypatch, "whole", [])
    assert len(whole) > 12
    saves = ["--checkpoint.every_n_train_steps=3", "--checkpoint.monitor=null"]
    first = seen_steps(monkeypatch, "first", [*saves, "--trainer.max_steps=3"])
    assert first == whole[:3]
    last = in_folder / "runs/language/first/checkpoints/last.ckpt"
    rest = seen_steps(monkeypatch, "rest", [*saves, f"--ckpt_path={last}"])
    assert rest == whole[3:]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--data.path=nowhere.txt"], "nowhere.txt: no such file or folder"),
        (["--data.path=text.txt", "--data.num_streams=5000"], "too few for 5000 streams"),
        (["--data.path=text.txt", "--data.tokenizer=letters"], "letters"),
        (["--data.path=text.txt", "--model.recurrence.bidirectional=true"], "reads backwards"),
        (["--data.path=text.txt", "--run=a/b"], "not a name for a run"),
        (["--data.path=text.txt", "--data.val_share=0"], "val_share=0"),
    ],
)
def test_mistakes_are_one_line(in_folder, capsys, options, says):
    write_text(in_folder)
    with pytest.raises(SystemExit) as caught:
        train("language", [*CHARACTERS, *options])
    assert caught.value.code == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if "error" in line]
    assert len(lines) == 1
    assert says in lines[0]


# The task.


@pytest.mark.parametrize("prompt", ["Tom ", "", "ü ☃ \n", "\ud800"])
def test_any_prompt_is_continued(characters_run, capsys, prompt):
    checkpoint = f"--ckpt={checkpoint_of(characters_run)}"
    sample.main([checkpoint, f"--prompt={prompt}", "--length=40", "--top_p=0.95", "--seed=1"])
    told = capsys.readouterr().out.removesuffix("\n")
    assert told.startswith(clean(prompt))
    assert len(told) == len(prompt) + 40
    assert set(told[len(prompt) :]) <= set(TEXT)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ([], "CKPT is missing"),
        (["--ckpt=missing.ckpt"], "no such file"),
        (["--ckpt=text.ckpt"], "cannot be read"),
        (["--ckpt=other.ckpt"], "not a checkpoint of this project"),
        (["--ckpt=good.ckpt", "--length=0"], "LENGTH=0"),
        (["--ckpt=good.ckpt", "--temperature=-1"], "temperature=-1"),
        (["--ckpt=good.ckpt", "--top_p=0"], "top_p=0"),
    ],
)
def test_mistakes_of_sampling_are_one_line(characters_run, in_folder, capsys, options, says):
    (in_folder / "text.ckpt").write_text("hello")
    torch.save({"state_dict": {}}, in_folder / "other.ckpt")
    shutil.copy(checkpoint_of(characters_run), in_folder / "good.ckpt")
    with pytest.raises(SystemExit) as caught:
        sample.main(options)
    assert caught.value.code == 2
    assert says in capsys.readouterr().err


def test_a_small_text_is_learnt_by_heart(in_folder, capsys):
    """ "hello" over and over: the model writes it on."""
    (in_folder / "hello.txt").write_text("hello\n" * 300)
    own = ["--data.path=hello.txt", "--run=hello", "--trainer.max_epochs=8"]
    train("language", [*CHARACTERS, *own, "--model.optimizer.lr=0.03"])
    report = json.loads((in_folder / "runs/language/hello/report/report.json").read_text())
    assert report["loss"] < 0.2
    capsys.readouterr()
    checkpoint = "--ckpt=runs/language/hello/checkpoints/best.ckpt"
    sample.main([checkpoint, "--prompt=hel", "--length=9", "--temperature=0"])
    assert capsys.readouterr().out == "hello\nhello\n\n"


def test_a_classifier_is_no_language_model(sentiment_run):
    with pytest.raises(InputError, match="is a model for sentiment, not for language"):
        load_language(sentiment_run / "runs/sentiment/first/checkpoints/best.ckpt")
