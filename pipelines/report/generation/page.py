"""The report of a translator as a page: its measures, examples, and where it looked for each token."""

from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from pipelines.metrics.generation import generation_measures, sentence_chrf
from pipelines.pages.page import render_page
from pipelines.report.generation.attention import draw_attention
from pipelines.report.generation.outcome import Outcome, warnings_of
from pipelines.report.shared_sections import data_section, run_section, verdict
from pipelines.runtime.run_history import read_history, read_options
from pipelines.runtime.surroundings import surroundings

_SHOWN = 4
# Numbers of source tokens at which examples are told apart by length.
_LENGTHS = (10, 20, 40)


def generation_page(report: dict[str, Any], outcome: Outcome, *, history_file: Path) -> str:
    """The page of a report, as `generation_figures` has it; raises as `render_page` does."""
    return render_page(
        "generation.html",
        title=f"A translator of {report['data']}",
        verdict=partial(_verdict, report),
        examples=partial(_examples, outcome),
        lengths=partial(_by_length, outcome),
        data=partial(_data, report),
        run=partial(_run, report, history_file),
    )


def _verdict(report: dict[str, Any]) -> dict[str, Any]:
    low, high = report["bleu_interval"]
    lead = (
        f"Of the {report['num_examples']:,} texts of the part “{report['split']}”, the model writes"
        f" {report['exact_match']:.1%} exactly as their reference. BLEU is {report['bleu']:.1f}"
        f" (95 % interval {low:.1f} to {high:.1f})."
    )
    rows = [
        [name, *(f"{row[key]:.2f}" for key in ("bleu", "bleu_lowercased", "chrf")),
         f"{row['exact_match']:.1%}"]
        for name, row in [
            ("this model", report),
            *((name.replace("_", " "), row) for name, row in report["baselines"].items()),
        ]
    ]  # fmt: skip
    return verdict(
        [lead],
        header=["", "BLEU", "BLEU, lower case", "chrF", "exact"],
        rows=rows,
        remarks=warnings_of(report),
        footnotes=[f"BLEU and chrF by sacreBLEU: {report['signature']}."],
    )


def _examples(outcome: Outcome) -> list[dict[str, Any]]:
    """Best, middle and worst answers by chrF, one a source, each with its attention."""
    scores = np.array(
        [sentence_chrf(a, r) for a, r in zip(outcome.answers, outcome.references, strict=True)]
    )
    order = np.argsort(scores, kind="stable")
    middle = len(order) // 2
    chosen = {
        "The worst": order[:_SHOWN],
        "In the middle": order[middle : middle + _SHOWN],
        "The best": order[::-1][:_SHOWN],
    }
    return [
        {
            "title": title,
            "rows": [
                {
                    "source": outcome.sources[k],
                    "reference": outcome.references[k],
                    "answer": outcome.answers[k],
                    "is_finished": outcome.written[k].is_finished,
                    "attention": draw_attention(
                        outcome.written[k].attention.float().numpy(),
                        outcome.pieces(outcome.source_tokens[k]),
                        outcome.pieces(outcome.written[k].tokens),
                    ),
                }
                for k in rows.tolist()
            ],
        }
        for title, rows in chosen.items()
    ]


def _by_length(outcome: Outcome) -> dict[str, Any]:
    lengths = np.array([len(tokens) for tokens in outcome.source_tokens])
    bounds = [0, *_LENGTHS, np.inf]
    rows = []
    for low, high in pairwise(bounds):
        chosen = np.flatnonzero((lengths > low) & (lengths <= high)).tolist()
        if not chosen:
            continue
        found = generation_measures(
            [outcome.answers[k] for k in chosen], [outcome.references[k] for k in chosen]
        )
        name = f"up to {high}" if np.isfinite(high) else f"more than {low}"
        rows.append(
            [name, f"{len(chosen):,}", f"{found['bleu']:.2f}", f"{found['exact_match']:.1%}"]
        )
    return {"header": ["source tokens", "pairs", "BLEU", "exact"], "rows": rows}


def _data(report: dict[str, Any]) -> dict[str, Any]:
    told = [
        f"Learnt from {report['train_examples']:,} pairs, tested on {report['num_examples']:,} of the"
        f" part “{report['split']}”, with a vocabulary of {report['num_tokens']:,} tokens for both"
        " sides."
    ]
    if cut := sum(report["truncated_tokens"].values()):
        told.append(f"{cut:,} tokens were cut off by --data.max_tokens.")
    return data_section(told, skipped=report["skipped"])


def _run(report: dict[str, Any], history_file: Path) -> dict[str, Any]:
    return run_section(
        f"Trained in {report['train_seconds']:,.0f} s, validation included.",
        history=read_history(history_file),
        metrics=("loss", "bleu"),
        about=surroundings(),
        config=read_options(history_file.with_name("config.yaml")),
    )
