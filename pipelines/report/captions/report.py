"""The report of a captioner: its files, and its figures as text."""

import json
from functools import partial
from pathlib import Path
from typing import Any

from data.captions.data_module import CaptionDataModule
from pipelines.report.captions.outcome import Outcome, caption_figures, outcome_of, warnings_of
from pipelines.report.captions.page import TABLE_HEADER, caption_page, table_rows
from pipelines.report.generation.shared import write_report
from pipelines.runtime.escaping import csv_text, printable
from pipelines.tasks.captioning import Captioning


def report_captions(
    model: Captioning,
    data: CaptionDataModule,
    *,
    folder: Path,
    fit_baselines: bool,
    extra: dict[str, Any],
) -> None:
    """Report a captioner; see `report_classifier`."""
    if not model.trainer.is_global_zero:
        return
    outcome = outcome_of(model.answers, data)
    report = caption_figures(
        outcome, model, data, train_seconds=model.train_seconds, knows_training=fit_baselines
    )
    _write(report | extra, outcome, folder=folder, history_file=folder / "metrics.csv")


def report_captions_test(
    model: Captioning,
    data: CaptionDataModule,
    *,
    folder: Path,
    train_seconds: float,
    trained_in: Path,
) -> None:
    """Report a later test of a captioner, on the first rank; see `report_test`."""
    outcome = outcome_of(model.answers, data)
    report = caption_figures(
        outcome, model, data, train_seconds=train_seconds, knows_training=False
    )
    _write(report, outcome, folder=folder, history_file=trained_in / "metrics.csv")


def _write(report: dict[str, Any], outcome: Outcome, *, folder: Path, history_file: Path) -> None:
    write_report(
        report,
        folder=folder,
        text=as_text(report),
        predictions=predictions(outcome),
        page=partial(caption_page, report, outcome, history_file=history_file),
    )


def as_text(report: dict[str, Any]) -> str:
    """A table of the model and its baselines, and what else one should know, for people."""
    low, high = report["cider_interval"]
    lines = [
        f"{report['data']}, part '{report['split']}': {report['num_examples']:,} examples, learnt from"
        f" {report['train_examples']:,} with {report['train_captions']:,} captions",
        "",
    ]
    for name, *cells in [TABLE_HEADER, *table_rows(report)]:
        lines.append(f"{name:42}" + "".join(f"{cell:>9}" for cell in cells))
    lines += ["", f"95 % interval of CIDEr: {low:.3f} to {high:.3f} ({report['signature']})"]
    lines += warnings_of(report)
    lines.append(f"trained in {report['train_seconds']:.0f} s")
    return "\n".join(map(printable, lines))


def predictions(outcome: Outcome) -> str:
    """The table predictions.csv; references are a JSON list."""
    header = ["id", "path", "references", "answer", "cider", "score", "finished"]
    rows = (
        [
            *(id, source, json.dumps(references, ensure_ascii=False), answer),
            *(round(cider, 4), round(one.score, 6), str(one.is_finished).lower()),
        ]
        for id, source, references, answer, one, cider in zip(*outcome[:6], strict=True)
    )
    return csv_text([header, *rows])
