"""Time of a report: of all 25,000 reviews beside reading them, and of many classes.

python -m tests.benchmarks.bench_report [runs/sentiment/<name>/checkpoints/best.ckpt]
python -m tests.benchmarks.bench_report --classes 100 300 600

Without an argument, of the newest run of `make train-sentiment`.
"""

import sys
import tempfile
import time
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import numpy as np
import torch
from pytorch_lightning import Trainer

from pipelines.metrics import baselines
from pipelines.report import classification_report as callback
from pipelines.report.classification_report import report_test
from pipelines.runtime.library_warnings import ignore_noise
from pipelines.runtime.processor import prepare_processor
from pipelines.tasks.checkpoints import data_module, load
from tests.benchmarks.measure import machine
from tests.pipelines.report.outcome import Outcome

EXAMPLES_PER_CLASS = 20


def main() -> None:
    """Print the table that is asked for."""
    if sys.argv[1:2] == ["--classes"]:
        many_classes([int(count) for count in sys.argv[2:]])
    else:
        all_reviews()


def many_classes(counts: list[int]) -> None:
    """Figures, pictures and page of tests of so many classes; the answers are drawn at random."""
    print(f"{machine()}; {EXAMPLES_PER_CLASS} examples a class\n")
    print(
        "| classes | examples | seconds | of the processor | page, MB | confusion_matrix.png, MB |"
    )
    print("|---|---|---|---|---|---|")
    for count in counts:
        tested = outcome_of(count)
        callback.look_at = tested.shown  # a model to look at is not what is measured
        with tempfile.TemporaryDirectory() as place, redirect_stdout(StringIO()):
            folder = Path(place)
            fitted = baselines.Majority().fit(tested.labels, tested.labels, count)
            baselines.save(folder / callback.BASELINES_FILE, [fitted])
            started, started_computing = time.perf_counter(), time.process_time()
            report_test(
                tested.model,
                tested.data,
                folder=folder,
                train_seconds=0.0,
                trained_in=folder,
            )
            seconds = time.perf_counter() - started
            computing = time.process_time() - started_computing
            sizes = [
                (folder / "report" / name).stat().st_size / 1e6
                for name in ("report.html", "confusion_matrix.png")
            ]
        shown = " | ".join(f"{figure:.1f}" for figure in (seconds, computing, *sizes))
        print(
            f"| {count} | {len(tested.labels):,} | {shown} |",
            flush=True,
        )


def outcome_of(num_classes: int) -> Outcome:
    """About two answers in three are right; the others go to few classes, as mistakes do."""
    generator = np.random.default_rng(0)
    labels = np.repeat(np.arange(num_classes), EXAMPLES_PER_CLASS)
    scores = generator.normal(size=(len(labels), num_classes))
    rows = np.arange(len(labels))
    scores[rows, labels] += 3.5
    scores[rows, (labels + generator.integers(1, 4, len(labels))) % num_classes] += 2.5
    shares = np.exp(scores)
    return Outcome(
        labels,
        shares / shares.sum(1, keepdims=True),
        classes=[f"kind of motion {k}" for k in range(num_classes)],
        lengths=generator.integers(20, 400, len(labels)),
    )


def all_reviews() -> None:
    """The report of the reviews, beside reading them."""
    checkpoint = Path((sys.argv[1:] or ["runs/sentiment/latest/checkpoints/best.ckpt"])[0])
    if not checkpoint.is_file():
        print(f"left out: {checkpoint} is not there; make train-sentiment")
        return
    ignore_noise()
    prepare_processor()
    model = load(checkpoint, task="sentiment")
    data = data_module(model.description)
    data.reported_part = "all"
    _ = data.parts
    seconds = []
    started = time.perf_counter()
    with torch.inference_mode():
        for batch in data.test_dataloader():
            model(batch.steps, batch.lengths)
    seconds.append(time.perf_counter() - started)
    trainer = Trainer(
        accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False
    )
    started = time.perf_counter()
    trainer.test(model, datamodule=data, verbose=False)
    seconds.append(time.perf_counter() - started)
    with tempfile.TemporaryDirectory() as folder, redirect_stdout(StringIO()):
        started = time.perf_counter()
        report_test(
            model,
            data,
            folder=Path(folder),
            train_seconds=0.0,
            trained_in=checkpoint.parent.parent,
        )
        seconds.append(time.perf_counter() - started)
        size = (Path(folder) / "report" / "report.html").stat().st_size
    reading, testing, writing = seconds
    print(f"{machine()}, {torch.get_num_threads()} threads; {len(data.parts['all']):,} reviews\n")
    print("| | seconds |\n|---|---|")
    print(f"| reading them: the answers alone | {reading:.0f} |")
    print(f"| the test: the same, 2,000 of them in three other orders too | {testing:.0f} |")
    print(f"| the report: figures, baselines, examples with attributions, page | {writing:.0f} |")
    print(
        f"\nOver the reading: {testing + writing - reading:.0f} s. The page: {size / 1e6:.2f} MB."
    )


if __name__ == "__main__":
    main()
