"""How long training waits for data."""

import logging
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from pytorch_lightning import LightningDataModule, LightningModule, Trainer
from torch.utils.data import DataLoader, Dataset

from data.batches.data_module import SequenceDataModule
from data.batches.features import FeaturePart
from data.batches.part import Part
from data.video.part import VideoPart
from pipelines.runtime.library_warnings import ignore_noise
from pipelines.training import waiting
from pipelines.training.waiting import WaitingTime


class Clock:
    """Goes on only when it is told so: what is measured depends on no machine."""

    seconds = 0.0

    def monotonic(self):
        return self.seconds

    def pass_by(self, seconds):
        self.seconds += seconds


CLOCK = Clock()


@pytest.fixture(autouse=True)
def _the_clock(monkeypatch):
    monkeypatch.setattr(waiting, "time", CLOCK)


class Slow(Dataset):
    """Ten batches, each of which takes some time to come."""

    def __init__(self, seconds):
        self.seconds = seconds

    def __len__(self):
        return 10

    def __getitem__(self, k):
        CLOCK.pass_by(self.seconds)
        return torch.ones(1)


class Task(LightningModule):
    """Takes some time for a batch, and some to validate."""

    def __init__(self, seconds, validation_seconds=0.0):
        super().__init__()
        self.seconds, self.validation_seconds = seconds, validation_seconds
        self.layer = torch.nn.Linear(1, 1)

    def training_step(self, batch, batch_idx):
        CLOCK.pass_by(self.seconds)
        return self.layer(batch).sum()

    def validation_step(self, batch, batch_idx):
        CLOCK.pass_by(self.validation_seconds)

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)


class Advising(LightningDataModule):
    """Has an advice, and no data."""

    def advice(self, *, is_first_epoch):
        return "turn the knob"


def fit(task, data_seconds, **options):
    ignore_noise()
    callback = WaitingTime()
    quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False}
    trainer = Trainer(
        accelerator="cpu", max_epochs=2, enable_checkpointing=False, num_sanity_val_steps=0,
        callbacks=[callback], **quiet, **options,
    )  # fmt: skip
    trainer.datamodule = Advising()
    loaders = [DataLoader(Slow(seconds), batch_size=None) for seconds in (data_seconds, 0)]
    trainer.fit(task, *loaders)
    return callback, trainer


def part_of(kind, **attributes):
    part = object.__new__(kind)
    for name, value in attributes.items():
        setattr(part, name, value)
    return part


def video_part(gib, cache_gib):
    frame_bytes = 64 * 64 * 3
    return part_of(
        VideoPart,
        lengths=np.array([int(gib * 2**30) // frame_bytes]),
        reading=SimpleNamespace(size_px=64),
        cache_bytes=int(cache_gib * 2**30),
        augmentation=None,
    )


def data_of(part, num_workers):
    return SimpleNamespace(learnt_part=part, workers_for=lambda _: num_workers)


def test_the_share_is_that_of_the_time_between_steps(monkeypatch, caplog):
    assert WaitingTime().share == 0
    callback, trainer = fit(Task(0.01), 0.03)
    assert callback.share == pytest.approx(0.75)
    # As the sixth of ten steps begins: six waits and five steps.
    assert trainer.progress_bar_metrics["wait"] == pytest.approx(78.3)
    assert not [line for line in caplog.messages if "waiting" in line]  # too short an epoch
    callback, _ = fit(Task(0.03), 0.0)
    assert callback.share == 0


def test_validation_within_an_epoch_is_no_waiting():
    callback, _ = fit(Task(0.01, validation_seconds=0.05), 0.0, val_check_interval=5)
    assert callback.share == 0


@pytest.mark.parametrize(("seconds", "warns"), [(0.02, True), (0.0, False)])
def test_an_epoch_that_waited_long_names_the_option(monkeypatch, caplog, seconds, warns):
    monkeypatch.setattr(waiting, "WARN_SECONDS", 0.1)
    monkeypatch.setattr(waiting, "WARN_SHARE", 0.4)
    with caplog.at_level(logging.WARNING, logger="pipelines.training.waiting"):
        fit(Task(0.02), seconds)
    lines = [line for line in caplog.messages if "waiting for data; turn the knob" in line]
    assert len(lines) == 2 * warns
    if warns:
        assert lines[0].startswith("50 %")


@pytest.mark.parametrize(
    ("part", "num_workers", "says"),
    [
        (video_part(4, 2), 1, "--data.num_workers=2"),
        (video_part(4.5, 2), 2, "--data.cache_gib=5"),
        (video_part(1, 2), 2, "--data.frames=fps"),
        (video_part(1, 2), 0, None),
        (part_of(FeaturePart, store=SimpleNamespace(folder="f")), 0, "MANYTOONE_CACHE"),
        (Part(), 0, "--data.num_workers=1"),
        (Part(), 2, "faster disk"),
    ],
)
def test_advice_fits_what_is_read(monkeypatch, part, num_workers, says):
    monkeypatch.setattr("data.batches.data_module.available_cores", lambda: 2)
    told = SequenceDataModule.advice(data_of(part, num_workers), is_first_epoch=True)
    assert (told is None) if says is None else says in told
    assert "\n" not in (told or "")
