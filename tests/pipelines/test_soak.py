"""Thousands of small steps: memory, threads and open files stay as they are after the first third."""

import csv
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

from tests import ROOT
from tests.clips import write_clip
from tests.pipelines.conftest import VIDEO, write_reviews

EVERY = 20
# Above what the allocator and the interpreter scatter by.
MOST_GROWTH_MIB = 20
# As a second: a checkpoint in each.
SECOND = "--checkpoint_minutes=0.0167"


def watched(task, *options):
    """Train as a command of its own → what `Watch` saw, row by row."""
    watch = {"class_path": "tests.pipelines.soak.Watch", "init_args": {"every": EVERY}}
    done = subprocess.run(
        [
            sys.executable, "-m", f"pipelines.{task}", *options, SECOND, "--run=long",
            "--trainer.accelerator=cpu", f"--trainer.callbacks+={json.dumps(watch)}",
        ],
        env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True, text=True, timeout=3000, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    with Path("watched.csv").open(newline="") as lines:
        return [{name: int(value) for name, value in row.items()} for row in csv.DictReader(lines)]


def assert_flat(rows):
    """The last third is like the second; in the first, caches and pools fill."""
    third = len(rows) // 3
    before, after = (
        {name: [row[name] for row in some] for name in rows[0]}
        for some in (rows[third : 2 * third], rows[2 * third :])
    )
    for name in ("mib", "workers_mib"):
        growth = statistics.median(after[name]) - statistics.median(before[name])
        assert growth < MOST_GROWTH_MIB, (name, growth, [row[name] for row in rows])
    for name in ("processes", "threads", "files"):
        assert max(after[name]) <= max(before[name]), (name, [row[name] for row in rows])


@pytest.mark.soak
def test_resources_stay_flat_where_workers_decode_clips(in_folder):
    for label, level in (("dark", 20), ("bright", 150)):
        for k in range(50):
            name = in_folder / "clips" / label / f"{k}.mp4"
            write_clip(name, num_frames=3 + k % 4, level=level)
    rows = watched(
        "video", "--data.path=clips", *VIDEO, "--data.num_workers=2", "--data.cache_gib=0",
        "--data.augment_flip=0.5", "--data.steps_per_batch=8", "--trainer.max_epochs=40",
        "--early_stopping.patience=1000",
    )  # fmt: skip
    assert rows[-1]["step"] > 1000
    assert rows[-1]["processes"] > 2
    assert_flat(rows)


@pytest.mark.soak
def test_resources_stay_flat_over_texts(in_folder):
    write_reviews(in_folder / "reviews.csv", count=400)
    rows = watched(
        "sentiment", "--data.path=reviews.csv", "--model.encoder.features=8",
        "--model.encoder.num_ngrams=100", "--model.recurrence.hidden_size=8",
        "--data.steps_per_batch=40", "--trainer.max_epochs=20", "--early_stopping.patience=1000",
    )  # fmt: skip
    assert rows[-1]["step"] > 2000
    assert_flat(rows)
