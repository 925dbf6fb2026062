"""An epoch's input from real clips beside PyAV's bare decoding of the same clips.

python -m tests.benchmarks.bench_input

As many processes decode as there are cores, up to two: those of the DataModule at first, and then as
many that decode and do nothing else. Nothing is kept in memory from round to round.
"""

import os
import statistics
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import torch

from data.video.data_module import VideoDataModule
from tests.benchmarks.measure import SHARED_DATA, machine
from tests.benchmarks.peers import bare

NUM_PROCESSES = min(len(os.sched_getaffinity(0)), 2)
ROUNDS = 3
SIZE_PX = 112


def epoch(data: VideoDataModule) -> int:
    """Read every clip once; how many frames came."""
    return sum(len(batch.steps) for batch in data.test_dataloader())


def count_frames(paths: Sequence[Path]) -> int:
    """Decode, and nothing else."""
    return sum(map(bare, paths))


def main() -> None:
    """Print the table."""
    torch.set_num_threads(1)
    rail = SHARED_DATA / "rail"
    if not rail.is_dir():
        print(f"left out: the rail clips are not in {SHARED_DATA}")
        return
    data = {
        interpolation: VideoDataModule(
            path=str(rail),
            size_px=SIZE_PX,
            interpolation=interpolation,
            cache_gib=0,
            num_workers=NUM_PROCESSES,
        )
        for interpolation in ("area", "fast")
    }
    for one in data.values():
        one.reported_part = "all"
        _ = one.parts
    paths = data["area"].parts["all"].files
    shares = [paths[k::8] for k in range(8)]
    rates: dict[str, list[float]] = {"bare": [], **{name: [] for name in data}}
    with ProcessPoolExecutor(NUM_PROCESSES, get_context("spawn")) as pool:
        list(pool.map(count_frames, [paths[:1]] * NUM_PROCESSES))
        for _ in range(ROUNDS):
            start = time.perf_counter()
            num_frames = sum(pool.map(count_frames, shares))
            rates["bare"].append(num_frames / (time.perf_counter() - start))
            for name, one in data.items():
                start = time.perf_counter()
                num_frames = epoch(one)
                rates[name].append(num_frames / (time.perf_counter() - start))
    medians = {name: statistics.median(values) for name, values in rates.items()}
    print(f"{machine()}; {len(paths)} clips, {num_frames} frames, {NUM_PROCESSES} processes;")
    print(f"whole epochs, workers' start included, medians of {ROUNDS}\n")
    print("| | frames/s | ÷ bare |\n|---|---|---|")
    for name, rate in medians.items():
        print(f"| {name} | {rate:.0f} | {rate / medians['bare']:.2f} |")


if __name__ == "__main__":
    main()
