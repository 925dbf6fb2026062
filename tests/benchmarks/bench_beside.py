"""Training on reviews and on clips: alone, and beside a process that keeps one core busy.

python -m tests.benchmarks.bench_beside

The recipes of sentiment.yaml and video.yaml, by the commands' own way, in three arrangements: in
threads side by side, as they ship (members of the ensemble; shards of a batch of clips); in turn, where
the threads share each matrix product; and a single thread. All are in one process, in turns, and start
from the same weights.
"""

import copy
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from unittest import mock

import torch

from data.batches.data_module import SequenceDataModule
from data.text.data_module import TextDataModule
from data.video.data_module import VideoDataModule
from models.encoders.frames import SmallCNN
from models.recurrence.recurrences import LSTM
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


def seconds(model: Classification, data: SequenceDataModule, *, num_threads: int) -> float:
    """Time of one run of the command's own way."""
    torch.set_num_threads(num_threads)
    return ours(copy.deepcopy(model), data, num_batches=NUM_BATCHES)


def clips() -> tuple[Classification, VideoDataModule]:
    """The model and the data of video.yaml."""
    data = VideoDataModule(steps_per_batch=512)
    model = Classification(
        SmallCNN(features=128, width=16),
        partial(LSTM, hidden_size=128),
        classes=data.classes,
        dropout=0.2,
        optimizer=partial(torch.optim.AdamW, lr=0.002),
    )
    return model, data


def reviews() -> tuple[Classification, TextDataModule]:
    """The model and the data of sentiment.yaml."""
    data = TextDataModule(steps_per_batch=BUDGET)
    return recipe(data), data


def main() -> None:
    """Print the tables."""
    ignore_noise()
    prepare_processor()
    all_threads = torch.get_num_threads()
    print(f"{machine()}, {all_threads} threads; {NUM_BATCHES} batches, medians of {ROUNDS}")
    in_turn: list[AbstractContextManager[object]] = [
        mock.patch.object(member_losses, "losses_side_by_side", _in_turn),
        mock.patch.object(member_losses, "is_shardable", return_value=False),
    ]
    for make in (reviews, clips):
        torch.manual_seed(0)
        model, data = make()
        # The first run decodes the clips.
        seconds(model, data, num_threads=all_threads)
        taken: dict[str, list[list[float]]] = {}
        for _ in range(ROUNDS):
            for name, num_threads, arrangement in (
                ("side by side", all_threads, []),
                ("in turn", all_threads, in_turn),
                ("one thread", 1, in_turn),
            ):
                with ExitStack() as stack:
                    for one in arrangement:
                        stack.enter_context(one)
                    alone = seconds(model, data, num_threads=num_threads)
                    with busy():
                        beside = seconds(model, data, num_threads=num_threads)
                taken.setdefault(name, []).append([alone, beside])
        print(f"\n| {make.__name__} | alone | beside a busy process | ratio |\n|---|---|---|---|")
        for name, pairs in taken.items():
            alone, beside = map(statistics.median, zip(*pairs, strict=True))
            print(f"| {name} | {alone:.1f} s | {beside:.1f} s | {beside / alone:.2f} |")


def _in_turn(functions, groups):  # type: ignore[no-untyped-def]
    pairs = [function() for function in functions]
    return torch.stack([loss for loss, _ in pairs]), [scores for _, scores in pairs]


if __name__ == "__main__":
    main()
