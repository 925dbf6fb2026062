"""The training commands: options from YAML and the command line, then fit, test and report."""

import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from pytorch_lightning import Trainer
from pytorch_lightning.callbacks import EarlyStopping
from pytorch_lightning.cli import LightningArgumentParser, LightningCLI
from pytorch_lightning.plugins.io import TorchCheckpointIO
from pytorch_lightning.utilities.exceptions import MisconfigurationException

from data.files.atomic_write import write_whole
from data.files.checkpoint import read_tensors
from data.files.errors import InputError
from models.encoders import backbones  # noqa: F401 - its encoders are known by their names alone
from pipelines.cli.going_on import (
    CONFIG,
    command_to_go_on,
    keep_curves,
    options_of_run,
    refuse_finished,
)
from pipelines.cli.resuming import Resumption, check_resumable
from pipelines.processes.own_rank import is_first_process
from pipelines.processes.rank_watch import watch_ranks
from pipelines.processes.signals import held_back_signals
from pipelines.recipes import in_new_places, recipe
from pipelines.recipes.former_options import (
    add_former_options,
    translate_options,
    without_former_parts,
)
from pipelines.runs.places import refuse_full_places
from pipelines.runs.run_folders import RUNS, create_run, name_run
from pipelines.runtime.commands import COMMANDS
from pipelines.runtime.errors import one_line_errors
from pipelines.runtime.library_warnings import ignore_noise
from pipelines.runtime.options import parse, parser_settings, refused_values
from pipelines.runtime.processor import prepare_processor
from pipelines.runtime.yaml_texts import guard_options
from pipelines.tasks.allowed_classes import TRUST_HELP
from pipelines.tasks.blueprint import refuse_unbuildable
from pipelines.tasks.checkpoints import UNUSED, describe
from pipelines.tasks.kinds import Kind, kind_of
from pipelines.training.averaging import refuse_averaged_buffers
from pipelines.training.checkpoint_files import WholeCheckpointIO
from pipelines.training.divergence import FiniteCheckpoint, FiniteLoss
from pipelines.training.finetuning import same_layers
from pipelines.training.last_checkpoint import NAME, LastCheckpoint
from pipelines.training.waiting import WaitingTime

log = logging.getLogger(__name__)

# Numbers by which Lightning divides: whatever is lower would end the run in the middle.
_AT_LEAST_ONE = ("accumulate_grad_batches", "check_val_every_n_epoch")
_MOST_SEED = 2**32 - 1


class TrainingCLI(LightningCLI):
    """LightningCLI that names the run and puts its files where they belong: what all tasks share.

    Args:
        kind: what is trained, and on what; its name is that of its folder in ``runs``.
        args: command-line options; None takes sys.argv.
    """

    def __init__(self, kind: Kind, args: list[str] | None) -> None:
        self.kind, self.waiting = kind, WaitingTime()
        callbacks = kind.make_callbacks()
        super().__init__(
            kind.task_class,
            kind.data_class,
            run=False,
            args=None if args is None else without_former_parts(in_new_places(args)),
            save_config_callback=None,
            auto_configure_optimizers=False,
            load_from_checkpoint_support=False,
            seed_everything_default=0,
            trainer_defaults={"callbacks": callbacks} if callbacks else None,
            parser_kwargs=parser_settings(
                kind.name,
                COMMANDS[kind.name].help if kind.name in COMMANDS else "train, test, report",
            ),
        )

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """The options that are ours, and what one part of the program tells another."""
        parser.add_argument("--run", type=str | None, default=None, help="name of the run")
        parser.add_argument(
            "--ckpt_path",
            type=str | None,
            default=None,
            help="checkpoint to go on from, in a new run",
        )
        parser.add_argument(
            "--resume",
            type=bool,
            default=False,
            help="go on with the run of that name, in its folder",
        )
        parser.add_argument(
            "--checkpoint_minutes",
            type=float,
            default=5.0,
            help="the most minutes that a kill can lose; 0: an epoch",
        )
        parser.add_lightning_class_args(EarlyStopping, "early_stopping")
        parser.add_lightning_class_args(FiniteCheckpoint, "checkpoint")
        parser.add_argument("--trust", type=str | None, default=None, help=TRUST_HELP)
        add_former_options(parser, self.kind.task_class)
        parser.link_arguments("seed_everything", "data.seed", compute_fn=int)
        for name, targets in self.kind.data_class.linked.items():
            for target in targets:
                parser.link_arguments(f"data.{name}", target, apply_on="instantiate")

    def parse_arguments(self, parser: LightningArgumentParser, args: Any) -> None:
        """Parse the options; a mistake is one line, without the usage of 300 options."""
        self.config = parse(parser, args)
        translate_options(self.config, self.kind.task_class)
        for part in ("trainer", "model", "data", "checkpoint", "early_stopping"):
            if not hasattr(self.config[part], "as_dict"):
                raise InputError(f"--{part}: name its options, or leave it out")
        seed = self.config.seed_everything
        if not 0 <= seed <= _MOST_SEED:
            raise InputError(f"--seed_everything={seed}: from 0 to {_MOST_SEED}")
        for name in _AT_LEAST_ONE:
            if (number := self.config.trainer[name]) is not None and number < 1:
                raise InputError(f"--trainer.{name}={number}: 1 or more")

    def before_instantiate_classes(self) -> None:
        """Name the run, and send checkpoints and logs to its folder."""
        prepare_processor()
        if not self.config.checkpoint_minutes >= 0:
            raise InputError(
                f"--checkpoint_minutes={self.config.checkpoint_minutes}: 0 (the ends of epochs alone) or"
                " more"
            )
        self.folder = self.choose_folder()
        self.config.checkpoint.dirpath = str(self.folder / "checkpoints")
        # Lightning's is the last of the best; see `LastCheckpoint`.
        self.config.checkpoint.save_last = False
        self.checkpoint = self.config.ckpt_path
        if self.config.resume:
            self.checkpoint = str(self.folder / "checkpoints" / NAME)
        self._logger_asked = self.config.trainer.logger
        if self._logger_asked in (None, True):
            place = {"save_dir": str(self.folder.parent), "name": "", "version": self.folder.name}
            # Written with each epoch, and not at the end alone, which a run may not come to.
            loggers = {"CSVLogger": {"flush_logs_every_n_steps": 1}, "TensorBoardLogger": {}}
            self.config.trainer.logger = [
                {"class_path": f"pytorch_lightning.loggers.{kind}", "init_args": place | options}
                for kind, options in loggers.items()
            ]

    def instantiate_classes(self) -> None:
        """Make the trainer, the data and the model; a value that one refuses is one line."""
        # A null in YAML passes the parser, whatever the type of its option.
        with refused_values(MisconfigurationException, ValueError, RuntimeError, TypeError):
            super().instantiate_classes()

    def choose_folder(self) -> Path:
        """The folder of the run; its name is new, unless the run goes on."""
        name = name_run(self.kind.name, self.config.run, is_new=not self.config.resume)
        return RUNS / self.kind.name / name

    @staticmethod
    def take_layers(chosen: Any, pretrained: dict[str, Any]) -> None:
        """Give an option of a class the class and the sizes of a pretrained model's (`same_layers`)."""
        taken = same_layers(chosen.as_dict(), pretrained)
        chosen.class_path = taken["class_path"]
        for name in set(chosen.init_args.as_dict()) - set(taken["init_args"]) - {"num_tokens"}:
            chosen.init_args.pop(name)  # an option of another class
        for name, value in taken["init_args"].items():
            chosen.init_args[name] = value

    def plain_config(self) -> dict[str, Any]:
        """The parsed options as plain values."""
        plain = yaml.safe_load(self.parser.dump(self.config, skip_none=False))
        if self._logger_asked in (None, True):
            plain["trainer"]["logger"] = self._logger_asked
        # It says how the run was begun this time, and not how to begin it.
        return plain | {"resume": False}

    def run(self) -> None:
        """Train, test the best checkpoint, and report."""
        watch_ranks(self.trainer)
        refuse_averaged_buffers(self.trainer)
        self.check_checkpoints()
        self.create_run()
        found = self.prepare()
        self.fit()
        self.test()
        self.kind.write_report(
            self.model,
            self.datamodule,
            folder=self.folder,
            fit_baselines=not self.config.trainer.fast_dev_run,
            extra={"wait_share": self.waiting.share} | found(),
            **self.report_options(),
        )

    def report_options(self) -> dict[str, Any]:
        """Collect further options of the kind's report."""
        return {}

    def prepare(self) -> Callable[[], dict[str, Any]]:
        """Do what comes before training → what gives, after it, further keys of the report."""
        return dict

    def check_checkpoints(self) -> None:
        """See that this run's checkpoints can be read again, and that the one to resume from fits."""
        description = describe(self.kind, self.plain_config(), self.datamodule)
        self.model.description = description
        foreign = refuse_unbuildable(type(self.model), description["model"], unused=UNUSED)
        if foreign is not None and is_first_process():
            log.warning("Checkpoints of this run need --trust where they are read: %s", foreign)
        if self.config.resume and is_first_process():
            refuse_finished(self.folder, self.plain_config())
        if self.checkpoint is not None:
            check_resumable(self.checkpoint, self.model, about=description)

    def create_run(self) -> None:
        """Make the run's folder and keep its options there."""
        if not is_first_process():
            return
        refuse_full_places(self.folder.parent)
        if self.config.resume:
            steps = read_tensors(self.checkpoint, where=str(self.checkpoint))["global_step"]
            keep_curves(self.trainer.loggers, before_step=steps)
        else:
            self.make_folder()
        write_whole(self.folder / CONFIG, yaml.safe_dump(self.plain_config(), sort_keys=False))

    def make_folder(self) -> None:
        """Make the folder of the run."""
        create_run(self.kind.name, self.folder.name, is_training=True)

    def fit(self) -> None:
        """Train."""
        trainer: Trainer = self.trainer
        resumption = Resumption()
        callbacks: list[Any] = trainer.callbacks  # type: ignore[attr-defined]
        callbacks[:0] = [FiniteLoss(), resumption]
        if trainer.checkpoint_callback is not None:
            last = LastCheckpoint(
                self.folder / "checkpoints",
                minutes=self.config.checkpoint_minutes,
                advice=command_to_go_on(self.kind.name, self.run_name),
            )
            # After the best one, of which it tells.
            callbacks.append(last)
        # The last of all, or what others do at the end of a step would count as waiting.
        callbacks.append(self.waiting)
        if type(trainer.strategy.checkpoint_io) is TorchCheckpointIO:
            trainer.strategy.checkpoint_io = WholeCheckpointIO()
        self.model.start_clock()
        with resumption.one_line_errors(), held_back_signals():
            trainer.fit(
                self.model, datamodule=self.datamodule, ckpt_path=self.checkpoint,
                weights_only=True,
            )  # fmt: skip

    @property
    def run_name(self) -> str:
        """The name by which the run is gone on with."""
        return self.folder.name

    def test(self) -> None:
        """Test the best checkpoint."""
        trainer: Trainer = self.trainer
        best = getattr(trainer.checkpoint_callback, "best_model_path", "")
        if best and Path(best).resolve().parent != (self.folder / "checkpoints").resolve():
            check_resumable(best, self.model, about=self.model.description)
        trainer.test(
            self.model, datamodule=self.datamodule, ckpt_path=best or None, weights_only=True,
            verbose=False,
        )  # fmt: skip


def train(name: str, args: list[str] | None = None) -> None:
    """Train, test the best checkpoint, and report: what ``make train-<kind>`` runs.

    Args:
        name: of the kind (see `pipelines.tasks.kinds`).
        args: command-line options after the defaults of its recipe; None takes sys.argv.
    """
    ignore_noise()
    with one_line_errors(), refused_values(MisconfigurationException):
        kind = kind_of(name)
        typed = options_of_run(name, sys.argv[1:] if args is None else args)
        options = recipe(kind.recipe) + typed
        guard_options(options)
        kind.command_class(kind, options).run()
