"""Ways to a saved model's answers, side by side: items a second beyond each one's start.

python -m tests.benchmarks.bench_paths CKPT-OF-TEXTS CKPT-OF-CLIPS CLIPS-FOLDER

One thread each. Each way answers a small and a large number of the same items, in turns; the seconds
between the two count, so that loading has no part in it. Figures are medians of rounds.
"""

import csv
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from pipelines.export.folder import export
from tests.benchmarks.measure import machine

_ROUNDS = 3
_ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1"}
_CLIENTS = 8


def main() -> None:
    texts_ckpt, clips_ckpt, clips_folder = map(Path, sys.argv[1:4])
    print(f"{machine()}, 1 thread\n")
    texts = _reviews(texts_ckpt)
    clips = [str(path.absolute()) for path in sorted(clips_folder.rglob("*.mp4"))]
    for name, ckpt, items, counts in (
        ("texts", texts_ckpt, texts, (100, 500)),
        ("clips", clips_ckpt, clips, (40, 280)),
    ):
        _compare(name, ckpt.absolute(), items, counts)


def _compare(name: str, ckpt: Path, items: list[str], counts: tuple[int, int]) -> None:
    with tempfile.TemporaryDirectory() as place, _served(ckpt) as port:
        folder = Path(place)
        export(ckpt, folder / "exported", trust=None)
        export(ckpt, folder / "int8", trust=None, int8=True)
        ways: dict[str, Callable[[Path, list[str]], Any]] = {
            "predict": lambda table, some: _run("pipelines.predict", ckpt, f"--input={table}"),
            "predict-many": lambda table, some: _run(
                "pipelines.engine", ckpt, f"--input={table}", f"--output={table}-{time.time_ns()}"
            ),
            "exported, answer.py": lambda table, some: _answer(folder / "exported", some),
            "the same in 8 bits": lambda table, some: _answer(folder / "int8", some),
            f"serve, {_CLIENTS} clients": lambda table, some: _ask(port, some, name),
        }
        tables = [_table(folder, name, items[:count]) for count in counts]
        seconds: dict[str, list[float]] = {way: [] for way in ways}
        for _ in range(_ROUNDS):
            for way, ask in ways.items():
                taken = []
                for table, count in zip(tables, counts, strict=True):
                    started = time.perf_counter()
                    ask(table, items[:count])
                    taken.append(time.perf_counter() - started)
                seconds[way].append(taken[1] - taken[0])
        more = counts[1] - counts[0]
        for way, taken in seconds.items():
            rates = sorted(more / one for one in taken)
            print(
                f"{name}: {way}: {median(rates):.1f} a second ({rates[0]:.1f} to {rates[-1]:.1f})"
            )


def _reviews(ckpt: Path) -> list[str]:
    predictions = ckpt.absolute().parents[1] / "report" / "predictions.csv"
    with predictions.open(newline="", encoding="utf-8") as lines:
        return [row["text"] for row in csv.DictReader(lines)]


def _table(folder: Path, name: str, items: list[str]) -> Path:
    path = folder / f"{name}-{len(items)}"
    if name == "clips":  # a folder of links, which each way reads as files
        path.mkdir()
        for k, item in enumerate(items):
            (path / f"{k:04d}.mp4").symlink_to(item)
        return path
    path = path.with_suffix(".csv")
    with path.open("w", newline="", encoding="utf-8") as lines:
        csv.writer(lines).writerows([["text"], *([one] for one in items)])
    return path


def _run(module: str, ckpt: Path, *options: str) -> None:
    command = [sys.executable, "-m", module, f"--ckpt={ckpt}", *options]
    subprocess.run(command, env=_ENVIRONMENT, check=True, capture_output=True)


def _answer(folder: Path, items: list[str]) -> None:
    code = (
        "import json, sys; sys.path.insert(0, sys.argv[1]); from answer import load;"
        " found = list(load().many(json.load(sys.stdin))); assert not any('error' in a for a in found)"
    )
    subprocess.run(
        [sys.executable, "-c", code, str(folder)],
        input=json.dumps(items), text=True, env=_ENVIRONMENT, check=True,
    )  # fmt: skip


@contextmanager
def _served(ckpt: Path) -> Iterator[int]:
    command = [sys.executable, "-m", "pipelines.serve", f"--ckpt={ckpt}", "--port=0"]
    with subprocess.Popen(command, env=_ENVIRONMENT, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        port = int(server.stdout.readline().split("/ answers")[0].rpartition(":")[2])
        try:
            yield port
        finally:
            server.terminate()


def _ask(port: int, items: list[str], name: str) -> None:
    waiting = list(items)
    lock = threading.Lock()

    def client() -> None:
        while True:
            with lock:
                if not waiting:
                    return
                item = waiting.pop()
            body, kind = json.dumps({"text": item}).encode(), "application/json"
            if name == "clips":
                body, kind = Path(item).read_bytes(), "video/mp4"
            request = urllib.request.Request(
                f"http://127.0.0.1:{port}/answer", body, {"Content-Type": kind}
            )
            with urllib.request.urlopen(request, timeout=60) as answer:
                assert "label" in json.load(answer)

    threads = [threading.Thread(target=client) for _ in range(_CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main()
