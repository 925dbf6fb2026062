"""Ranks that die, stand still or refuse: all end, the reason is said once, and no process is left."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from tests import ROOT
from tests.pipelines.conftest import SENTIMENT, write_reviews

PLACE = "tests.pipelines.interruption"
STARTUP, STEP, REFUSE, FAIL = (
    f"{PLACE}.{name}" for name in ("SignalInStartup", "SignalAt", "Refuse", "FailAt")
)
STOP, KILL = signal.SIGSTOP.value, signal.SIGKILL.value
STILL = "has stood still for 30 s; all are ended"


def run_ranks(folder, callback, options, *, count):
    """Train in that many processes with a callback → exit code, lines about errors, all of stderr."""
    write_reviews(folder / "reviews.csv", count=41)
    command = [
        sys.executable, "-m", "pipelines.sentiment", "--data.path=reviews.csv", "--run=two",
        "--trainer.accelerator=cpu", f"--trainer.devices={count}", "--trainer.strategy=ddp",
        "--data.steps_per_batch=100", *SENTIMENT,
        f"--trainer.callbacks+={json.dumps({'class_path': callback, 'init_args': options})}",
    ]  # fmt: skip
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(
        command, env=environment, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        # Whoever is left keeps this pipe open.
        said = process.communicate(timeout=250)[1]
    assert not is_any_left(process.pid)
    return process.returncode, [line for line in said.splitlines() if "error:" in line], said


def is_any_left(group):
    """Tell whether a process of the group outlives the first one by ten seconds."""
    for _ in range(100):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return False
        time.sleep(0.1)
    os.killpg(group, signal.SIGKILL)
    return True


@pytest.mark.slow
@pytest.mark.parametrize(
    ("callback", "options", "code", "line"),
    [
        (STARTUP, {"number": KILL, "rank": 1}, 137, "rank 1 has ended with SIGKILL; all are ended"),
        (STARTUP, {"number": STOP, "rank": 1}, 1, STILL),
        (STEP, {"step": 2, "number": STOP, "rank": 0}, -KILL, STILL),
        (STEP, {"step": 2, "number": STOP, "rank": 1}, 1, STILL),
        (REFUSE, {"step": 2, "ranks": [1]}, 2, "rank 1: this.csv: has gone; bring it back"),
        (REFUSE, {"step": 2, "ranks": [0]}, 2, "this.csv: has gone; bring it back"),
        (REFUSE, {"step": 2, "ranks": [0, 1]}, 2, "this.csv: has gone; bring it back"),
    ],
)
def test_a_rank_that_fails_ends_all_with_one_line(in_folder, callback, options, code, line):
    ended, lines, said = run_ranks(in_folder, callback, options, count=2)
    assert ended == code, said[-3000:]
    assert len(lines) == 1, said[-3000:]
    assert lines[0].endswith(line)
    assert "Traceback" not in said


@pytest.mark.slow
@pytest.mark.parametrize("rank", [0, 1])
def test_a_rank_that_is_killed_in_a_step_ends_all(in_folder, rank):
    options = {"step": 2, "number": KILL, "rank": rank}
    code, _, said = run_ranks(in_folder, STEP, options, count=2)
    assert code == (137 if rank else -KILL), said[-3000:]


@pytest.mark.slow
def test_the_third_rank_refuses(in_folder):
    code, lines, _ = run_ranks(in_folder, REFUSE, {"step": 2, "ranks": [2]}, count=3)
    assert (code, lines) == (2, ["error: rank 2: this.csv: has gone; bring it back"])


@pytest.mark.slow
def test_an_error_of_one_rank_has_one_traceback(in_folder):
    code, _, said = run_ranks(in_folder, FAIL, {"step": 2}, count=2)
    assert code == 1
    assert said.count("Traceback") == 1
    assert "the device is gone" in said
