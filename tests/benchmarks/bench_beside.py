"""Training on reviews alone, and beside a process that keeps one core busy.

python -m tests.benchmarks.bench_beside

The recipe of sentiment.yaml, by the command's own way, in three arrangements: members side by side
in threads of their own, as it ships; members one after the other, whose matrix products share the
threads; and a single thread. All are in one process, in turns, and start from the same weights.
"""

import copy
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from unittest import mock

import torch

from data.text.data_module import TextDataModule
from pipelines.runtime.library_warnings import ignore_noise
from pipelines.runtime.processor import prepare_processor
from pipelines.tasks.classification import Classification
from pipelines.training import member_losses
from tests.benchmarks.bench_sentiment import BUDGET, ours, recipe
from tests.benchmarks.measure import machine

NUM_BATCHES, ROUNDS = 30, 3


@contextmanager
def busy() -> Iterator[None]:
    """Within it another process keeps one core busy."""
    process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        yield
    finally:
        process.kill()
        process.wait()


def seconds(model: Classification, data: TextDataModule, *, num_threads: int) -> float:
    """Of one run of the command's own way."""
    torch.set_num_threads(num_threads)
    return ours(copy.deepcopy(model), data, num_batches=NUM_BATCHES)


def main() -> None:
    """Print the table."""
    ignore_noise()
    prepare_processor()
    torch.manual_seed(0)
    all_threads = torch.get_num_threads()
    data = TextDataModule(steps_per_batch=BUDGET)
    model = recipe(data)
    # As members that share an encoder are trained: each in its turn, on all threads.
    in_turn: AbstractContextManager[object] = mock.patch.object(
        member_losses, "losses_side_by_side", _in_turn
    )
    taken: dict[str, list[list[float]]] = {}
    for _ in range(ROUNDS):
        for name, num_threads, arrangement in (
            ("side by side", all_threads, nullcontext()),
            ("in turn", all_threads, in_turn),
            ("one thread", 1, in_turn),
        ):
            with arrangement:
                alone = seconds(model, data, num_threads=num_threads)
                with busy():
                    beside = seconds(model, data, num_threads=num_threads)
            taken.setdefault(name, []).append([alone, beside])
    print(f"{machine()}, {all_threads} threads; {NUM_BATCHES} batches, medians of {ROUNDS}\n")
    print("| members | alone | beside a busy process | ratio |\n|---|---|---|---|")
    for name, pairs in taken.items():
        alone, beside = map(statistics.median, zip(*pairs, strict=True))
        print(f"| {name} | {alone:.1f} s | {beside:.1f} s | {beside / alone:.2f} |")


def _in_turn(functions, groups):  # type: ignore[no-untyped-def]
    pairs = [function() for function in functions]
    return torch.stack([loss for loss, _ in pairs]), [scores for _, scores in pairs]


if __name__ == "__main__":
    main()
