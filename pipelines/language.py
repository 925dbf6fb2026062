"""``python -m pipelines.language``: train a language model, test and report; see language.yaml."""

import sys
from functools import partial

from pytorch_lightning.cli import LightningArgumentParser

from data.running_text.data_module import LanguageDataModule
from pipelines.cli import TrainingCLI, defaults
from pipelines.report.language_page import glance, language_page
from pipelines.report.language_report import as_text, language_figures, write_language_report
from pipelines.runtime.errors import one_line_errors
from pipelines.runtime.library_warnings import ignore_noise
from pipelines.tasks.language_checkpoints import TASK, UNUSED, describe_language
from pipelines.tasks.next_token import LanguageTask


class LanguageCLI(TrainingCLI):
    """The command that trains a language model."""

    model: LanguageTask
    datamodule: LanguageDataModule

    def __init__(self, args: list[str]) -> None:
        super().__init__(
            TASK,
            LanguageTask,
            LanguageDataModule,
            args,
            description="Train a language model, test it and report.",
        )

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Links the size of the vocabulary."""
        super().add_arguments_to_parser(parser)
        for option in ("model.num_tokens", "model.encoder.init_args.num_tokens"):
            parser.link_arguments("data.num_tokens", option, apply_on="instantiate")


def train_language(args: list[str] | None = None) -> None:
    """Train, test the best checkpoint, and report: what ``make train-language`` runs.

    Args:
        args: command-line options after the defaults of ``language.yaml``; None takes sys.argv.
    """
    ignore_noise()
    with one_line_errors():
        _run(LanguageCLI(defaults(TASK) + (sys.argv[1:] if args is None else args)))


def _run(cli: LanguageCLI) -> None:
    description = describe_language(cli.plain_config(), cli.datamodule)
    cli.check_checkpoints(description, unused=UNUSED)
    cli.create_run()
    train_seconds = cli.fit_and_test()
    if cli.trainer.is_global_zero:
        report = language_figures(
            cli.datamodule,
            loss=float(cli.trainer.callback_metrics["test/loss"]),
            train_seconds=train_seconds,
            trained_tokens=cli.model.num_trained_tokens * cli.trainer.world_size,
            fit_baselines=not cli.config.trainer.fast_dev_run,
        )
        print(as_text(report))
        page = partial(
            language_page,
            report,
            look=partial(glance, cli.model.model, cli.datamodule),
            history_file=cli.folder / "metrics.csv",
        )
        write_language_report(cli.folder / "report", report, page=page)
        print(f"Report: {cli.folder / 'report' / 'report.html'}")


if __name__ == "__main__":
    train_language()
