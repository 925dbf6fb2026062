from pathlib import Path

import pytest
import torch

from pipelines.cli import train
from pipelines.tasks.checkpoints import load
from tests.pipelines.conftest import SENTIMENT, write_reviews


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


def test_averaging_of_what_must_stay_is_refused(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write_reviews(Path("reviews.csv"))
    averages = "--trainer.callbacks+=EMAWeightAveraging"
    with pytest.raises(SystemExit) as caught:
        train("sentiment", [*SENTIMENT, "--data.path=reviews.csv", averages])
    assert caught.value.code == 2
    assert "give AveragedWeights" in capsys.readouterr().err
    assert not Path("runs").exists()
