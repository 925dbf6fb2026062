"""A small run of each task, trained once for all tests that look at what a run leaves."""

import csv
import os
from functools import partial
from pathlib import Path

import numpy as np
import pandas
import pytest
import torch
from matplotlib.figure import Figure

from data.batches.ragged import collate
from models.encoders.words import WordEmbedding
from models.recurrence.recurrences import LSTM
from pipelines.cli.training import train
from pipelines.tasks.classification import Classification
from tests.clips import write_classes, write_clip
from tests.pictures import write_picture

VIDEO = [
    "--data.size_px=16",
    "--model.encoder.features=16",
    "--model.encoder.width=8",
    "--model.recurrence.hidden_size=8",
    "--trainer.max_epochs=2",
    "--data.steps_per_batch=60",
    "--trainer.enable_progress_bar=false",
]
# With the 100,000 of the recipe, each checkpoint has 157 MB.
FEW_NGRAMS = "--model.encoder.num_ngrams=100"
SENTIMENT = [
    "--model.encoder.features=8",
    FEW_NGRAMS,
    "--model.recurrence.hidden_size=8",
    "--trainer.max_epochs=2",
    "--data.steps_per_batch=200",
    "--trainer.enable_progress_bar=false",
]
LANGUAGE = [
    "--model.encoder.features=8",
    "--model.recurrence.hidden_size=8",
    "--data.num_streams=2",
    "--data.bptt_steps=8",
    "--trainer.max_epochs=1",
    "--trainer.enable_progress_bar=false",
]


CAPTIONS = [
    "--model.encoder.features=8",
    "--model.encoder.width=8",
    "--model.recurrence.hidden_size=8",
    "--model.decoder.hidden_size=16",
    "--model.words.features=8",
    "--model.max_tokens=8",
    "--data.size_px=16",
    "--data.steps_per_batch=100",
    "--trainer.max_epochs=2",
    "--trainer.enable_progress_bar=false",
]
# For recipes with another encoder and no recurrence.
WITHOUT_PARTS = [
    one for one in CAPTIONS if not one.startswith(("--model.encoder", "--model.recurrence"))
]
TRANSLATION = [
    "--model.encoder.features=16",
    "--model.recurrence.hidden_size=16",
    "--model.decoder.hidden_size=16",
    "--model.max_tokens=12",
    "--data.vocabulary_size=300",
    "--data.steps_per_batch=400",
    "--trainer.max_epochs=2",
    "--trainer.enable_progress_bar=false",
]


# Two sequences of words, one of each class.
BATCH = collate(torch.arange(9), lengths=[4, 5], labels=[0, 1], ids=[0, 1])


def word_classifier(*, hidden_size: int = 3, num_layers: int = 1, **options) -> Classification:
    """Make a classifier of nine words and two classes."""
    torch.manual_seed(0)
    return Classification(
        WordEmbedding(9, features=4),
        partial(LSTM, hidden_size=hidden_size, num_layers=num_layers),
        classes=["a", "b"],
        optimizer=partial(torch.optim.SGD, lr=1.0),
        **options,
    )


def write_reviews(path: Path, count: int = 40, column: str = "text") -> Path:
    words = {"negative": ["poor", "dull", "awful"], "positive": ["fine", "great", "lovely"]}
    rows = [
        (f"a {words[label][k % 3]} film, number {'very ' * (k % 7)}!", label)
        for k in range(count)
        for label in words
    ]
    pandas.DataFrame(rows, columns=[column, "label"]).to_csv(path, index=False)
    return path


WORDS = {"red": "rot", "green": "grün", "small": "klein", "big": "groß", "dog": "Hund"}


def write_pairs(path, count=60):
    names = list(WORDS)
    sources = [f"{names[k % 5]} {names[k // 5 % 5]} dog and {k}" for k in range(count)]
    targets = [" ".join(WORDS.get(word, word) for word in one.split()) for one in sources]
    parts = ["train"] * (count - 20) + ["val"] * 10 + ["test"] * 10
    table = pandas.DataFrame({"source": sources, "target": targets, "split": parts})
    table.to_csv(path, index=False)
    return path


def read_predictions(folder):
    with (folder / "report" / "predictions.csv").open(newline="") as lines:
        return list(csv.DictReader(lines))


# Tests of these folders look at pages; elsewhere pages would take half of each short run.
DRAWS = {"compare", "memory_lab", "microscope", "pages", "report"}
PAGES = [
    "pipelines.report.captions.report.caption_page",
    "pipelines.report.classification_report.report_page",
    "pipelines.report.generation.report.generation_page",
    "pipelines.report.language_page.language_page",
]


@pytest.fixture
def with_pages():
    """Reports get their pages and figures, as those of the shared runs below do."""


@pytest.fixture(autouse=True)
def _no_pages(request, monkeypatch):
    if DRAWS & set(request.path.parts) or "with_pages" in request.fixturenames:
        return
    monkeypatch.setattr(Figure, "savefig", lambda figure, file, **_: file.write(b"no figure"))
    for page in PAGES:
        monkeypatch.setattr(page, lambda *_, **__: "")
    draw = "pipelines.report.classification.draw_confusion_matrix"
    monkeypatch.setattr(draw, lambda report: Figure((1, 1)))


@pytest.fixture
def in_folder(tmp_path, monkeypatch):
    """Runs go into a folder of the test's own."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _trained(tmp_path_factory, task, source, options):
    place = tmp_path_factory.mktemp(task)
    before = Path.cwd()
    os.chdir(place)
    try:
        data = source(place)
        train(task, [f"--data.path={data}", "--run=first", *options])
    finally:
        os.chdir(before)
    return place


@pytest.fixture(scope="session")
def video_run(tmp_path_factory):
    """A folder with ``clips`` and ``runs/video/first``."""
    return _trained(tmp_path_factory, "video", lambda place: write_classes(place / "clips"), VIDEO)


@pytest.fixture(scope="session")
def sentiment_run(tmp_path_factory):
    """A folder with ``reviews.csv`` and ``runs/sentiment/first``."""
    # At the recipe's rate two epochs learn nothing, and the temperature stays at 1.
    options = [*SENTIMENT, "--model.optimizer.lr=0.03"]
    return _trained(
        tmp_path_factory, "sentiment", lambda place: write_reviews(place / "reviews.csv"), options
    )


_COLORS = {"red": (220, 30, 30), "blue": (30, 30, 220), "white": (250, 250, 250)}


def write_captions(folder, count=30):
    """Pictures of one colour and clips that brighten, with two captions each."""
    rows = []
    for k in range(count):
        part = "train" if k < count - 10 else ("val" if k < count - 5 else "test")
        name = list(_COLORS)[k % 3]
        if k % 5 == 4:
            write_clip(folder / f"{k}.mp4", num_frames=3 + k % 3, level=20 + k)
            rows += [(f"{k}.mp4", f"{text} grey", part) for text in ("a clip of", "clip, all")]
        else:
            pixels = np.full((24, 24, 3), _COLORS[name], np.uint8)
            pixels[k % 20] = 0
            write_picture(folder / f"{k}.png", pixels)
            rows += [(f"{k}.png", f"{text} {name}", part) for text in ("a picture of", "all")]
    with (folder / "captions.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("path", "caption", "split"))
        writer.writerows(rows)
    return folder / "captions.csv"
