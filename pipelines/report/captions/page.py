"""The report of a captioner as a page: its measures, examples, and where it looked for each word."""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from pipelines.metrics.writing.captions import caption_measures, tokens_of
from pipelines.pages.page import render_page
from pipelines.report.captions.outcome import Outcome, warnings_of
from pipelines.report.captions.views import example_view
from pipelines.report.generation.shared import by_length, chosen_by_score, run_of
from pipelines.report.shared_sections import data_section, verdict

# Mean numbers of words in the references at which examples are told apart.
_LENGTHS = (8, 12, 16)
_NAMES = {"people": "people (one reference against the others)"}


def caption_page(report: dict[str, Any], outcome: Outcome, *, history_file: Path) -> str:
    """The page of a report, as `caption_figures` has it; raises as `render_page` does."""
    return render_page(
        "captions.html",
        title=f"A captioner of {report['data']}",
        verdict=partial(_verdict, report),
        examples=partial(_examples, outcome, exact_match=report["exact_match"]),
        lengths=partial(_by_length, outcome),
        data=partial(_data, report),
        run=partial(run_of, report, history_file, metric="cider"),
    )


def table_rows(report: dict[str, Any]) -> list[list[str]]:
    """The model and its baselines, each with its measures."""
    return [
        [name, f"{row['cider']:.3f}",
         *(f"{row[key]:.1f}" for key in ("bleu1", "bleu4", "rouge_l")), f"{row['exact_match']:.1%}"]
        for name, row in [
            ("this model", report),
            *(
                (_NAMES.get(name, name.replace("_", " ")), row)
                for name, row in report["baselines"].items()
            ),
        ]
    ]  # fmt: skip


TABLE_HEADER = ["", "CIDEr", "BLEU-1", "BLEU-4", "ROUGE-L", "exact"]


def _verdict(report: dict[str, Any]) -> dict[str, Any]:
    low, high = report["cider_interval"]
    lead = (
        f"On the {report['num_examples']:,} examples of the part “{report['split']}”, CIDEr is"
        f" {report['cider']:.3f} (95 % interval {low:.3f} to {high:.3f}) and BLEU-4"
        f" {report['bleu4']:.1f}; {report['exact_match']:.1%} of the captions say exactly what a"
        " reference says."
    )
    if people := report["baselines"].get("people"):
        lead += f" People reach CIDEr {people['cider']:.3f} against each other."
    return verdict(
        [lead],
        header=TABLE_HEADER,
        rows=table_rows(report),
        remarks=warnings_of(report),
        footnotes=[f"{report['signature']}."],
    )


def _examples(outcome: Outcome, *, exact_match: float) -> list[dict[str, Any]]:
    """Worst, middle and best answers by CIDEr; those not in the references stand out where most are."""
    return [
        {
            "title": title,
            "marks_wrong": exact_match >= 0.5,
            "rows": [example_view(outcome, place) for place in places],
        }
        for title, places in chosen_by_score(outcome.scores).items()
    ]


def _by_length(outcome: Outcome) -> dict[str, Any]:
    lengths = [float(np.mean([len(tokens_of(one)) for one in some])) for some in outcome.references]
    scores, rows = np.array(outcome.scores), []
    for name, chosen in by_length(lengths, _LENGTHS):
        found = caption_measures(
            [outcome.answers[k] for k in chosen], [outcome.references[k] for k in chosen]
        )
        rows.append(
            [name, f"{len(chosen):,}", f"{scores[chosen].mean():.3f}", f"{found['bleu4']:.1f}",
             f"{found['exact_match']:.1%}"]
        )  # fmt: skip
    return {
        "header": ["words in a reference", "examples", "CIDEr", "BLEU-4", "exact"],
        "rows": rows,
    }


def _data(report: dict[str, Any]) -> dict[str, Any]:
    told = [
        f"Learnt from {report['train_examples']:,} pictures or clips with"
        f" {report['train_captions']:,} captions, tested on {report['num_examples']:,} of the part"
        f" “{report['split']}”, with a vocabulary of {report['num_tokens']:,} tokens."
    ]
    return data_section(told, skipped=report["skipped"])
