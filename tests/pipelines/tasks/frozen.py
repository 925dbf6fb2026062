"""Encoders that are not trained, and what a run with one leaves."""

import csv
import json
import re
from functools import partial
from pathlib import Path

import numpy as np
import torch
from pytorch_lightning import Trainer

from data.video.data_module import VideoDataModule
from models.encoders.frames import SmallCNN
from models.recurrence.recurrences import LSTM
from pipelines.runtime.library_warnings import ignore_noise
from pipelines.tasks.classification import Classification
from pipelines.tasks.features import FeatureCache


class FrozenCNN(SmallCNN):
    """A small network with random weights that are not trained."""

    def __init__(self, *, weight_seed: int = 0) -> None:
        with torch.random.fork_rng():
            torch.manual_seed(weight_seed)
            super().__init__(features=16, width=8)
        self.requires_grad_(False)


class SeededCNN(FrozenCNN):
    """Its weights follow the seed of the run."""

    def __init__(self) -> None:
        super().__init__(weight_seed=torch.initial_seed())


FROZEN = [
    "--model.encoder=tests.pipelines.tasks.frozen.FrozenCNN",
    "--model.recurrence.hidden_size=8",
    "--data.path=clips",
    "--data.size_px=16",
    "--data.steps_per_batch=60",
    "--trainer.max_epochs=2",
    "--trainer.enable_progress_bar=false",
]


class OverflowingCNN(FrozenCNN):
    """Its features of glaring frames are none."""

    def encode(self, frames):
        features = super().encode(frames)
        return features / (frames.mean((1, 2, 3)) < 0.85)[:, None]


def answer(*, encoder=None, weight_seed=0, **options):
    """Test a model on all clips, without the rest of a run; the model, with its answers."""
    ignore_noise()
    data = VideoDataModule(path="clips", **{"size_px": 16, "steps_per_batch": 60, **options})
    data.reported_part = "all"
    torch.manual_seed(0)
    model = Classification(
        encoder or FrozenCNN(weight_seed=weight_seed),
        partial(LSTM, hidden_size=8),
        classes=data.classes,
        optimizer=torch.optim.AdamW,
    )
    quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False}
    trainer = Trainer(
        accelerator="cpu", enable_checkpointing=False, callbacks=[FeatureCache()], **quiet
    )
    trainer.test(model, datamodule=data, verbose=False)
    return model


def read(run):
    folder = Path("runs/video") / run / "report"
    with (folder / "predictions.csv").open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    return json.loads((folder / "report.json").read_text()), rows


def probabilities(rows):
    names = [name for name in rows[0] if name.startswith("probability_")]
    return np.array([[float(row[name]) for name in names] for row in rows])


def said(capsys):
    """(stage's parts, read, computed) of each line about features."""
    found = re.findall(
        r"Features \((.*?)\): .*?; (\d+) read, (\d+) computed in \d+\.\d s, kept in .+/features/",
        capsys.readouterr().out,
    )
    return [(names, int(kept), int(computed)) for names, kept, computed in found]
