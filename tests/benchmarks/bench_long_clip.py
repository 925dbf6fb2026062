"""A training step over every frame of a ten-minute clip: its memory, and how far back it learns.

python -m tests.benchmarks.bench_long_clip
"""

import tempfile
import time
from functools import partial
from pathlib import Path

import torch
from pytorch_lightning import Trainer

from data.video.data_module import VideoDataModule
from models.encoders.frames import SmallCNN
from models.recurrence.recurrences import LSTM
from pipelines.runtime.processor import prepare_processor
from pipelines.tasks.classification import Classification
from tests.benchmarks.measure import SHARED_DATA, machine
from tests.clips import write_clip
from tests.peak_memory import peak_mib

SIZE_PX = 112


def main() -> None:
    """Print what the step took."""
    prepare_processor()
    long = SHARED_DATA / "long" / "rail_10min.mp4"
    if not long.is_file():
        print(f"left out: {long} is not there")
        return
    with tempfile.TemporaryDirectory() as folder:
        data = VideoDataModule(
            path=str(_write_list(Path(folder), long)), size_px=SIZE_PX, cache_gib=0, num_workers=0
        )
        model = Classification(
            SmallCNN(),
            partial(LSTM, hidden_size=128, memory_steps=15_000),
            classes=data.classes,
            optimizer=partial(torch.optim.AdamW, lr=1e-3),
        )
        gradients: list[torch.Tensor] = []

        def watch(module: object, inputs: object, features: torch.Tensor) -> None:
            features.register_hook(gradients.append)

        model.model.encoder.register_forward_hook(watch)
        before = peak_mib() / 1024
        started = time.perf_counter()
        Trainer(
            max_epochs=1,
            limit_val_batches=0,
            gradient_clip_val=1.0,
            accelerator="cpu",
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            use_distributed_sampler=False,
        ).fit(model, datamodule=data)
        seconds = time.perf_counter() - started
        peak = peak_mib() / 1024
        decoder = peak_mib(data.parts["train"].decoder._process.pid) / 1024
    gradient = max(gradients, key=len)
    print(f"{machine()}, {torch.get_num_threads()} threads\n")
    print(
        f"{len(gradient)} frames of {SIZE_PX} × {SIZE_PX}, small CNN and LSTM, one training step:"
    )
    print(f"{seconds:.0f} s; peak {peak + decoder:.2f} GiB = {peak:.2f} GiB (of which")
    print(f"{before:.2f} GiB before it) and the decoder's {decoder:.2f} GiB")
    print(f"largest gradient at the first frame's features {gradient[0].abs().max():.2e},")
    print(f"at the last frame's {gradient[-1].abs().max():.2e}")


def _write_list(folder: Path, long: Path) -> Path:
    rows = ["path,label,split", f"{long.absolute()},long,train"]
    for k, part in enumerate(("train", "val", "test")):
        for label in ("long", "short"):
            name = f"{part}-{label}"
            short = write_clip(folder / f"{name}.mp4", num_frames=20 + k, level=10 * len(label))
            rows += [f"{short},{label},{part}"] if (part, label) != ("train", "long") else []
    (folder / "list.csv").write_text("\n".join(rows))
    return folder / "list.csv"


if __name__ == "__main__":
    main()
