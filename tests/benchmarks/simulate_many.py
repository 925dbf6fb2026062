"""Simulated run of predict-many on many cores, some of whose workers die: time, and work that is lost.

python -m tests.benchmarks.simulate_many --items=1000000000 --items_per_file=10000 --rate=50

Cores take shards from a queue, as an array job hands them out. A worker needs some seconds to start, and
then writes one file after the other. With a probability it dies, at a moment that is as likely as any
other; the scheduler puts its shard back, and the next start begins with the first file that is missing.
Cores differ: their speeds are log-normal, and some are at half of their speed. Division and shards are
the command's own (`pipelines.engine.pieces`); that files and bookkeeping stand deaths is tested with the
real ones, in tests/pipelines/engine/test_failing_workers.py.
"""

import heapq
import math
import random
from argparse import ArgumentParser
from typing import NamedTuple

from pipelines.engine.pieces import Division, Shard, division_of


class Setting(NamedTuple):
    """Options of a simulation."""

    division: Division
    rate: float
    """Items a second and core."""
    num_shards: int
    num_cores: int
    share_failing: float
    """Probability that a start dies before its end."""
    start_seconds: float = 60.0
    """From the scheduler's start to the first item: queue, container, imports, checkpoint."""
    back_seconds: float = 120.0
    """From a death to the next start of the shard."""
    spread: float = 0.1
    """Deviation of the logarithm of a core's speed."""
    share_slow: float = 0.02
    """Cores at half of their speed."""
    keeps_files: bool = True
    """False: a shard that dies begins at its first file, as without files of its own."""


class Result(NamedTuple):
    """Result of a simulation: seconds of cores, and on the wall."""

    wall: float
    used: float
    lost: float
    """Seconds in files that were not finished."""
    starting: float
    num_deaths: int
    most_starts: int
    """Figure of one shard."""


def simulate(setting: Setting, *, seed: int = 0) -> Result:
    """Run one."""
    draw = random.Random(seed)
    speeds = [
        math.exp(draw.gauss(0, setting.spread))
        * (0.5 if draw.random() < setting.share_slow else 1.0)
        for _ in range(setting.num_cores)
    ]
    piece_seconds = setting.division.items_per_file / setting.rate
    todo = [
        len(setting.division.numbers_of(Shard(k, setting.num_shards)))
        for k in range(setting.num_shards)
    ]
    starts = [0] * setting.num_shards
    # (moment, core) and (moment from which it may start, shard): the earliest first.
    free = [(0.0, core) for core in range(setting.num_cores)]
    queue = [(0.0, shard) for shard in range(setting.num_shards)]
    heapq.heapify(queue)
    wall = used = lost = starting = 0.0
    num_deaths = 0
    while queue:
        ready, shard = heapq.heappop(queue)
        moment, core = heapq.heappop(free)
        moment = max(moment, ready)
        starts[shard] += 1
        seconds = piece_seconds / speeds[core]
        whole = setting.start_seconds + todo[shard] * seconds
        lasts = whole * draw.random() if draw.random() < setting.share_failing else whole
        worked = max(lasts - setting.start_seconds, 0.0)
        starting += min(lasts, setting.start_seconds)
        if lasts < whole:
            num_deaths += 1
            num_done = int(worked / seconds) if setting.keeps_files else 0
            lost += worked - num_done * seconds
            todo[shard] -= num_done
            heapq.heappush(queue, (moment + lasts + setting.back_seconds, shard))
        else:
            todo[shard] = 0
        used += lasts
        wall = max(wall, moment + lasts)
        heapq.heappush(free, (moment + lasts, core))
    assert not any(todo)
    return Result(wall, used, lost, starting, num_deaths, max(starts))


def main() -> None:
    """Print the table."""
    parser = ArgumentParser()
    parser.add_argument("--items", type=int, default=10**9)
    parser.add_argument("--items_per_file", type=int, default=10_000)
    parser.add_argument("--rate", type=float, required=True, help="items a second and core")
    parser.add_argument("--cores", type=int, default=1000)
    parser.add_argument("--failing", type=float, default=0.05)
    options = parser.parse_args()
    division = division_of(options.items, options.items_per_file)
    ideal = options.items / options.rate
    print(
        f"{options.items:,} items in {division.num_pieces:,} files, {options.rate:g}/s a core,"
        f" {options.cores:,} cores: at least {ideal / options.cores / 3600:.2f} h\n"
    )
    print("| | wall | of cores | lost in files | in starts | deaths | most starts of a shard |")
    print("|---|---|---|---|---|---|---|")
    for shards, failing, keeps in (
        (options.cores, 0.0, True),
        (options.cores, options.failing, True),
        (options.cores, options.failing, False),
        (3 * options.cores, options.failing, True),
        (10 * options.cores, options.failing, True),
    ):
        setting = Setting(division, options.rate, shards, options.cores, failing, keeps_files=keeps)
        found = simulate(setting)
        print(
            f"| {shards:,} shards, {failing:.0%} of the starts die"
            f"{'' if keeps else ', a shard begins anew'} | {found.wall / 3600:.2f} h"
            f" | {found.used / 3600:,.0f} h | {found.lost / 3600:,.1f} h = {found.lost / found.used:.2%}"
            f" | {found.starting / 3600:,.1f} h = {found.starting / found.used:.2%}"
            f" | {found.num_deaths:,} | {found.most_starts} |"
        )


if __name__ == "__main__":
    main()
