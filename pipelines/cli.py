"""The training commands: options from YAML and the command line, then fit, test and report."""

import logging
import sys
import time
from collections.abc import Collection
from pathlib import Path
from typing import Any

import yaml
from pytorch_lightning import LightningDataModule, LightningModule, Trainer
from pytorch_lightning.callbacks import EarlyStopping
from pytorch_lightning.cli import LightningArgumentParser, LightningCLI

from data.batches.data_module import SequenceDataModule
from data.files.errors import InputError
from data.text.data_module import TextDataModule
from models.encoders import backbones  # noqa: F401 - its encoders are known by their names alone
from pipelines.commands import COMMANDS
from pipelines.predict.teaching import Teachers
from pipelines.recipes import in_new_places, recipe
from pipelines.report.callback import report_test
from pipelines.runtime.cores import LeaveCores
from pipelines.runtime.errors import one_line_errors
from pipelines.runtime.library_warnings import ignore_noise
from pipelines.runtime.options import parse, parser_settings
from pipelines.runtime.processor import prepare_processor
from pipelines.runtime.run_folders import RUNS, create_run, is_first_process, name_run
from pipelines.tasks.allowed_classes import TRUST_HELP
from pipelines.tasks.blueprint import refuse_unbuildable
from pipelines.tasks.checkpoints import DATA_MODULES, UNUSED, describe, load
from pipelines.tasks.classification import SequenceClassifier
from pipelines.tasks.features import FeatureCache
from pipelines.tasks.language_checkpoints import load_language
from pipelines.tasks.resuming import Resumption, check_resumable
from pipelines.training.averaging import refuse_averaged_buffers
from pipelines.training.divergence import FiniteCheckpoint, FiniteLoss
from pipelines.training.finetuning import (
    PARTS,
    contents_learnt,
    read_by_others,
    same_layers,
)
from pipelines.training.waiting import WaitingTime

log = logging.getLogger(__name__)


class TrainingCLI(LightningCLI):
    """LightningCLI that names the run and puts its files where they belong: what all tasks share.

    Args:
        task: its name, and that of its folder in ``runs``.
        model_class: has an attribute ``description``, which its checkpoints keep.
        data_class: where its data come from.
        args: command-line options; None takes sys.argv.
        description: the first line of ``--help``.
        trainer_defaults: as `LightningCLI` takes them.
    """

    def __init__(
        self,
        task: str,
        model_class: type[LightningModule],
        data_class: type[LightningDataModule],
        args: list[str] | None,
        *,
        description: str,
        trainer_defaults: dict[str, Any] | None = None,
    ) -> None:
        self.task = task
        super().__init__(
            model_class,
            data_class,
            run=False,
            args=None if args is None else in_new_places(args),
            save_config_callback=None,
            auto_configure_optimizers=False,
            load_from_checkpoint_support=False,
            seed_everything_default=0,
            trainer_defaults=trainer_defaults,
            parser_kwargs=parser_settings(task, description),
        )

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """The options that are ours, and what one part of the program tells another."""
        parser.add_argument("--run", type=str | None, default=None, help="name of the run")
        parser.add_argument(
            "--ckpt_path", type=str | None, default=None, help="checkpoint to resume from"
        )
        parser.add_lightning_class_args(EarlyStopping, "early_stopping")
        parser.add_lightning_class_args(FiniteCheckpoint, "checkpoint")
        parser.add_argument("--trust", type=str | None, default=None, help=TRUST_HELP)
        parser.link_arguments("seed_everything", "data.seed", compute_fn=int)

    def parse_arguments(self, parser: LightningArgumentParser, args: Any) -> None:
        """What cannot be parsed is the user's mistake: one line, without the usage of 300 options."""
        self.config = parse(parser, args)

    def before_instantiate_classes(self) -> None:
        """Name the run, and send checkpoints and logs to its folder."""
        prepare_processor()
        self.run_name = name_run(self.task, self.config.run)
        self.folder = RUNS / self.task / self.run_name
        self.config.checkpoint.dirpath = str(self.folder / "checkpoints")
        if self.config.trainer.logger in (None, True):
            place = {"save_dir": str(RUNS / self.task), "name": "", "version": self.run_name}
            # Written with each epoch, and not at the end alone, which a run may not come to.
            loggers = {"CSVLogger": {"flush_logs_every_n_steps": 1}, "TensorBoardLogger": {}}
            self.config.trainer.logger = [
                {"class_path": f"pytorch_lightning.loggers.{kind}", "init_args": place | options}
                for kind, options in loggers.items()
            ]

    def plain_config(self) -> dict[str, Any]:
        """The parsed options as plain values."""
        return yaml.safe_load(self.parser.dump(self.config, skip_none=False))

    def check_checkpoints(self, description: dict[str, Any], *, unused: Collection[str]) -> None:
        """See that this run's checkpoints can be read again, and that the one to resume from fits.

        Args:
            description: what they will say of themselves.
            unused: options that nobody needs to read them.
        """
        self.model.description = description
        foreign = refuse_unbuildable(type(self.model), description["model"], unused=unused)
        if foreign is not None and is_first_process():
            log.warning("Checkpoints of this run need --trust where they are read: %s", foreign)
        if self.config.ckpt_path is not None:
            check_resumable(self.config.ckpt_path, self.model, about=description)

    def create_run(self) -> None:
        """Make the run's folder and keep its options there."""
        if is_first_process():
            create_run(self.task, self.run_name, is_training=True)
            text = yaml.safe_dump(self.plain_config(), sort_keys=False)
            (self.folder / "config.yaml").write_text(text)

    def fit_and_test(self) -> float:
        """Train, then test the best checkpoint → seconds of training."""
        trainer: Trainer = self.trainer
        resumption = Resumption()
        trainer.callbacks[:0] = [FiniteLoss(), resumption]  # type: ignore[attr-defined]
        started = time.monotonic()
        with resumption.one_line_errors():
            trainer.fit(
                self.model, datamodule=self.datamodule, ckpt_path=self.config.ckpt_path,
                weights_only=True,
            )  # fmt: skip
        train_seconds = time.monotonic() - started
        best = getattr(trainer.checkpoint_callback, "best_model_path", "")
        if best and Path(best).resolve().parent != (self.folder / "checkpoints").resolve():
            check_resumable(best, self.model, about=self.model.description)
        trainer.test(
            self.model, datamodule=self.datamodule, ckpt_path=best or None, weights_only=True,
            verbose=False,
        )  # fmt: skip
        return train_seconds


class ClassifierCLI(TrainingCLI):
    """The command that trains a classifier of clips or of texts."""

    model: SequenceClassifier
    datamodule: SequenceDataModule

    def __init__(self, task: str, args: list[str] | None) -> None:
        #: what checkpoints say of themselves that the classifier goes on or learns from
        self.language_model: dict[str, Any] | None = None
        self.teachers: dict[str, dict[str, Any]] = {}
        super().__init__(
            task,
            SequenceClassifier,
            DATA_MODULES[task],
            args,
            description=COMMANDS[task].help,
            trainer_defaults={"callbacks": [FeatureCache(), LeaveCores()]},
        )

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Links sizes and classes."""
        super().add_arguments_to_parser(parser)
        parser.link_arguments("data.classes", "model.classes", apply_on="instantiate")
        if self.task == "sentiment":
            parser.link_arguments(
                "data.num_tokens", "model.encoder.init_args.num_tokens", apply_on="instantiate"
            )
            parser.add_argument(
                "--teachers",
                type=list[str],
                default=[],
                help="checkpoints of classifiers whose answers to data.unlabelled are learnt too",
            )

    def before_instantiate_classes(self) -> None:
        """Refuse what contradicts itself; take over what a language model brings."""
        if self.config.data.balance and self.config.model.class_weights == "balanced":
            raise InputError(
                "--model.class_weights=balanced and --data.balance=true each make up for rare"
                " classes, together they overdo it; choose one"
            )
        for path in self.config.get("teachers") or []:  # clips always have a label
            teacher = load(path, task="sentiment", option="--teachers", trust=self.config.trust)
            self.teachers[path] = teacher.description
        if self.config.data.balance and self.teachers:
            raise InputError(
                "--data.balance=true: what --teachers answer has no classes to balance; drop one"
            )
        if self.config.model.pretrained is not None:
            self._go_on_from(self.config.model.pretrained)
        super().before_instantiate_classes()

    def _go_on_from(self, language_model: str) -> None:
        """Its tokenizer, and an encoder and a recurrence of its sizes."""
        if self.task != "sentiment":
            raise InputError(
                f"--model.pretrained={language_model}: a language model reads text; `train-video`"
                " takes encoders that know pictures, such as --model.encoder=EfficientNetLite0"
            )
        # Built once, so that what the options take over of it is known to be harmless.
        description = load_language(
            language_model, option="--model.pretrained", trust=self.config.trust
        ).description
        self.language_model = description
        for part in PARTS:
            chosen = self.config.model[part]
            taken = same_layers(chosen.as_dict(), description["model"][part])
            chosen.class_path = taken["class_path"]
            for name in set(chosen.init_args.as_dict()) - set(taken["init_args"]) - {"num_tokens"}:
                chosen.init_args.pop(name)  # an option of another class
            for name, value in taken["init_args"].items():
                chosen.init_args[name] = value
        self.config.data.tokenizer_from = language_model
        self.config.data.ngrams = 1  # a language model reads token by token


def defaults(task: str) -> list[str]:
    """The options that read the task's defaults, ``recipes/<task>.yaml``."""
    return recipe(task)


def train(task: str, args: list[str] | None = None) -> None:
    """Train, test the best checkpoint, and report: what ``make train-<task>`` runs.

    Args:
        task: ``video`` or ``sentiment``.
        args: command-line options after the defaults of ``recipes/<task>.yaml``; None takes sys.argv.
    """
    ignore_noise()
    with one_line_errors():
        _run(ClassifierCLI(task, defaults(task) + (sys.argv[1:] if args is None else args)))


def _run(cli: ClassifierCLI) -> None:
    refuse_averaged_buffers(cli.trainer)
    cli.check_checkpoints(describe(cli.task, cli.plain_config(), cli.datamodule), unused=UNUSED)
    cli.create_run()
    # The last callback of all, or what the others do at the end of a step would count as waiting.
    waiting = WaitingTime()
    cli.trainer.callbacks.append(waiting)  # type: ignore[attr-defined]
    found: dict[str, Any] = {}
    if cli.teachers:
        teachers = Teachers(list(cli.teachers), trust=cli.config.trust)
        cli.trainer.callbacks.insert(0, teachers)  # type: ignore[attr-defined]
    if isinstance(cli.datamodule, TextDataModule):
        others = [*filter(None, [cli.language_model]), *cli.teachers.values()]
        about = cli.model.description
        about["inputs"]["contents"] = contents_learnt([about, *others])
        if cli.trainer.is_global_zero:
            found = read_by_others(cli.datamodule, cli.language_model, cli.teachers)
    train_seconds = cli.fit_and_test()
    if cli.trainer.is_global_zero:
        if cli.teachers:
            found["teachers"]["unanswered"] = teachers.num_unanswered
        report_test(
            cli.model,
            cli.datamodule,
            folder=cli.folder,
            train_seconds=train_seconds,
            fit_baselines=not cli.config.trainer.fast_dev_run,
            extra={"wait_share": waiting.share} | found,
        )
