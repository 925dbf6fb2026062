"""The report of a language model as a page: what it knows, what surprises it, and what it writes."""

from collections.abc import Callable
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from tokenizers import Tokenizer

from data.plain_text.prompts import first_tokens, readable
from data.running_text.data_module import LanguageDataModule
from data.tokens.vocabulary import END, UNKNOWN
from models.sequence.language_model import LanguageModel
from pipelines.pages.page import render_page
from pipelines.predict.continuation import continuation
from pipelines.report.language_report import (
    as_text,
    language_figures,
    perplexity_text,
    write_language_report,
)
from pipelines.report.shared_sections import data_section, run_section, verdict
from pipelines.runs.run_history import read_history, read_options
from pipelines.runtime.surroundings import surroundings
from pipelines.tasks.next_token import NextToken

# Tokens read from the beginning of the reported part, and the last of them that are shown: there the
# state has warmed up.
_READ, _SHOWN = 1_200, 400
_WRITTEN = 300
_TEMPERATURE = 0.8
# A token of so many nats has the strongest tint: one in twenty thousand.
_MOST_NATS, _STRONGEST_TINT = 10.0, 0.7


class Glance(NamedTuple):
    """Samples of what the model reads and writes."""

    tokens: list[str]
    """Pieces of the reported part, as they are written."""
    nats: list[float]
    """Loss of each piece in nats."""
    written: str
    """Continuation that the model writes by itself."""


def glance(model: LanguageModel, data: LanguageDataModule) -> Glance:
    """Let a model read the beginning of the reported part, and write."""
    was_training = model.training
    model = model.eval()
    device = next(model.parameters()).device
    tokenizer = data.tokenizer
    assert tokenizer is not None
    tokens = torch.from_numpy(np.asarray(data.parts[data.reported_part].tokens[:_READ], np.int64))
    nats = torch.zeros(0)
    if len(tokens) > 1:
        with torch.inference_mode():
            length = torch.tensor([len(tokens) - 1], device=device)
            steps = tokens.to(device)
            nats = model.losses(steps[:-1], length, steps[1:])[0].cpu()
    end = tokenizer.token_to_id(END)
    drawn = continuation(
        model.cpu(), first_tokens(tokenizer, "", end=end), temperature=_TEMPERATURE,
        never=tokenizer.token_to_id(UNKNOWN),
    )  # fmt: skip
    written = readable(tokenizer, "", list(islice(drawn, _WRITTEN)), end=end)
    model.to(device).train(was_training)
    return Glance(
        _written_out(tokenizer, data, tokens[1:][-_SHOWN:].tolist()),
        nats[-_SHOWN:].tolist(),
        written,
    )


def _written_out(tokenizer: Tokenizer, data: LanguageDataModule, tokens: list[int]) -> list[str]:
    between = " " if data.kind == "words" else ""
    end = tokenizer.token_to_id(END)
    return ["\n\n" if token == end else f"{tokenizer.decode([token])}{between}" for token in tokens]


def language_page(report: dict[str, Any], look: Callable[[], Glance], history_file: Path) -> str:
    """The page of a report, as `language_figures` has it; raises as `render_page` does.

    Args:
        report: the figures.
        look: lets the model read and write, when the page comes to it.
        history_file: metrics.csv, if there is one; the options lie beside it.
    """
    return render_page(
        "language.html",
        title=f"A language model of {report['data']}",
        verdict=partial(_verdict, report),
        glance=lambda: _seen(look()),
        data=partial(_data, report),
        run=partial(_run, report, history_file),
    )


def _verdict(report: dict[str, Any]) -> dict[str, Any]:
    lead = (
        f"Trained on {report['train_tokens']:,} {report['tokenizer']}, the model predicts each of the"
        f" {report['tokens']:,} of the part “{report['split']}” with a perplexity of"
        f" {perplexity_text(report['perplexity'])}: as if it wavered between so many. That is"
        f" {report['bits_per_character']:.3f} bits a character."
    )
    rows = [
        [
            name,
            f"{row['loss']:.4f}",
            perplexity_text(row["perplexity"]),
            f"{row['bits_per_character']:.4f}",
        ]
        for name, row in [("this model", report), *report["baselines"].items()]
    ]
    header = ["", "nats a token", "perplexity", "bits a character"]
    return verdict([lead, _against_counting(report)], header=header, rows=rows)


def _against_counting(report: dict[str, Any]) -> str:
    if not report["baselines"]:
        return "Nothing was counted: nothing shows what the network adds."
    name, best = min(report["baselines"].items(), key=lambda item: item[1]["loss"])
    gain = best["loss"] - report["loss"]
    if gain > 0:
        return f"It knows more than counting tells: {gain:.3f} nats a token less than a {name}."
    return (
        f"It has NOT learnt more than counting tells: a {name} needs {-gain:.3f} nats a token less."
    )


def _seen(seen: Glance) -> dict[str, Any]:
    return {
        "tokens": [
            {
                "text": _readable(token),
                "nats": nats,
                "tint": _STRONGEST_TINT * min(nats / _MOST_NATS, 1.0),
            }
            for token, nats in zip(seen.tokens, seen.nats, strict=True)
        ],
        "written": _readable(seen.written),
        "temperature": _TEMPERATURE,
    }


def _readable(text: str) -> str:
    return "".join(c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in text)


def _data(report: dict[str, Any]) -> dict[str, Any]:
    told = [
        f"The part “{report['split']}” has {report['tokens']:,} {report['tokenizer']} in"
        f" {report['characters']:,} characters; {report['unknown_share']:.2%} are unknown to the"
        f" vocabulary of {report['num_tokens']:,}."
    ]
    repeated, withheld = report["repeated_documents"], report["withheld_documents"]
    if repeated or withheld:
        told.append(
            f"Documents left out because they repeat another: {repeated:,}; because they read as one"
            f" that is measured on: {withheld:,}."
        )
    if report["split"] == "val":
        told.append("By this part the checkpoint was chosen, which flatters it a little.")
    return data_section(told)


def _run(report: dict[str, Any], history_file: Path) -> dict[str, Any]:
    return run_section(
        f"Trained in {report['train_seconds']:,.0f} s, {report['tokens_per_second']:,.0f} tokens a"
        " second, validation included.",
        history=read_history(history_file),
        metrics=("loss",),
        about=surroundings(),
        config=read_options(history_file.with_name("config.yaml")),
    )


def report_language_model(
    model: NextToken,
    data: LanguageDataModule,
    *,
    folder: Path,
    fit_baselines: bool,
    extra: dict[str, Any],
) -> None:
    """Report a language model; see `report_classifier`."""
    if not model.trainer.is_global_zero:
        return
    report = language_figures(
        data,
        loss=float(model.trainer.callback_metrics["test/loss"]),
        train_seconds=model.train_seconds,
        trained_tokens=model.num_trained_tokens * model.trainer.world_size,
        fit_baselines=fit_baselines,
    )
    report |= extra
    print(as_text(report))
    page = partial(
        language_page,
        report,
        look=partial(glance, model.model, data),
        history_file=folder / "metrics.csv",
    )
    write_language_report(folder / "report", report, page=page)
    print(f"Report: {folder / 'report' / 'report.html'}")
