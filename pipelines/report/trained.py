"""The report of a run that was just trained and tested: one function for each kind of answer."""

from functools import partial
from pathlib import Path
from typing import Any

from data.batches.data_module import SequenceDataModule
from data.running_text.data_module import LanguageDataModule
from pipelines.report.callback import report_test
from pipelines.report.fitted_baselines import learnt_from
from pipelines.report.language_page import glance, language_page
from pipelines.report.language_report import as_text, language_figures, write_language_report
from pipelines.tasks.classification import Classification
from pipelines.tasks.next_token import NextToken


def report_classifier(
    model: Classification,
    data: SequenceDataModule,
    *,
    folder: Path,
    fit_baselines: bool,
    extra: dict[str, Any],
) -> None:
    """Write ``folder/report`` and print its summary, on the first rank; all ranks call it.

    Args:
        model: holds the answers of the test.
        data: what it was trained and tested on.
        folder: the run's.
        fit_baselines: fit the baselines on the training part.
        extra: further keys of the report.
    """
    learnt = learnt_from(model, data, model.trainer) if fit_baselines else None
    if not model.trainer.is_global_zero:
        return
    report_test(
        model,
        data,
        folder=folder,
        train_seconds=model.train_seconds,
        learnt=learnt,
        extra=extra,
    )


def report_language_model(
    model: NextToken,
    data: LanguageDataModule,
    *,
    folder: Path,
    fit_baselines: bool,
    extra: dict[str, Any],
) -> None:
    """As `report_classifier`; ``extra`` is not told."""
    if not model.trainer.is_global_zero:
        return
    report = language_figures(
        data,
        loss=float(model.trainer.callback_metrics["test/loss"]),
        train_seconds=model.train_seconds,
        trained_tokens=model.num_trained_tokens * model.trainer.world_size,
        fit_baselines=fit_baselines,
    )
    print(as_text(report))
    page = partial(
        language_page,
        report,
        look=partial(glance, model.model, data),
        history_file=folder / "metrics.csv",
    )
    write_language_report(folder / "report", report, page=page)
    print(f"Report: {folder / 'report' / 'report.html'}")
