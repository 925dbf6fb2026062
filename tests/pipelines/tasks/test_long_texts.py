"""Whole documents: nothing is cut, memory stays bounded, company changes nothing."""

import subprocess
import sys

import pandas
import pytest
import torch

from pipelines.cli.training import train
from pipelines.tasks.checkpoints import data_module, load
from tests import ROOT

NUM_TOKENS = 100_000

# A step of the default sizes; prints what it took beyond the libraries, in MiB.
STEP = f"""
import torch
from models.encoders import WordEmbedding
from models.recurrence import LSTM
from models.sequence import ManyToOne
from tests.peak_memory import peak_mib

model = ManyToOne(
    WordEmbedding(30_000, features=128), LSTM(128, hidden_size=128), num_classes=2, pooling="concat"
)
before = peak_mib()
tokens = torch.randint(0, 30_000, ({NUM_TOKENS},))
model(tokens, torch.tensor([{NUM_TOKENS}])).square().sum().backward()
assert all(p.grad.isfinite().all() for p in model.parameters())
print(peak_mib() - before)
"""


@pytest.mark.slow
def test_a_step_over_100_000_tokens_takes_bounded_memory():
    done = subprocess.run(
        [sys.executable, "-c", STEP], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert float(done.stdout) < 1500


def test_a_text_of_100_000_tokens_trains_and_is_answered_alike_in_any_batch(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    texts = [f"a {'good' if k % 2 else 'bad'} film {'so ' * (k % 7)}" for k in range(40)]
    rows = {"text": texts, "label": [k % 2 for k in range(40)], "split": ["train", "test"] * 20}
    frame = pandas.DataFrame(rows)
    frame["split"] = ["train"] * 30 + ["test"] * 10
    long = " ".join(["a bad film but so so good"] * (NUM_TOKENS // 7 + 1))
    frame.loc[0, "text"], frame.loc[39, "text"] = long, long + " film"
    frame.to_csv("reviews.csv", index=False)
    options = ["--data.path=reviews.csv", "--run=long", "--trainer.max_epochs=1"]
    options += ["--model.encoder.features=8", "--model.recurrence.hidden_size=8"]
    options += ["--trainer.enable_progress_bar=false"]
    train("sentiment", options)
    model = load(tmp_path / "runs/sentiment/long/checkpoints/best.ckpt")
    data = data_module(model.description)
    part = data.parts["test"]
    assert part.lengths.max() > NUM_TOKENS
    assert part.truncated_steps == 0
    batch = part.__getitems__(range(len(part)))
    with torch.no_grad():
        together = model(batch.steps, batch.lengths)
        alone = [
            model(steps, length[None])
            for steps, length in zip(
                batch.steps.split(batch.lengths.tolist()), batch.lengths, strict=True
            )
        ]
    torch.testing.assert_close(torch.cat(alone), together, atol=1e-5, rtol=1e-5)
