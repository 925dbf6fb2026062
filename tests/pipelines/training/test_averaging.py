from pathlib import Path

import pytest
import torch

from pipelines import evaluate
from pipelines.cli.training import train
from pipelines.predict import load as load_answerer
from pipelines.tasks.checkpoints import load
from tests.pipelines.conftest import SENTIMENT, TRANSLATION, write_pairs, write_reviews


def test_averaged_weights_are_kept_and_codes_of_n_grams_stay(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_reviews(Path("reviews.csv"))
    few = ["--data.path=reviews.csv", "--model.encoder.num_ngrams=20", "--model.members=1"]
    models = {}
    for run, averages in (("plain", []), ("averaged", ["--trainer.callbacks+=AveragedWeights"])):
        train("sentiment", [*SENTIMENT, *few, *averages, f"--run={run}"])
        models[run] = load(Path(f"runs/sentiment/{run}/checkpoints/best.ckpt")).model
    encoders = [model.encoder for model in models.values()]
    assert torch.equal(encoders[0].known, encoders[1].known)
    assert not torch.allclose(encoders[0].embedding.weight, encoders[1].embedding.weight)


def test_averages_of_a_translator_answer(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_pairs(tmp_path / "pairs.csv")
    models = {}
    for run, averages in (("plain", []), ("averaged", ["--trainer.callbacks+=AveragedWeights"])):
        train("translation", ["--data.path=pairs.csv", *TRANSLATION, *averages, f"--run={run}"])
        models[run] = load_answerer(f"runs/translation/{run}/checkpoints/last.ckpt")
    weights = [one.model.model.decoder.encoder.embedding.weight for one in models.values()]
    assert not torch.allclose(*weights)
    # The shared vectors stay shared.
    head = models["averaged"].model.model.decoder.head
    assert torch.equal(head.linear.weight, weights[1])
    assert models["averaged"]("small dog").steps
    # The report after training is of the checkpoint's weights.
    evaluate.main(["--ckpt=runs/translation/averaged/checkpoints/best.ckpt", "--run=again"])
    reported, again = (
        Path(f"runs/translation/{run}/report/predictions.csv").read_text()
        for run in ("averaged", "again")
    )
    assert reported == again


def test_averaging_of_what_must_stay_is_refused(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write_reviews(Path("reviews.csv"))
    averages = "--trainer.callbacks+=EMAWeightAveraging"
    with pytest.raises(SystemExit) as caught:
        train("sentiment", [*SENTIMENT, "--data.path=reviews.csv", averages])
    assert caught.value.code == 2
    assert "give AveragedWeights" in capsys.readouterr().err
    assert not Path("runs").exists()
