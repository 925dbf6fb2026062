"""The training commands: options from YAML and the command line, then fit, test and report."""

import sys
import time
from argparse import ArgumentError
from pathlib import Path
from typing import Any

import torch
import yaml
from pytorch_lightning.callbacks import EarlyStopping, ModelCheckpoint
from pytorch_lightning.cli import LightningArgumentParser, LightningCLI

from data.errors import InputError
from data.module import SequenceDataModule
from models import backbones  # noqa: F401 - so that its encoders are known by their names alone
from pipelines.checkpoints import DATA_MODULES, describe
from pipelines.classify import SequenceClassifier
from pipelines.cores import LeaveCores
from pipelines.errors import one_line_errors
from pipelines.evaluate import report_test
from pipelines.features import FeatureCache
from pipelines.quiet import ignore_noise
from pipelines.runs import RUNS, create_run, is_first_process, name_run
from pipelines.waiting import WaitingTime


class TrainingCLI(LightningCLI):
    """LightningCLI that links sizes, names the run and puts its files where they belong."""

    model: SequenceClassifier
    datamodule: SequenceDataModule

    def __init__(self, task: str, args: list[str] | None) -> None:
        self.task = task
        super().__init__(
            SequenceClassifier,
            DATA_MODULES[task],
            run=False,
            args=args,
            save_config_callback=None,
            auto_configure_optimizers=False,
            load_from_checkpoint_support=False,
            seed_everything_default=0,
            trainer_defaults={"callbacks": [FeatureCache(), LeaveCores()]},
            parser_kwargs={
                "description": f"Train a {task} classifier, test it and report.",
                "exit_on_error": False,
            },
        )

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """The options that are ours, and what one part of the program tells another."""
        parser.add_argument("--run", type=str | None, default=None, help="name of the run")
        parser.add_argument(
            "--ckpt_path", type=str | None, default=None, help="checkpoint to resume from"
        )
        parser.add_lightning_class_args(EarlyStopping, "early_stopping")
        parser.add_lightning_class_args(ModelCheckpoint, "checkpoint")
        parser.link_arguments("seed_everything", "data.seed", compute_fn=int)
        parser.link_arguments("data.classes", "model.classes", apply_on="instantiate")
        if self.task == "sentiment":
            parser.link_arguments(
                "data.num_tokens", "model.encoder.init_args.num_tokens", apply_on="instantiate"
            )

    def parse_arguments(self, parser: LightningArgumentParser, args: Any) -> None:
        """What cannot be parsed is the user's mistake: one line, without the usage of 300 options."""
        try:
            self.config = parser.parse_args(args)
        except ArgumentError as error:
            raise InputError(f"{error}; --help lists what is allowed") from error

    def before_instantiate_classes(self) -> None:
        """Name the run, and send checkpoints and logs to its folder."""
        if self.config.data.balance and self.config.model.class_weights == "balanced":
            raise InputError(
                "--model.class_weights=balanced and --data.balance=true each make up for rare"
                " classes, together they overdo it; choose one"
            )
        # MXCSR is inherited by the threads a thread starts: before the first computation.
        torch.set_flush_denormal(True)
        self.run_name = name_run(self.task, self.config.run)
        self.folder = RUNS / self.task / self.run_name
        self.config.checkpoint.dirpath = str(self.folder / "checkpoints")
        if self.config.trainer.logger in (None, True):
            place = {"save_dir": str(RUNS / self.task), "name": "", "version": self.run_name}
            self.config.trainer.logger = [
                {"class_path": f"pytorch_lightning.loggers.{kind}", "init_args": dict(place)}
                for kind in ("CSVLogger", "TensorBoardLogger")
            ]

    def plain_config(self) -> dict[str, Any]:
        """The parsed options as plain values."""
        return yaml.safe_load(self.parser.dump(self.config, skip_none=False))


def train(task: str, args: list[str] | None = None) -> None:
    """Train, test the best checkpoint, and report: what ``make train-<task>`` runs.

    Args:
        task: ``video`` or ``sentiment``.
        args: command-line options after the defaults of ``<task>.yaml``; None takes sys.argv.
    """
    defaults = ["--config", str(Path(__file__).with_name(f"{task}.yaml"))]
    ignore_noise()
    with one_line_errors():
        cli = TrainingCLI(task, defaults + (sys.argv[1:] if args is None else args))
        _run(cli)


def _run(cli: TrainingCLI) -> None:
    trainer, model, data = cli.trainer, cli.model, cli.datamodule
    config = cli.plain_config()
    model.description = describe(cli.task, config, data)
    if is_first_process():
        create_run(cli.task, cli.run_name, is_training=True)
        (cli.folder / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
    # The last callback of all, or what the others do at the end of a step would count as waiting.
    waiting = WaitingTime()
    trainer.callbacks.append(waiting)  # type: ignore[attr-defined]
    started = time.monotonic()
    trainer.fit(model, datamodule=data, ckpt_path=cli.config.ckpt_path, weights_only=True)
    train_seconds = time.monotonic() - started
    best = getattr(trainer.checkpoint_callback, "best_model_path", "")
    trainer.test(model, datamodule=data, ckpt_path=best or None, weights_only=True, verbose=False)
    if trainer.is_global_zero:
        report_test(
            model,
            data,
            folder=cli.folder,
            train_seconds=train_seconds,
            fit_baselines=not cli.config.trainer.fast_dev_run,
            extra={"wait_share": waiting.share},
        )
