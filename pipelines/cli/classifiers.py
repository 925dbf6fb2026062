"""The training command of classifiers, which may go on or learn from other models."""

import sys
from collections.abc import Callable
from typing import Any

from pytorch_lightning.cli import LightningArgumentParser

from data.batches.data_module import SequenceDataModule
from data.files.errors import InputError
from models.encoders import backbones  # noqa: F401 - its encoders are known by their names alone
from pipelines.cli.choice import add_choice, with_choice
from pipelines.cli.training import TrainingCLI
from pipelines.predict.teaching import Teachers
from pipelines.tasks.checkpoints import load
from pipelines.tasks.classification import Classification
from pipelines.tasks.kinds import Kind
from pipelines.tasks.text_checkpoints import load_language
from pipelines.training.finetuning import (
    PARTS,
    contents_learnt,
    read_by_others,
)


class ClassifierCLI(TrainingCLI):
    """Trains a classifier; a language model may give it layers, and teachers their answers."""

    model: Classification
    datamodule: SequenceDataModule

    def __init__(self, kind: Kind, args: list[str] | None) -> None:
        #: descriptions of the checkpoints that the classifier starts or learns from
        self.language_model: dict[str, Any] | None = None
        self.teachers: dict[str, dict[str, Any]] = {}
        super().__init__(kind, args)

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Adds teachers, where the data have examples without labels, and tests of texts."""
        super().add_arguments_to_parser(parser)
        add_choice(parser)
        if self.kind.data_class.source_column == "text":
            parser.add_argument(
                "--behaviour",
                type=bool,
                default=True,
                help="report the answers to behaviour tests too, where they fit the data",
            )
        if self.kind.data_class.has_unlabelled:
            parser.add_argument(
                "--teachers",
                type=list[str],
                default=[],
                help="checkpoints of classifiers whose answers to data.unlabelled are learnt too",
            )

    def parse_arguments(self, parser: LightningArgumentParser, args: Any) -> None:
        """Parse the options; where they leave the recipe to the data, with the one that is chosen."""

        def parse(some: list[str]) -> Any:
            super(ClassifierCLI, self).parse_arguments(parser, some)
            return self.config

        parse(with_choice(self.kind, sys.argv[1:] if args is None else list(args), parse))

    def before_instantiate_classes(self) -> None:
        """Refuse what contradicts itself; take over what a language model brings."""
        for path in self.config.get("teachers") or []:
            teacher = load(path, task=self.kind.name, option="--teachers", trust=self.config.trust)
            self.teachers[path] = teacher.description
        if self.config.model.pretrained is not None:
            self._go_on_from(self.config.model.pretrained)
        super().before_instantiate_classes()

    def _go_on_from(self, language_model: str) -> None:
        """Its tokenizer, and an encoder and a recurrence of its sizes."""
        if "num_tokens" not in self.kind.data_class.linked:
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
            self.take_layers(self.config.model[part], description["model"][part])
        self.config.data.tokenizer_from = language_model

    def report_options(self) -> dict[str, Any]:
        """Leave the behaviour tests out where they are not wanted, or a run is only tried out."""
        wanted = self.config.get("behaviour", True)
        return {"behaviour": wanted and not self.config.trainer.fast_dev_run}

    def prepare(self) -> Callable[[], dict[str, Any]]:
        """Let teachers answer; tell what models that this one builds on have read of the test."""
        if not self.kind.data_class.has_unlabelled:
            return super().prepare()
        found: dict[str, Any] = {}
        others = [*filter(None, [self.language_model]), *self.teachers.values()]
        about = self.model.description
        about["inputs"]["contents"] = contents_learnt([about, *others])
        if self.trainer.is_global_zero:
            found = read_by_others(self.datamodule, self.language_model, self.teachers)
        if not self.teachers:
            return lambda: found
        teachers = Teachers(list(self.teachers), trust=self.config.trust)
        self.trainer.callbacks.insert(0, teachers)  # type: ignore[attr-defined]
        if not self.trainer.is_global_zero:
            return dict
        told = found["teachers"]
        return lambda: {**found, "teachers": {**told, "unanswered": teachers.num_unanswered}}
