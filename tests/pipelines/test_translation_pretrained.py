"""A translator whose decoder starts from a language model."""

import json
from pathlib import Path

import pytest
import torch

from data.tokens.vocabulary import END, learn_tokenizer
from pipelines import evaluate
from pipelines.cli.training import train
from pipelines.predict import load
from pipelines.predict.writing.translator import Translator
from pipelines.tasks.text_checkpoints import load_language, load_translator, tokenizer_of
from tests.pipelines.conftest import LANGUAGE, TRANSLATION, write_pairs


@pytest.fixture(scope="module")
def language_models(tmp_path_factory):
    """Runs by their options: of targets as texts, and of a file of running text; pairs.csv above."""
    place = tmp_path_factory.mktemp("pretrained")
    tied = ["--data.tokenizer=subwords", "--data.lowercase=false", "--data.vocabulary_size=300",
            "--model.adaptive_cutoffs=null", "--model.tied=true"]  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        write_pairs(place / "pairs.csv")
        (place / "running.txt").write_text("rot klein Hund. " * 200)
        table = ["--data.path=pairs.csv", "--data.text_column=target"]
        for name, options in {
            "tied": [*table, *tied],
            "untied": [*table, *tied, "--model.tied=false", "--model.recurrence.hidden_size=12"],
            "running": ["--data.path=running.txt", *tied],
            "clusters": [*table, *tied, "--model.tied=false", "--model.adaptive_cutoffs=[9,50]",
                         "--model.recurrence.hidden_size=32"],
        }.items():  # fmt: skip
            train("language", [f"--run={name}", *LANGUAGE, *options])
    return place / "runs/language"


@pytest.mark.parametrize("name", ["tied", "untied"])
def test_a_language_model_starts_the_decoder(language_models, monkeypatch, name):
    monkeypatch.chdir(language_models.parents[1])
    before = language_models / name / "checkpoints/best.ckpt"
    options = ["--data.path=pairs.csv", f"--model.pretrained={before}", f"--run=from-{name}"]
    still = ["--model.optimizer.lr=0", "--model.optimizer.weight_decay=0", "--trainer.max_epochs=1"]
    train("translation", [*options, *TRANSLATION, *still])
    after = language_models.parents[1] / f"runs/translation/from-{name}/checkpoints/best.ckpt"
    theirs, ours = (torch.load(path, weights_only=True)["state_dict"] for path in (before, after))
    for key, value in theirs.items():
        assert torch.equal(ours[key.replace("model.", "model.decoder.", 1)], value), key
    # It answers with its tokenizer, also where the language model is gone.
    translator = Translator(load_translator(after))
    assert translator.tokenizer.to_str() == tokenizer_of(load_language(before)).to_str()
    before.rename(before.with_suffix(".gone"))
    try:
        assert load(after)("small dog").steps
        evaluate.main([f"--ckpt={after}", f"--run={name}-again"])
    finally:
        before.with_suffix(".gone").rename(before)


def test_references_that_it_has_read_are_told(language_models, monkeypatch, capsys):
    monkeypatch.chdir(language_models.parents[1])
    rows = [line.rpartition(",")[0] for line in Path("pairs.csv").read_text().splitlines()]
    Path("known.csv").write_text("\n".join(rows) + "\n")
    before = language_models / "tied/checkpoints/best.ckpt"
    # Without the column that divides them, this run measures on others than the language model.
    options = ["--data.path=known.csv", f"--model.pretrained={before}", "--run=known"]
    train("translation", [*options, *TRANSLATION, "--seed_everything=5"])
    report = json.loads(Path("runs/translation/known/report/report.json").read_text())
    assert report["read_by_language_model"]["test"] > 0
    said = capsys.readouterr().out
    assert f"has learnt from {report['read_by_language_model']['test']} of the references" in said


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("running", "never the end of one; train it on texts"),
        ("clusters", "its softmax has clusters"),
    ],
)
def test_language_models_that_start_no_decoder(language_models, monkeypatch, capsys, name, says):
    monkeypatch.chdir(language_models.parents[1])
    other = language_models / name / "checkpoints/best.ckpt"
    with pytest.raises(SystemExit) as end:
        train("translation", ["--data.path=pairs.csv", f"--model.pretrained={other}"])
    assert end.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith("error: --model.pretrained=")
    assert says in said


def test_a_tokenizer_whose_end_is_elsewhere(language_models, monkeypatch, capsys):
    monkeypatch.chdir(language_models.parents[1])
    tokenizer = learn_tokenizer(["a b"], kind="words", vocabulary_size=9, min_frequency=1)
    tokenizer.add_special_tokens([END, "[more]"])
    tokenizer.save("other.json")
    with pytest.raises(SystemExit):
        train("translation", ["--data.path=pairs.csv", "--data.tokenizer_from=other.json"])
    assert "other.json: <|end|> is not its last token" in capsys.readouterr().err
