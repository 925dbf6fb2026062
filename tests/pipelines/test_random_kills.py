"""Runs that are killed at random steps, again and again, and go on each time from what was kept."""

import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests import ROOT
from tests.pipelines.cut_runs import TASKS, assert_same_runs, callback, report, write_data

SMALLER_STEPS = ["--data.steps_per_batch=40", "--trainer.max_epochs=3"]


def run(task, *options):
    """Run a training command in processes of its own → its exit code, and what it said."""
    done = subprocess.run(
        [sys.executable, "-m", f"pipelines.{task}", *options],
        env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True, text=True, timeout=250, check=False,
    )  # fmt: skip
    return done.returncode, done.stderr[-3000:]


@pytest.mark.soak
@pytest.mark.timeout(1200)
@pytest.mark.parametrize(
    ("task", "num_processes", "num_kills", "options"),
    [
        ("sentiment", 1, 10, SMALLER_STEPS),
        ("sentiment", 2, 10, SMALLER_STEPS),
        ("sentiment", 3, 3, SMALLER_STEPS),
        ("video", 1, 10, ["--trainer.max_epochs=4"]),
        ("language", 1, 3, []),
        ("translation", 1, 3, []),
        ("captions", 1, 3, []),
    ],
)
def test_a_run_that_is_killed_at_random_ends_as_the_whole_one(
    in_folder, task, num_processes, num_kills, options
):
    write_data(in_folder, task)
    options = [*TASKS[task], *options]
    if num_processes > 1:
        options += ["--trainer.accelerator=cpu", "--trainer.strategy=ddp"]
        options += [f"--trainer.devices={num_processes}"]
    assert run(task, *options, "--run=whole")[0] == 0
    saved = torch.load(f"runs/{task}/whole/checkpoints/last.ckpt", weights_only=True)
    rng = random.Random(f"{task} {num_processes}")
    steps = sorted(rng.sample(range(saved["global_step"]), num_kills))
    killed = callback("KilledAt", steps=steps, rank=num_processes - 1)
    # Only now and then within an epoch, so that some steps are done again.
    command = [*options, "--run=cut", "--checkpoint_minutes=0.005", killed]
    for _ in steps:
        code, said = run(task, *command)
        # Another rank than the first is killed where there are several; the first says so.
        assert code == (-9 if num_processes == 1 else 137), said
        if Path(f"runs/{task}/cut/checkpoints/last.ckpt").exists():
            command = ["--run=cut", "--resume=1"]
        else:
            shutil.rmtree(f"runs/{task}/cut")  # killed before anything was kept
    code, said = run(task, *command)
    assert code == 0, said
    if num_processes < 3:
        assert_same_runs(task)
        assert report(task, "cut") == report(task, "whole")
    else:
        # Sums of three depend on their order, which DDP chooses anew after the first step.
        again = torch.load(f"runs/{task}/cut/checkpoints/last.ckpt", weights_only=True)
        assert again["global_step"] == saved["global_step"]
        assert report(task, "cut")["num_examples"] == report(task, "whole")["num_examples"]
