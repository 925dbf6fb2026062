"""Files are there whole or not at all, whatever ends a process, and the next start goes on."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.engine import job
from pipelines.engine.part_files import Counts, PartFiles
from pipelines.engine.pieces import Piece
from tests import ROOT
from tests.pipelines.engine.conftest import NUM_TEXTS, answers, many

PIECE = Piece(3, 30, 32)
TABLE = pa.table({"index": [30, 31], "error": pa.array([None, "no"], pa.string())})


@pytest.fixture
def parts(tmp_path):
    return PartFiles(tmp_path, "run")


def test_a_file_tells_its_rows_and_errors(parts):
    assert parts.write(PIECE, TABLE) == Counts(rows=2, errors=1)
    assert [path.name for path in parts.folder.iterdir()] == ["part-000003.parquet"]
    assert parts.counts(PIECE) == Counts(rows=2, errors=1)
    assert parts.counts(Piece(3, 30, 33)) is None
    assert parts.counts(Piece(4, 40, 42)) is None
    assert parts.whole() == {3}


def test_leftovers_are_no_answers_and_go_once_the_piece_is_whole(parts):
    leftover = parts.folder / f".{'0' * 32}-part-000003.parquet"
    other = parts.folder / f".{'1' * 32}-part-000004.parquet"
    for path in (leftover, other, parts.folder / "part-3.parquet", parts.folder / "mine.txt"):
        path.write_bytes(b"PAR1")
    # Another process may be writing it.
    assert parts.clean() == set()
    assert leftover.exists()
    parts.write(PIECE, TABLE)
    (parts.folder / f".{'2' * 32}-_run.json").write_text("{")
    assert parts.clean() == {3}
    names = sorted(path.name for path in parts.folder.iterdir())
    assert names == [other.name, "mine.txt", "part-000003.parquet", "part-3.parquet"]


def test_two_processes_may_write_the_same_piece(parts, monkeypatch):
    replace = Path.replace

    def slower(self, target):
        # The other one finishes first, and cleans up.
        monkeypatch.setattr(Path, "replace", replace)
        PartFiles(parts.folder, "run").write(PIECE, TABLE)
        assert PartFiles(parts.folder, "run").clean() == {3}
        assert not self.exists()
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", slower)
    assert parts.write(PIECE, TABLE) == Counts(2, 1)
    assert [path.name for path in parts.folder.iterdir()] == ["part-000003.parquet"]
    assert pq.read_table(parts.path(3)).equals(TABLE)


def test_a_full_disk_is_one_line_and_leaves_nothing(place, capsys, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device", "out/part")

    monkeypatch.setattr(os, "fsync", full)
    assert many() == 2
    assert "No space left on device; make room there" in capsys.readouterr().err
    assert [path.name for path in (place / "out").iterdir()] == ["_run.json"]


@pytest.mark.parametrize("where", ["answering", "writing"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_leaves_whole_files_and_the_next_start_goes_on(
    place, capsys, monkeypatch, where, number
):
    times = []

    def signalled(before, *args, **options):
        times.append(1)
        if len(times) == 3:
            os.kill(os.getpid(), number)
        return before(*args, **options)

    owner, name = {
        "answering": (job.Job, "answer"),
        "writing": (pq.ParquetWriter, "write_table"),
    }[where]
    before = getattr(owner, name)
    with monkeypatch.context() as patch:
        patch.setattr(owner, name, lambda *args, **kw: signalled(before, *args, **kw))
        assert many("--items_per_file=10") == 128 + number
    (line,) = [one for one in capsys.readouterr().err.splitlines() if one.startswith("error: ")]
    assert line.endswith("the files that are there stay; the same command goes on with the others")
    names = sorted(path.name for path in (place / "out").iterdir())
    assert names == ["_run.json", "part-000000.parquet", "part-000001.parquet"]
    assert many("--items_per_file=10") == 1
    assert "8 files written, 2 were there" in capsys.readouterr().out
    assert answers()["index"].to_pylist() == list(range(NUM_TEXTS))


# Each child is killed at its point of the third file; the parent tells what is there.
KILLED = """
import os, signal, sys
from pathlib import Path
import pyarrow.parquet as pq
from pipelines.engine import command
from pipelines.predict import load

def dies(before, *, first=lambda *args, **options: None):
    times = []
    def patched(*args, **options):
        times.append(1)
        if len(times) == 3:
            first(*args, **options)
            os.kill(os.getpid(), signal.SIGKILL)
        return before(*args, **options)
    return patched

def some_rows(self, table, *rest, **options):
    # A file that could be read, and lacks rows.
    write(self, table.slice(0, 4), *rest, **options)
    self.close()

write = pq.ParquetWriter.write_table
POINTS = {
    "writing": lambda: setattr(pq.ParquetWriter, "write_table", dies(write, first=some_rows)),
    "syncing": lambda: setattr(os, "fsync", dies(os.fsync)),
    "renaming": lambda: setattr(Path, "replace", dies(Path.replace)),
    "renamed": lambda: setattr(Path, "replace", dies(Path.replace, first=Path.replace)),
}
load("a.ckpt")
for point, patch in POINTS.items():
    child = os.fork()
    if child == 0:
        patch()
        options = ["--ckpt=a.ckpt", "--input=texts.parquet", "--items_per_file=10"]
        command.main([*options, f"--output={point}"])
    print(point, os.waitpid(child, 0)[1], flush=True)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_killed_process_leaves_whole_files(place, capsys):
    told = subprocess.run(
        [sys.executable, "-c", KILLED],
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True, text=True, timeout=200,
    )  # fmt: skip
    points = ["writing", "syncing", "renaming", "renamed"]
    assert told.stdout.splitlines() == [f"{point} {signal.SIGKILL.value}" for point in points]
    many("--items_per_file=10", output="whole")
    for point in points:
        names = sorted(path.name for path in (place / point).glob("part-*"))
        num_whole = {"renamed": 3, "syncing": 1}.get(point, 2)
        assert names == [f"part-{k:06d}.parquet" for k in range(num_whole)], point
        assert len(list((place / point).glob(".*"))) == (point != "renamed")
        assert all(pq.read_table(place / point / name).num_rows == 10 for name in names)
        assert many("--items_per_file=10", output=point) == 1
        assert not list((place / point).glob(".*"))
        for path in (place / "whole").iterdir():
            assert (place / point / path.name).read_bytes() == path.read_bytes()
