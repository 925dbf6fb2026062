"""The report of a language model: what it costs to predict a text, beside what counting gives."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from data.running_text.data_module import LanguageDataModule
from pipelines.metrics.ngrams import ngram_losses
from pipelines.report.writer import ReportFiles, write_files
from pipelines.runtime.escaping import printable
from pipelines.tasks.next_token import measures

# Orders of the n-gram models that stand beside it; the last by its number.
ORDERS = {1: "unigram", 2: "bigram", 3: "trigram", 5: "5-gram"}


def write_language_report(
    folder: Path, report: dict[str, Any], *, page: Callable[[], str] | None = None
) -> None:
    """Write report.txt, report.html by ``page``, and report.json (see `write_files`)."""
    text = as_text(report) + "\n"
    write_files(folder, ReportFiles(figures=report, text=text, page=page))


def language_figures(
    data: LanguageDataModule,
    *,
    loss: float,
    train_seconds: float,
    trained_tokens: int,
    fit_baselines: bool,
) -> dict[str, Any]:
    """The figures of a report, as plain values.

    Args:
        data: what the model was trained and tested on.
        loss: nats per token of the part that is reported.
        train_seconds: how long it was trained, validation included.
        trained_tokens: how many it has learnt from in that time, on all ranks.
        fit_baselines: count n-grams of the training part.
    """
    part = data.parts[data.reported_part]
    tokens_per_character = len(part.tokens) / part.num_characters
    baselines = {}
    if fit_baselines:
        losses = ngram_losses(
            data.parts["train"].tokens,
            part.tokens,
            num_tokens=data.num_tokens,
            max_order=max(ORDERS),
        )
        baselines = {
            name: measures(losses[order - 1], tokens_per_character=tokens_per_character)
            for order, name in ORDERS.items()
        }
    return {
        "task": "language",
        "data": data.source,
        "split": data.reported_part,
        "tokenizer": data.kind,
        "num_tokens": data.num_tokens,
        "train_tokens": len(data.parts["train"].tokens),
        "tokens": len(part.tokens),
        "characters": part.num_characters,
        "unknown_share": part.num_unknown / len(part.tokens),
        **measures(loss, tokens_per_character=tokens_per_character),
        "repeated_documents": data.num_repeated,
        "withheld_documents": data.num_withheld,
        "train_seconds": train_seconds,
        "tokens_per_second": trained_tokens / train_seconds if train_seconds > 0 else 0.0,
        "baselines": baselines,
    }


def perplexity_text(perplexity: float) -> str:
    """Two decimals, or the size of a number with too many digits to be read."""
    return f"{perplexity:,.2f}" if perplexity < 1e7 else f"{perplexity:.3g}"


def as_text(report: dict[str, Any]) -> str:
    """A table of the model and its baselines, and what else one should know, for people."""
    rows = [("this model", report), *report["baselines"].items()]
    lines = [
        f"{report['data']}, part '{report['split']}': {report['tokens']:,} {report['tokenizer']}"
        f" of {report['num_tokens']:,} different, {report['characters']:,} characters",
        "",
        f"{'':12}{'nats/token':>12}{'perplexity':>12}{'bits/character':>16}",
    ]
    for name, values in rows:
        lines.append(
            f"{name:12}{values['loss']:>12.4f}{perplexity_text(values['perplexity']):>12}"
            f"{values['bits_per_character']:>16.4f}"
        )
    if report["split"] == "val":
        lines += [
            "",
            "By this part the checkpoint was chosen, which flatters it a little:"
            " --data.test_share=0.1 sets another aside.",
        ]
    if report["unknown_share"] > 0:
        lines += [
            "",
            f"{report['unknown_share']:.2%} of the tokens are unknown to the vocabulary and predicted"
            " as such, all alike.",
        ]
    lines += [
        "",
        f"trained in {report['train_seconds']:.0f} s, {report['tokens_per_second']:,.0f} tokens"
        " a second, validation included",
    ]
    baselines = [values["loss"] for values in report["baselines"].values()]
    if baselines and not math.isnan(report["loss"]) and report["loss"] >= min(baselines):
        lines += ["", "Counting does as well: this model has not learnt more than n-grams tell."]
    return "\n".join(map(printable, lines))
