"""The report of a model that writes: its measures beside baselines, and what one should know of them."""

import csv
import io
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from data.translation.data_module import TranslationDataModule
from pipelines.metrics.generation import bleu_interval, generation_measures
from pipelines.metrics.translation_baselines import nearest_known
from pipelines.report.generation_page import generation_page
from pipelines.report.writer import ReportFiles, write_files
from pipelines.runtime.escaping import printable
from pipelines.tasks.generation import Generation, Written


class Outcome(NamedTuple):
    """Answers of a test, in the order of their ids."""

    ids: list[int]
    sources: list[str]
    references: list[str]
    answers: list[str]
    written: list[Written]
    pieces: list[tuple[list[str], list[str]]]
    """Tokens of each source and of its answer, as they are written."""


def report_generation(
    model: Generation,
    data: TranslationDataModule,
    *,
    folder: Path,
    fit_baselines: bool,
    extra: dict[str, Any],
) -> None:
    """Report a translator; see `report_classifier`."""
    written = model.written()
    if not model.trainer.is_global_zero:
        return
    outcome = outcome_of(written, data)
    report = generation_figures(
        outcome, data, train_seconds=model.train_seconds, fit_baselines=fit_baselines
    )
    report |= extra
    print(as_text(report))
    write_files(
        folder / "report",
        ReportFiles(
            figures=report,
            text=as_text(report) + "\n",
            tables={"predictions.csv": predictions(outcome)},
            page=partial(generation_page, report, outcome, history_file=folder / "metrics.csv"),
        ),
    )
    print(f"Report: {folder / 'report' / 'report.html'}")


def outcome_of(written: Sequence[Written], data: TranslationDataModule) -> Outcome:
    """Put answers beside their sources and references."""
    part: Any = data.parts[data.reported_part]
    assert data.tokenizer is not None
    position = {id: k for k, id in enumerate(part.ids.tolist())}
    at = [position[one.id] for one in written]

    def pieces(tokens: Sequence[int]) -> list[str]:
        assert data.tokenizer is not None
        return [data.tokenizer.decode([token]) for token in tokens]

    return Outcome(
        [one.id for one in written],
        [part.texts[k] for k in at],
        [part.targets[k] for k in at],
        [data.tokenizer.decode(one.tokens) for one in written],
        list(written),
        [
            (pieces(part.source_tokens[k].tolist()), pieces(one.tokens))
            for k, one in zip(at, written, strict=True)
        ],
    )


def generation_figures(
    outcome: Outcome, data: TranslationDataModule, *, train_seconds: float, fit_baselines: bool
) -> dict[str, Any]:
    """The figures of a report, as plain values."""
    count = max(len(outcome.ids), 1)
    train: Any = data.parts["train"]
    baselines = {"copy_source": outcome.sources}
    if fit_baselines:
        baselines["nearest_training_sentence"] = nearest_known(
            outcome.sources, known_sources=train.texts, known_targets=train.targets
        )
    most_common = max(map(outcome.answers.count, set(outcome.answers)), default=0)
    return {
        "task": "translation",
        "data": data.origin.name,
        "split": data.origin.reported_part,
        "num_examples": len(outcome.ids),
        "train_examples": len(train),
        "num_tokens": data.num_tokens,
        **generation_measures(outcome.answers, outcome.references),
        "bleu_interval": bleu_interval(outcome.answers, outcome.references),
        "unfinished_share": sum(not one.is_finished for one in outcome.written) / count,
        "same_answer_share": most_common / count,
        "truncated_tokens": {name: part.truncated_steps for name, part in data.parts.items()},
        "train_seconds": train_seconds,
        "baselines": {
            name: generation_measures(answers, outcome.references)
            for name, answers in baselines.items()
        },
        "skipped": [{"source": one.source, "reason": one.reason} for one in data.skipped],
    }


COLUMNS = {"bleu": "BLEU", "bleu_lowercased": "BLEU, lower case", "chrf": "chrF"}


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


def warnings_of(report: dict[str, Any]) -> list[str]:
    """Sentences on what is wrong with the answers."""
    told = []
    best = max(report["baselines"].items(), key=lambda item: item[1]["bleu"])
    if best[1]["bleu"] >= report["bleu"]:
        told.append(f"The model does NOT beat {best[0]}.")
    if report["unfinished_share"] > 0:
        told.append(
            f"{report['unfinished_share']:.1%} of the answers did not end: they were cut off at"
            " --model.max_tokens."
        )
    if report["same_answer_share"] > 0.05 and report["num_examples"] > 20:
        told.append(f"{report['same_answer_share']:.1%} of the answers are one and the same.")
    if report["skipped"]:
        told.append(f"{len(report['skipped']):,} pair(s) were left out; report.json lists them.")
    return told


def predictions(outcome: Outcome) -> str:
    """The table predictions.csv."""
    content = io.StringIO()
    writer = csv.writer(content)
    writer.writerow(["id", "source", "reference", "answer", "score", "finished"])
    for id, source, reference, answer, one in zip(*outcome[:5], strict=True):
        writer.writerow(
            [id, source, reference, answer, f"{one.score:.6f}", str(one.is_finished).lower()]
        )
    return content.getvalue()
