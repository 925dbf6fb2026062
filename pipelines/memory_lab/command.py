"""Command ``make memory-lab``: a vanilla RNN, a GRU and an LSTM on tasks that need a memory."""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from data.examples.memory_tasks import MemoryBatch, adding, recall, recall_features
from data.files.atomic_write import write_whole
from data.files.errors import InputError
from data.files.workers import available_cores
from pipelines.memory_lab.memory_experiments import (
    Reader,
    Training,
    accuracy,
    endless,
    gradients_back_in_time,
    same_size,
    train,
)
from pipelines.memory_lab.page import memory_page
from pipelines.runs.run_folders import create_run, name_run
from pipelines.runtime.commands import COMMANDS
from pipelines.runtime.errors import one_line_errors
from pipelines.runtime.options import option_parser, parse
from pipelines.runtime.processor import prepare_processor
from pipelines.runtime.strict_json import json_text

TASK = "memory-lab"
NUM_SYMBOLS, NUM_SEQUENCES, NUM_TESTED = 8, 32, 500
LEARNING_RATE, SGD_RATE, CLIP_NORM = 0.01, 0.01, 1.0
ADDING_STEPS = 100
# Factor on PyTorch's initial recurrent weights that makes the gradients of the vanilla RNN explode.
LARGE_WEIGHTS = 3.0
#: by name: kind of the recurrence, and whether its forget gates start open
NETWORKS = {
    "RNN": ("RNN", False),
    "GRU": ("GRU", False),
    "LSTM": ("LSTM", False),
    "LSTM, open": ("LSTM", True),
}


def run_lab(
    *, delays: Sequence[int], num_steps: int, adding_num_steps: int, hidden_size: int, seed: int
) -> dict[str, Any]:
    """Run all experiments, and return plain values for `memory_page`.

    Args:
        delays: delays of the recall task; each trains networks of its own.
        num_steps: training steps of the recall task.
        adding_num_steps: training steps of the adding problem.
        hidden_size: hidden size of the LSTM; the others have about as many parameters.
        seed: seed of weights and sequences.
    """
    made = {}
    sizes = {}
    for name in NETWORKS:
        reader = _reader(name, recall_features(NUM_SYMBOLS), NUM_SYMBOLS, hidden_size, 2, seed)
        parameters = sum(parameter.numel() for parameter in reader.parameters())
        sizes[name] = {"hidden_size": reader.head.in_features, "parameters": parameters}
    made["sizes"] = sizes
    made["gradients"] = _gradients(max(delays), hidden_size, seed)
    made["clipping"] = _clipping(adding_num_steps, hidden_size, seed)
    with _processes(len(NETWORKS) * len(delays)) as pool:
        made["adding"] = _adding(pool, adding_num_steps, hidden_size, seed)
        made["recall"] = _recall(pool, delays, num_steps, hidden_size, seed)
    return made


def _processes(num_runs: int) -> ProcessPoolExecutor:
    """Start a pool for all experiments: a worker takes seconds to import PyTorch.

    A network this small uses one core, so as many runs learn at once as there are cores.
    """
    workers = min(available_cores(), num_runs)
    return ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_alone)


def _reader(
    name: str, in_features: int, num_answers: int, hidden_size: int, memory_steps: int, seed: int
) -> Reader:
    kind, is_open = NETWORKS[name]
    torch.manual_seed(seed)
    return Reader(
        kind,
        in_features,
        hidden_size=same_size(kind, in_features, like=hidden_size),
        num_answers=num_answers,
        **({"memory_steps": memory_steps} if is_open else {}),
    )


def _recall(
    pool: Executor, delays: Sequence[int], num_steps: int, hidden_size: int, seed: int
) -> dict[str, Any]:
    # The longest delay comes first, so that no core is left waiting for it at the end.
    runs = [(delay, name) for delay in sorted(delays, reverse=True) for name in NETWORKS]
    learn = partial(recall_accuracy, num_steps=num_steps, hidden_size=hidden_size, seed=seed)
    shares = _side_by_side(pool, learn, runs, "Recall")
    return {
        "delays": list(delays),
        "accuracy": {name: [shares[delay, name] for delay in delays] for name in NETWORKS},
        "chance": 1 / NUM_SYMBOLS,
        "num_symbols": NUM_SYMBOLS,
        "num_steps": num_steps,
        "num_tested": NUM_TESTED,
    }


def _side_by_side(
    pool: Executor, learn: Callable[[Any], Any], runs: Sequence[Any], what: str
) -> dict[Any, Any]:
    """Call ``learn`` on each run in parallel → results by run; ``what`` labels the progress."""
    answers = list(tqdm(pool.map(learn, runs), what, total=len(runs), disable=None))
    return dict(zip(runs, answers, strict=True))


def _alone() -> None:
    """Prepare a worker process: one core, and denormal numbers flushed to zero."""
    torch.set_num_threads(1)
    prepare_processor()


def recall_accuracy(run: tuple[int, str], *, num_steps: int, hidden_size: int, seed: int) -> float:
    """Train one network to recall a symbol after a delay → its accuracy on new sequences.

    Args:
        run: the delay, and a key of `NETWORKS`.
        num_steps, hidden_size, seed: see `run_lab`.
    """
    delay, name = run
    generator = torch.Generator().manual_seed(seed)
    symbols = partial(recall, delay, num_symbols=NUM_SYMBOLS, generator=generator)
    reader = _reader(name, recall_features(NUM_SYMBOLS), NUM_SYMBOLS, hidden_size, delay + 2, seed)
    _learn(reader, endless(partial(symbols, num_sequences=NUM_SEQUENCES)), num_steps)
    return accuracy(reader, symbols(num_sequences=NUM_TESTED))


def _gradients(delay: int, hidden_size: int, seed: int) -> dict[str, Any]:
    """Measure how much gradient arrives at each step before any training."""
    curves = {}
    for name in NETWORKS:
        reader = _reader(
            name, recall_features(NUM_SYMBOLS), NUM_SYMBOLS, hidden_size, delay + 2, seed
        )
        generator = torch.Generator().manual_seed(seed)
        batch = recall(
            delay, num_sequences=NUM_SEQUENCES, num_symbols=NUM_SYMBOLS, generator=generator
        )
        curves[name] = gradients_back_in_time(reader, batch)
    return {"num_steps": delay + 2, "curves": curves}


def _adding(pool: Executor, num_steps: int, hidden_size: int, seed: int) -> dict[str, Any]:
    learn = partial(learn_adding, num_steps=num_steps, hidden_size=hidden_size, seed=seed)
    runs = _side_by_side(pool, learn, list(NETWORKS), "Adding problem")
    return {"num_steps_long": ADDING_STEPS, "num_steps": num_steps, "runs": runs}


def learn_adding(name: str, *, num_steps: int, hidden_size: int, seed: int) -> dict[str, Any]:
    """Train one of `NETWORKS` on the adding problem → its `Training`, as plain values."""
    reader = _reader(name, 2, 1, hidden_size, ADDING_STEPS, seed)
    return _learn(reader, _sums(seed), num_steps)._asdict()


def _learn(reader: Reader, batches: Iterator[MemoryBatch], num_steps: int) -> Training:
    """Train as all experiments do except `_clipping`."""
    optimizer = torch.optim.Adam(reader.parameters(), lr=LEARNING_RATE)
    return train(reader, batches, num_steps=num_steps, optimizer=optimizer, clip_norm=CLIP_NORM)


def _clipping(num_steps: int, hidden_size: int, seed: int) -> dict[str, Any]:
    def too_large() -> Reader:
        reader = _reader("RNN", 2, 1, hidden_size, ADDING_STEPS, seed)
        with torch.no_grad():
            reader.recurrence.layers[0][0].fused.weight_hh_l0.mul_(LARGE_WEIGHTS)  # type: ignore[index]
        return reader

    back = gradients_back_in_time(too_large(), next(_sums(seed)))["h"]
    runs = {}
    for name, clip_norm in (("without", None), ("with", CLIP_NORM)):
        reader = too_large()
        runs[name] = train(
            reader,
            _sums(seed),
            num_steps=num_steps,
            # SGD, because Adam normalises the gradient and would hide the effect of its size.
            optimizer=torch.optim.SGD(reader.parameters(), lr=SGD_RATE),
            clip_norm=clip_norm,
        )._asdict()
    # Clipping scales the gradient of the first batch as a whole, hence at each step alike.
    scale = min(CLIP_NORM / runs["without"]["gradient_norms"][0], 1.0)
    back_in_time = {"without": back, "with": [norm * scale for norm in back]}
    return {
        "clip_norm": CLIP_NORM,
        "lr": SGD_RATE,
        "num_steps_long": ADDING_STEPS,
        "back_in_time": back_in_time,
        "runs": runs,
    }


def _sums(seed: int) -> Iterator[MemoryBatch]:
    generator = torch.Generator().manual_seed(seed)
    return endless(partial(adding, ADDING_STEPS, num_sequences=NUM_SEQUENCES, generator=generator))


def main(args: list[str] | None = None) -> None:
    """Run ``python -m pipelines.memory_lab [--delays=[10,100]] …``."""
    parser = option_parser("memory_lab", COMMANDS["memory_lab"].help)
    parser.add_argument("--run", type=str | None, default=None, help="name of the run")
    parser.add_argument("--delays", type=list[int], default=[10, 30, 100, 300, 1000])
    parser.add_argument("--num_steps", type=int, default=700, help="training steps of a recall")
    parser.add_argument("--adding_num_steps", type=int, default=1000, help="of the adding problem")
    parser.add_argument("--hidden_size", type=int, default=64, help="of the LSTM")
    parser.add_argument("--seed", type=int, default=0)
    with one_line_errors():
        options = parse(parser, sys.argv[1:] if args is None else args)
        if not options.delays or min(options.delays) < 1:
            raise InputError(f"--delays={options.delays}: one or more, each of at least 1 step")
        for name in ("num_steps", "adding_num_steps", "hidden_size"):
            if options[name] < 1:
                raise InputError(f"--{name}={options[name]}: at least 1")
        _run(options)


def _run(options: Any) -> None:
    prepare_processor()
    started = time.monotonic()
    folder: Path = create_run(TASK, name_run(TASK, options.run), is_training=True)
    found = run_lab(
        delays=sorted(options.delays),
        num_steps=options.num_steps,
        adding_num_steps=options.adding_num_steps,
        hidden_size=options.hidden_size,
        seed=options.seed,
    )
    found["seconds"] = time.monotonic() - started
    write_whole(folder / "memory.json", json_text(found))
    for name, row in found["recall"]["accuracy"].items():
        told = "  ".join(
            f"{delay}: {share:.2f}"
            for delay, share in zip(found["recall"]["delays"], row, strict=True)
        )
        print(f"{name:12} accuracy by delay   {told}")
    write_whole(folder / "memory.html", memory_page(found))
    print(f"Page: {folder / 'memory.html'}")
