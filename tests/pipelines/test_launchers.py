"""Other programs than Lightning that start the processes of a run: torchrun and SLURM."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import ROOT
from tests.pipelines.conftest import SENTIMENT, write_reviews

ENVIRONMENT = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


def options(count):
    return [
        "--data.path=reviews.csv", "--run=several", "--trainer.accelerator=cpu",
        f"--trainer.devices={count}", "--trainer.strategy=ddp", *SENTIMENT,
    ]  # fmt: skip


def assert_done(codes):
    assert not any(codes)
    report = json.loads(Path("runs/sentiment/several/report/report.json").read_text())
    assert report["num_examples"] == 8


@pytest.mark.slow
@pytest.mark.parametrize("count", [2, 3])
def test_torchrun(in_folder, count):
    write_reviews(in_folder / "reviews.csv", count=41)
    command = [sys.executable, "-m", "torch.distributed.run", f"--nproc_per_node={count}"]
    command += ["-m", "--", "pipelines.sentiment", *options(count)]
    assert_done([subprocess.run(command, env=ENVIRONMENT, timeout=250, check=False).returncode])


@pytest.mark.slow
@pytest.mark.parametrize("count", [2, 3])
def test_slurm(in_folder, count):
    """The processes get the variables that `srun` sets; SLURM itself is not needed."""
    write_reviews(in_folder / "reviews.csv", count=41)
    job = {"JOB_ID": f"{os.getpid()}", "JOB_NAME": "train", "NODELIST": "localhost", "NODEID": "0"}
    job |= {"NTASKS": f"{count}", "NTASKS_PER_NODE": f"{count}"}
    started = [
        subprocess.Popen(
            [sys.executable, "-m", "pipelines.sentiment", *options(count)],
            env=ENVIRONMENT
            | {f"SLURM_{name}": value for name, value in job.items()}
            | {"SLURM_PROCID": f"{rank}", "SLURM_LOCALID": f"{rank}"},
        )
        for rank in range(count)
    ]
    assert_done([process.wait(timeout=250) for process in started])
