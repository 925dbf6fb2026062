"""Checkpoints and recipes that were written before classes moved."""

from functools import partial

import pytest
import torch
from pytorch_lightning.cli import LightningCLI

from data.files.checkpoint import CHECKPOINT_KEY
from models.encoders import NgramEmbedding, SmallCNN
from models.recurrence import LSTM
from models.sequence import StepInputs
from pipelines.cli.classifiers import ClassifierCLI
from pipelines.recipes import recipe
from pipelines.tasks.checkpoints import load
from pipelines.tasks.classification import Classification
from pipelines.tasks.kinds import KINDS


def part(path, **options):
    return {"class_path": path, "init_args": options}


# As the commit before the move wrote them.
VIDEO = {
    "encoder": part("models.frames.SmallCNN", features=8, width=4, grid=4, dropout=0.0),
    "recurrence": part("models.recurrence.LSTM", hidden_size=3, num_layers=1, memory_steps=None),
    "inputs": part("models.inputs.StepInputs", difference="signed", gap=1),
}
SENTIMENT = {
    "encoder": part("models.ngrams.NgramEmbedding", num_tokens=9, features=4, num_ngrams=5),
    "recurrence": part("models.recurrence.LSTM", hidden_size=3),
    "inputs": None,
}
TODAY = {
    "video": (
        partial(SmallCNN, features=8, width=4),
        partial(StepInputs, difference="signed"),
        torch.zeros(5, 3, 16, 16, dtype=torch.uint8),
    ),
    "sentiment": (
        partial(NgramEmbedding, 9, features=4, num_ngrams=5),
        None,
        torch.tensor([1, 2, 3, 4, 5]),
    ),
}


@pytest.mark.parametrize(("task", "model"), [("video", VIDEO), ("sentiment", SENTIMENT)])
def test_a_checkpoint_of_before_answers_as_it_did(tmp_path, task, model):
    encoder, inputs, steps = TODAY[task]
    torch.manual_seed(0)
    made = Classification(
        encoder(), partial(LSTM, hidden_size=3), classes=["a", "b"], inputs=inputs, optimizer=None
    ).eval()
    optimizer = part("torch.optim.AdamW", lr=0.1)
    description = {"task": task, "model": model | {"classes": ["a", "b"], "optimizer": optimizer}}
    path = tmp_path / "best.ckpt"
    torch.save({"state_dict": made.state_dict(), CHECKPOINT_KEY: description}, path)
    lengths = torch.tensor([3, 2])
    torch.testing.assert_close(load(path)(steps, lengths), made(steps, lengths))


@pytest.mark.parametrize(
    ("task", "path"),
    [
        ("video", "models.frames.SmallCNN"),
        ("video", "models.backbones.EfficientNetLite0"),
        ("sentiment", "models.ngrams.NgramEmbedding"),
    ],
)
def test_an_option_of_before_is_understood(tmp_path, monkeypatch, task, path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(LightningCLI, "instantiate_classes", lambda self: None)
    (tmp_path / "mine.yaml").write_text(f"model:\n  encoder:\n    class_path: {path}\n")
    for arg in (f"--model.encoder={path}", "--config=mine.yaml"):
        chosen = ClassifierCLI(KINDS[task], [*recipe(task), arg]).config.model.encoder
        assert chosen.class_path == path
