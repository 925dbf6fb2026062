"""The evaluate command: tests a saved model, on other data too, and writes a report."""

import logging
import sys
from pathlib import Path
from typing import Any, Literal

from jsonargparse import ArgumentParser
from pytorch_lightning import Trainer
from pytorch_lightning.utilities.exceptions import MisconfigurationException

from data.files.errors import InputError
from data.files.folders import is_same_path
from pipelines.processes.own_rank import is_first_process
from pipelines.runs.places import refuse_full_places
from pipelines.runs.run_folders import RUNS, create_run, name_run
from pipelines.runtime.commands import COMMANDS
from pipelines.runtime.errors import one_line_errors
from pipelines.runtime.library_warnings import ignore_noise
from pipelines.runtime.options import known_options, option_parser, parse, refused_values
from pipelines.runtime.processor import prepare_processor
from pipelines.tasks.allowed_classes import TRUST_HELP
from pipelines.tasks.checkpoints import data_module, load_task
from pipelines.tasks.kinds import kind_of, tested
from pipelines.tasks.task import Task

log = logging.getLogger(__name__)


def main(args: list[str] | None = None) -> None:
    """``python -m pipelines.evaluate --ckpt=… [--data.path=…]``."""
    ignore_noise()
    with one_line_errors():
        _evaluate(sys.argv[1:] if args is None else args)


def _evaluate(args: list[str]) -> None:
    # The checkpoint determines the data options, so it is loaded before they are parsed.
    known, rest = known_options(args, "ckpt", "task", "trust", "data.path")
    task, ckpt = known.get("task"), known.get("ckpt")
    if task is not None and task not in tested():
        raise InputError(f"--task={task}: give {' or '.join(map(repr, tested()))}")
    if ckpt is None and "--help" not in rest and "-h" not in rest:
        raise InputError(
            "CKPT is missing: name a checkpoint, e.g. CKPT=runs/video/latest/checkpoints/best.ckpt"
        )
    parser = option_parser("evaluate", COMMANDS["evaluate"].help)
    _add_own_arguments(parser)
    parser.add_class_arguments(Trainer, "trainer")
    model = None
    if ckpt is not None:
        model = load_task(ckpt, task=task, trust=known.get("trust"))
        task = model.description["task"]
    data_class = kind_of(task or next(iter(tested()))).data_class
    parser.add_class_arguments(data_class, "data")
    if model is not None:
        # The options of training are the defaults, so that the user need not repeat them.
        before = model.description["data"]
        # Another file may have another format: its options do not carry over.
        own = data_class.file_options
        path = known.get("data.path")
        if path is None or is_same_path(path, before.get("path")):
            own = ()
        parser.set_defaults({f"data.{k}": v for k, v in before.items() if k not in own})
    options = parse(parser, args)
    assert model is not None
    _evaluate_model(model, options, names_data="data.path" in known)


def _add_own_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--ckpt", type=str | None, default=None, help="the checkpoint")
    parser.add_argument(
        "--task",
        type=Literal[tuple(tested())] | None,
        default=None,
        help="refuse a checkpoint of another task",
    )
    parser.add_argument("--trust", type=str | None, default=None, help=TRUST_HELP)
    parser.add_argument("--run", type=str | None, default=None, help="name of the run")
    parser.add_argument(
        "--split",
        type=Literal["train", "val", "test", "all"] | None,
        default=None,
        help="the part to test on; default: all of the data named, or the test part of the data"
        " the model was trained on",
    )


def _evaluate_model(model: Task, options: Any, *, names_data: bool) -> None:
    prepare_processor()
    task = model.description["task"]
    kind = kind_of(task)
    data = data_module(model.description, **vars(options.data))
    data.is_other_source = names_data
    if data.part_record is None:
        log.warning(
            "This checkpoint is from before checkpoints kept what they had learnt from. Whether it has"
            " met the examples that it is tested on cannot be told; train it anew to know."
        )
    refuse_full_places(RUNS / task)
    data.reported_part = options.split or ("all" if names_data else "test")
    name = name_run(task, options.run)
    _ = data.parts  # unreadable data must fail before a run folder is created
    callbacks = options.trainer.callbacks or []
    with refused_values(MisconfigurationException, ValueError, TypeError):
        trainer = Trainer(
            **{
                **vars(options.trainer),
                "callbacks": [*callbacks, *kind.make_callbacks()],
                "logger": False,
                "enable_checkpointing": False,
                "use_distributed_sampler": False,
            }
        )
    trainer.test(model, datamodule=data, verbose=False)
    if trainer.is_global_zero and is_first_process():
        kind.report_test(
            model,
            data,
            folder=create_run(task, name, is_training=False),
            train_seconds=model.description.get("train_seconds", 0.0),
            trained_in=Path(options.ckpt).parent.parent,
        )


if __name__ == "__main__":
    main()
