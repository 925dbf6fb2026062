"""Answers to many items: predict, predict-many alone, and predict-many on Ray, as whole commands.

python -m tests.benchmarks.bench_predict_many [--rounds=3] [--texts=1500] [--clips=160]

Each command is a process of its own, with one compute thread; of clips one process decodes beside it.
It is run with all items and with two, in turns: the difference is what the other items take, without
the start. Seconds are those on the wall, and those of the processor: of all processes, sampled five
times a second. Models have the sizes of the recipes, and no training. The clips are the real railway
clips where they are there.
"""

import importlib.util
import os
import statistics
import subprocess
import sys
import tempfile
import time
from argparse import ArgumentParser
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import psutil
import pyarrow as pa
import pyarrow.parquet as pq

from data.examples.embedded import sentiment_example
from tests.benchmarks.many_models import write_sentiment, write_video
from tests.benchmarks.measure import SHARED_DATA, machine

ROOT = Path(__file__).parents[2]
FEW = 2
VOCABULARY_TEXTS = 5000


class Seconds(NamedTuple):
    """Seconds on the wall and of the processor."""

    wall: float
    processor: float


def ways(checkpoint: str, inputs: str, output: str, *, has_ray: bool) -> dict[str, list[str]]:
    """Commands by name."""
    many = ["pipelines.engine", f"--ckpt={checkpoint}", f"--input={inputs}"]
    found = {
        "predict, JSON": ["pipelines.predict", *many[1:], "--format=json"],
        "predict-many": [*many, f"--output={output}-plain"],
    }
    if has_ray:
        ray = ["--engine=ray", "--ray_local_cpus=2", "--ray_actors=1"]
        found["predict-many on Ray, 1 actor of 1 CPU"] = [*many, f"--output={output}-ray", *ray]
    return found


def taken(words: list[str], place: Path) -> Seconds:
    """Run a command; the processor's seconds are those of all processes that it has started."""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    start = time.perf_counter()
    with tempfile.TemporaryFile("w+") as said:
        process = psutil.Popen(
            [sys.executable, "-m", *words], cwd=place, env=environment,
            stdout=subprocess.DEVNULL, stderr=said,
        )  # fmt: skip
        used: dict[int, float] = {}
        while process.poll() is None:
            with suppress(psutil.Error):
                for one in [process, *process.children(recursive=True)]:
                    with suppress(psutil.Error):
                        times = one.cpu_times()
                        used[one.pid] = times.user + times.system
            time.sleep(0.2)
        if process.returncode:
            said.seek(0)
            raise RuntimeError(said.read())
    return Seconds(time.perf_counter() - start, sum(used.values()))


def measure(place: Path, kind: str, num_items: int, *, rounds: int, per_file: int) -> None:
    """Print the rows of one kind: ``texts`` or ``clips``."""
    rates: dict[str, list[float]] = {}
    costs: dict[str, list[float]] = {}
    starts: dict[str, list[float]] = {}
    has_ray = importlib.util.find_spec("ray") is not None
    for k in range(rounds):
        few = ways(f"{kind}.ckpt", f"{kind}-few.parquet", f"{kind}-few-{k}", has_ray=has_ray)
        all_items = ways(f"{kind}.ckpt", f"{kind}.parquet", f"{kind}-all-{k}", has_ray=has_ray)
        for name in few:
            if kind == "clips" and "engine" not in few[name][0]:
                for words, folder in ((few[name], "few"), (all_items[name], "all")):
                    words[2] = f"--input={folder}-clips"
            size = [f"--items_per_file={per_file}"] if "engine" in few[name][0] else []
            short, long = taken(few[name] + size, place), taken(all_items[name] + size, place)
            rates.setdefault(name, []).append((num_items - FEW) / (long.wall - short.wall))
            costs.setdefault(name, []).append(
                1000 * (long.processor - short.processor) / (num_items - FEW)
            )
            starts.setdefault(name, []).append(short.wall)
    first = statistics.median(rates["predict, JSON"])
    for name, some in rates.items():
        rate, cost = statistics.median(some), statistics.median(costs[name])
        extremes = f"{min(costs[name]):.2f} to {max(costs[name]):.2f}"
        print(
            f"| {num_items:,} {kind}, {per_file} a file | {name} | {rate:,.1f}/s"
            f" ({min(some):,.1f} to {max(some):,.1f}) | {rate / first:.2f} | {cost:.2f} s"
            f" ({extremes}) | {statistics.median(starts[name]):.1f} s |",
            flush=True,
        )
    written = sum(path.stat().st_size for path in place.glob(f"{kind}-all-0-plain/part-*"))
    read = (place / f"{kind}.parquet").stat().st_size
    if kind == "clips":
        read += sum(path.stat().st_size for path in (place / "all-clips").iterdir())
    print(
        f"| {num_items:,} {kind} | bytes an item: {read / num_items:,.0f} read,"
        f" {written / num_items:,.0f} written | | | | |",
        flush=True,
    )


def write_texts(place: Path, num_texts: int) -> None:
    """Write the model and the reviews."""
    reviews = pq.read_table(sentiment_example())["text"].to_pylist()
    write_sentiment(place / "texts.ckpt", reviews[:VOCABULARY_TEXTS])
    for name, count in (("texts", num_texts), ("texts-few", FEW)):
        table = pa.table({"text": reviews[-num_texts:][:count]})
        pq.write_table(table, place / f"{name}.parquet", compression="zstd")
    tokens = [len(text.split()) for text in reviews[-num_texts:]]
    print(f"reviews of {statistics.mean(tokens):.0f} words between blanks\n")


def write_clips(place: Path, num_clips: int) -> bool:
    """Write the model and link the clips; whether there are any."""
    clips = sorted((SHARED_DATA / "rail").glob("*/*.*"))
    clips = [path for path in clips if path.suffix in (".mp4", ".avi", ".mkv")]
    if not clips:
        return False
    write_video(place / "clips.ckpt")
    chosen = clips[:: max(len(clips) // num_clips, 1)][:num_clips]
    for folder, some in (("all", chosen), ("few", chosen[:FEW])):
        (place / f"{folder}-clips").mkdir()
        for path in some:
            (place / f"{folder}-clips" / path.name).symlink_to(path)
    for name, folder in (("clips", "all"), ("clips-few", "few")):
        paths = [
            f"{folder}-clips/{path.name}" for path in sorted((place / f"{folder}-clips").iterdir())
        ]
        pq.write_table(pa.table({"path": paths}), place / f"{name}.parquet")
    return True


def main() -> None:
    """Print the table."""
    parser = ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--texts", type=int, default=1500)
    parser.add_argument("--clips", type=int, default=160)
    parser.add_argument("--only", choices=("texts", "clips"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        print(f"{machine()}; medians of {options.rounds} (least to most)\n")
        if options.only != "clips":
            write_texts(place, options.texts)
        print("| | command | items | ÷ predict | processor, 1,000 items | start and 2 items |")
        print("|---|---|---|---|---|---|")
        if options.only != "clips":
            measure(
                place, "texts", options.texts, rounds=options.rounds, per_file=options.texts // 3
            )
        if options.only != "texts" and write_clips(place, options.clips):
            measure(
                place, "clips", options.clips, rounds=options.rounds, per_file=options.clips // 3
            )


if __name__ == "__main__":
    main()
