"""Predicting a folder of real clips beside the training input of the same clips and a forward pass.

python -m tests.benchmarks.bench_predict

The usual way is the one of training: the DataModule's batches, and the model on each. Prediction knows
nothing of a clip before it is decoded, and answers in the order of the folder. Both decode with as many
processes; nothing is kept in memory from round to round. The clips are the first of each class.
"""

import statistics
import time
from functools import partial

import torch

from data.files.workers import available_cores
from data.video.data_module import VideoDataModule
from models.encoders.frames import SmallCNN
from models.recurrence.recurrences import LSTM
from pipelines.predict.predictor import Predictor
from pipelines.tasks.classification import Classification
from tests.benchmarks.measure import SHARED_DATA, machine

ROUNDS = 3
CLIPS_PER_CLASS = 10
NUM_PROCESSES = max(available_cores() // 2, 1)


def classifier(data: VideoDataModule) -> Classification:
    """Make an untrained model of the sizes of `make train-video`."""
    model = Classification(
        SmallCNN(features=128, width=16),
        partial(LSTM, hidden_size=128),
        classes=data.classes,
        optimizer=torch.optim.AdamW,
    )
    options = {"steps_per_batch": data.steps_per_batch, "limit_seconds": data.limit_seconds}
    model.description = {"task": "video", "data": options, "inputs": data.describe()}
    return model.eval()


def read_input(data: VideoDataModule) -> int:
    """Every clip once; how many frames came."""
    return sum(len(batch.steps) for batch in data.test_dataloader())


def read_and_answer(data: VideoDataModule, model: Classification) -> int:
    """The same, and the model's scores of each batch."""
    num_frames = 0
    with torch.inference_mode():
        for batch in data.test_dataloader():
            model(batch.steps, batch.lengths)
            num_frames += len(batch.steps)
    return num_frames


def predict(model: Predictor, paths: list[str]) -> int:
    """The answers of all; how many frames they took."""
    return sum(found.steps for found in model.many(paths))


def main() -> None:
    """Print the table."""
    torch.set_num_threads(max(available_cores() - NUM_PROCESSES, 1))
    rail = SHARED_DATA / "rail"
    if not rail.is_dir():
        print(f"left out: the rail clips are not in {SHARED_DATA}")
        return
    print(f"{machine()}; {NUM_PROCESSES} process(es) decode; medians of {ROUNDS}\n")
    print("| px | frames | input alone | input, then model | predict | ÷ input, then model |")
    print("|---|---|---|---|---|---|")
    for size_px in (64, 112):
        data = VideoDataModule(
            path=str(rail), size_px=size_px, cache_gib=0, num_workers=NUM_PROCESSES,
            steps_per_batch=512,
        )  # fmt: skip
        data.reported_part = "all"
        part = data.parts["all"]
        chosen = [
            k for label in range(4) for k in (part.labels == label).nonzero()[0][:CLIPS_PER_CLASS]
        ]
        data.parts["all"] = part.subset(chosen)
        paths = data.parts["all"].sources()
        model = classifier(data)
        predictor = Predictor(model, device="cpu", num_workers=NUM_PROCESSES)
        ways = [
            partial(read_input, data),
            partial(read_and_answer, data, model),
            partial(predict, predictor, paths),
        ]
        rates: list[list[float]] = [[] for _ in ways]
        for _ in range(ROUNDS):
            for way, taken in zip(ways, rates, strict=True):
                start = time.perf_counter()
                num_frames = way()
                taken.append(num_frames / (time.perf_counter() - start))
        alone, both, ours = map(statistics.median, rates)
        print(
            f"| {size_px} | {num_frames:,} | {alone:.0f}/s | {both:.0f}/s | {ours:.0f}/s"
            f" | {ours / both:.2f} |"
        )


if __name__ == "__main__":
    main()
