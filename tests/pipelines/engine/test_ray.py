"""The same files by actors of Ray, with a hard limit of time: it may wait for what never comes."""

import importlib.util
import os
import signal
import subprocess
import sys
import time
from uuid import uuid4

import psutil
import pytest

from tests import ROOT
from tests.clips import write_classes
from tests.pipelines.engine.conftest import many, write_video_model

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is not installed"),
    # Two hard limits of processes, and what lies between them.
    pytest.mark.timeout(600),
]
LIMIT_SECONDS = 240


def start(place, *options, ckpt="a.ckpt", input="texts.parquet", output="ray"):
    """The command on a cluster of two CPUs, and a mark that all of its processes have."""
    words = [f"--ckpt={ckpt}", f"--input={input}", f"--output={output}", "--engine=ray"]
    mark = uuid4().hex
    process = subprocess.Popen(
        [sys.executable, "-m", "pipelines.engine", *words, "--ray_local_cpus=2", *options],
        cwd=place,
        env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "TEST_MARK": mark},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    return process, mark


def ended(process, mark):
    """Exit code and output of a command; nothing of its cluster is left."""
    try:
        out, err = process.communicate(timeout=LIMIT_SECONDS)
    except BaseException:
        _end(process, mark)
        raise
    assert _ended(mark), "processes of Ray are left"
    return process.returncode, out, err


def by_ray(place, *options, **files):
    return ended(*start(place, *options, **files))


def _of_mark(mark):
    """Processes with a mark in their environment, however they were started."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("TEST_MARK") == mark:
                found.append(process)
        except psutil.Error:
            continue  # another user's, or gone
    return found


def _ended(mark, *, seconds=20):
    left = _of_mark(mark)
    _, alive = psutil.wait_procs(left, timeout=seconds)
    for one in alive:
        one.kill()
    return not alive


def _end(process, mark):
    for one in _of_mark(mark):
        one.kill()
    process.communicate()


def test_files_are_those_of_the_plain_way(place):
    code, out, err = by_ray(place, "--items_per_file=20")
    assert code == 1, err
    assert "ray: complete: 5 files, 95 rows, 19 with an error" in out
    assert "5 of 5 files, 95 of 95 items" in err
    assert many("--items_per_file=20") == 1
    for path in (place / "out").iterdir():
        assert (place / "ray" / path.name).read_bytes() == path.read_bytes()
    # One start by Ray, the other without it: they go on with each other's files.
    (place / "ray/part-000001.parquet").unlink()
    assert many("--items_per_file=20", output="ray") == 1
    # Nothing is left to do, and no cluster starts.
    code, out, _ = by_ray(place, "--items_per_file=20")
    assert (code, out.splitlines()[0].split(";")[0]) == (
        1,
        "shard 0/1: 0 files written, 5 were there",
    )


def test_clips_are_decoded_in_the_actor(place):
    write_video_model(place / "v.ckpt")
    write_classes(place / "clips", clips_per_class=3)
    (place / "clips/dark/broken.mp4").write_bytes(b"no")
    code, out, err = by_ray(place, "--items_per_file=2", ckpt="v.ckpt", input="clips")
    assert code == 1, err
    assert "ray: complete: 4 files, 7 rows, 1 with an error" in out
    assert many("--items_per_file=2", ckpt="v.ckpt", input="clips") == 1
    for path in (place / "out").glob("part-*"):
        assert (place / "ray" / path.name).read_bytes() == path.read_bytes()


def test_actors_that_take_every_cpu_are_refused_before_anything_starts(place):
    for options, says in (
        (["--ray_actors=2"], "--ray_actors=2: with 1 CPU(s) each they would take every CPU"),
        (["--ray_cpus=2"], "--ray_cpus=2: an actor would take every CPU of the cluster"),
    ):
        code, out, err = by_ray(place, *options)
        assert (code, out) == (2, "")
        assert len(err.splitlines()) == 1
        assert says in err
    assert not (place / "ray").exists()


def test_a_signal_ends_the_cluster_too(place):
    process, mark = start(place, "--items_per_file=1")
    since = time.monotonic()
    while not list(place.glob("ray/part-*")) and process.poll() is None:
        if time.monotonic() - since > LIMIT_SECONDS:
            _end(process, mark)
            pytest.fail("no file is written")
        time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    code, _, err = ended(process, mark)
    assert code == 143, err
    assert "interrupted by SIGTERM" in err
    assert 0 < len(list(place.glob("ray/part-*"))) < 95
    many("--items_per_file=1")
    many("--items_per_file=1", output="ray")
    for path in (place / "out").glob("part-*"):
        assert (place / "ray" / path.name).read_bytes() == path.read_bytes()
