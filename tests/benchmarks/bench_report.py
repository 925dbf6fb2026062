"""The report of all 25,000 reviews, beside reading them: what its making takes.

python -m tests.benchmarks.bench_report [runs/sentiment/<name>/checkpoints/best.ckpt]

Without an argument, of the newest run of `make train-sentiment`.
"""

import sys
import tempfile
import time
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import torch
from pytorch_lightning import Trainer

from pipelines.report.callback import report_test
from pipelines.runtime.library_warnings import ignore_noise
from pipelines.runtime.processor import prepare_processor
from pipelines.tasks.checkpoints import data_module, load
from tests.benchmarks.measure import machine


def main() -> None:
    """Print the table."""
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
            fit_baselines=False,
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
