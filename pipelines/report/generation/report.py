"""The report of a model that writes: its files, and its figures as text."""

from functools import partial
from pathlib import Path
from typing import Any

from data.translation.data_module import TranslationDataModule
from pipelines.report.generation.outcome import (
    Outcome,
    generation_figures,
    outcome_of,
    warnings_of,
)
from pipelines.report.generation.page import generation_page
from pipelines.report.generation.shared import write_report
from pipelines.report.generation.without_attention import answers_without_attention
from pipelines.runtime.escaping import csv_text, printable
from pipelines.tasks.generation import Generation


def report_generation(
    model: Generation,
    data: TranslationDataModule,
    *,
    folder: Path,
    fit_baselines: bool,
    extra: dict[str, Any],
) -> None:
    """Report a translator; see `report_classifier`."""
    if not model.trainer.is_global_zero:
        return
    known = data.parts["train"] if fit_baselines else None
    outcome = outcome_of(model.answers, data)
    report = generation_figures(
        outcome,
        data,
        train_seconds=model.train_seconds,
        known=known,
        others=answers_without_attention(folder, outcome.sources),
    )
    _write(report | extra, outcome, folder=folder, history_file=folder / "metrics.csv")


def report_generation_test(
    model: Generation,
    data: TranslationDataModule,
    *,
    folder: Path,
    train_seconds: float,
    trained_in: Path,
) -> None:
    """Report a later test of a translator, on the first rank; see `report_test`."""
    outcome = outcome_of(model.answers, data)
    report = generation_figures(
        outcome,
        data,
        train_seconds=train_seconds,
        known=None,
        others=answers_without_attention(trained_in, outcome.sources),
    )
    history_file = trained_in / "metrics.csv"
    _write(report, outcome, folder=folder, history_file=history_file)


def _write(report: dict[str, Any], outcome: Outcome, *, folder: Path, history_file: Path) -> None:
    write_report(
        report,
        folder=folder,
        text=as_text(report),
        predictions=predictions(outcome),
        page=partial(generation_page, report, outcome, history_file=history_file),
    )


def as_text(report: dict[str, Any]) -> str:
    """A table of the model and its baselines, and what else one should know, for people."""
    low, high = report["bleu_interval"]
    lines = [
        f"{report['data']}, part '{report['split']}': {report['num_examples']:,} pairs, learnt from"
        f" {report['train_examples']:,}",
        "",
        f"{'':28}{'BLEU':>8}{'lower case':>12}{'chrF':>8}{'exact':>8}",
    ]
    for name, row in [("this model", report), *report["baselines"].items()]:
        lines.append(
            f"{name:28}{row['bleu']:>8.2f}{row['bleu_lowercased']:>12.2f}{row['chrf']:>8.2f}"
            f"{row['exact_match']:>8.3f}"
        )
    lines += ["", f"95 % interval of BLEU: {low:.2f} to {high:.2f} ({report['signature']})"]
    lines += warnings_of(report)
    lines.append(f"trained in {report['train_seconds']:.0f} s")
    return "\n".join(map(printable, lines))


def predictions(outcome: Outcome) -> str:
    """The table predictions.csv."""
    header = ["id", "source", "reference", "answer", "score", "finished"]
    rows = (
        [id, source, reference, answer, round(one.score, 6), str(one.is_finished).lower()]
        for id, source, reference, answer, one in zip(*outcome[:5], strict=True)
    )
    return csv_text([header, *rows])
