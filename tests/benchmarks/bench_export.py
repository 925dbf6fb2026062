"""Exported models beside PyTorch: a streaming step, whole batches, frames, file sizes.

python -m tests.benchmarks.bench_export CKPT …

Each figure is the median of rounds in which both take turns, with one thread each.
"""

import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from data.files.checkpoint import read_saved
from models.sequence.stepwise import Stepper
from pipelines.export.folder import export
from pipelines.export.kinds.steps import Steps
from pipelines.export.standalone.answerers import batches
from pipelines.export.standalone.answerers import padded as padded_rows
from pipelines.export.standalone.session import Session, state_after
from pipelines.export.tracing.exported import padded
from pipelines.tasks.checkpoints import classifier_of
from tests.benchmarks.measure import in_turns, machine

_ROUNDS, _STEPS = 15, 50
_BATCH, _LONGEST = 32, 400
# As many as `answer.py` sorts by length at once, into batches with little padding.
_MANY = 256


def main() -> None:
    torch.set_num_threads(1)
    print(f"{machine()}, 1 thread\n")
    for ckpt in map(Path, sys.argv[1:]):
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place) / "float32"
            about = export(ckpt, folder, trust=None)
            sizes = {name: graph["bytes"] / 2**20 for name, graph in about["graphs"].items()}
            print(f"{ckpt}: {about['task']}")
            print(f"checkpoint {ckpt.stat().st_size / 2**20:.1f} MiB; " + _told(sizes))
            _compare(ckpt, folder)
            try:
                small = Path(place) / "int8"
                about = export(ckpt, small, trust=None, int8=True)
            except Exception as error:
                print(f"int8: {error}\n")
                continue
            sizes = {name: graph["bytes"] / 2**20 for name, graph in about["graphs"].items()}
            print(f"int8: {_told(sizes)}; {about['int8']}")
            _compare(ckpt, small)
            print()


@torch.inference_mode()
def _compare(ckpt: Path, folder: Path) -> None:
    saved = read_saved(ckpt)
    model = classifier_of(saved, where=str(ckpt), trust=None)
    steps = Steps(model.model.encoder, saved.description)
    lengths = torch.randint(_LONGEST // 4, _LONGEST + 1, (_MANY,))
    flat = steps.flat(int(lengths.sum())).split(lengths.tolist())
    whole = Session(folder / "model.onnx", num_threads=1)
    rows = [one.numpy() for one in flat]

    def by_torch(chosen: list[list[int]]) -> Any:
        for some in chosen:
            read = torch.cat([flat[k] for k in some]), lengths[some]
            found = model.probabilities(model.model.read(steps.encoded(*read), read[1]), read[1])
        return found

    def by_runtime(chosen: list[list[int]]) -> Any:
        for some in chosen:
            grid, counts = padded_rows([rows[k] for k in some])
            found = whole.run({"steps": grid, "lengths": counts})["probabilities"]
        return found

    one = [list(range(_BATCH))]
    off = float(np.abs(by_torch(one).numpy() - by_runtime(one)).max())
    sorted_ones = [list(some) for some in batches(lengths.tolist())]
    for name, chosen in (
        (f"a batch of {_BATCH} sequences of up to {_LONGEST} as they come", one),
        (f"{_MANY} sequences, batched by length", sorted_ones),
    ):
        _report(name, partial(by_torch, chosen), partial(by_runtime, chosen), f"off by {off:.1e}")
    if (folder / "step.onnx").exists():
        stepper = Stepper(model.model)
        each = list(padded(torch.cat(flat)[:_STEPS], torch.tensor([_STEPS])).unbind(1))
        arrays = [one.numpy() for one in each]
        step = Session(folder / "step.onnx", num_threads=1)

        def stepped_by_torch() -> Any:
            state = stepper.start(1)
            for one in each:
                scores, state = stepper(one, state)
                found = model.probabilities(scores, state["steps_read"])
            return found

        def stepped_by_runtime() -> Any:
            state = step.zeros(batch=1)
            for one in arrays:
                found = step.run({"steps": one, **state})
                state = state_after(found)
            return found["probabilities"]

        _report(f"{_STEPS} single steps", stepped_by_torch, stepped_by_runtime)
    if steps.are_frames:
        frames = torch.randint(256, (64, steps.size_px, steps.size_px, 3), dtype=torch.uint8)
        encoder = Session(folder / "encoder.onnx", num_threads=1)
        _report(
            "64 frames to features",
            lambda: model.model.encoder(frames.permute(0, 3, 1, 2)),
            lambda: encoder.run({"frames": frames.numpy()}),
        )


def _report(
    name: str, by_torch: Callable[[], Any], by_runtime: Callable[[], Any], more: str = ""
) -> None:
    ours, theirs = in_turns(by_runtime, by_torch, rounds=_ROUNDS)
    print(
        f"  {name}: PyTorch {1000 * theirs:.2f} ms, ONNX Runtime {1000 * ours:.2f} ms,"
        f" {theirs / ours:.1f} x  {more}"
    )


def _told(sizes: dict[str, float]) -> str:
    return ", ".join(f"{name} {size:.2f} MiB" for name, size in sizes.items())


if __name__ == "__main__":
    main()
