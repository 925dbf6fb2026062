"""The report of a translator as a page: its measures, examples, and where it looked for each token."""

from functools import partial
from pathlib import Path
from typing import Any

from pipelines.metrics.writing.generation import generation_measures, sentence_chrf
from pipelines.pages.page import render_page
from pipelines.report.generation.attention import draw_attention
from pipelines.report.generation.outcome import Outcome, warnings_of
from pipelines.report.generation.shared import by_length, chosen_by_score, run_of
from pipelines.report.shared_sections import data_section, verdict

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
        run=partial(run_of, report, history_file, metric="bleu"),
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
    pairs = zip(outcome.answers, outcome.references, strict=True)
    scores = [sentence_chrf(answer, reference) for answer, reference in pairs]
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
                for k in places
            ],
        }
        for title, places in chosen_by_score(scores).items()
    ]


def _by_length(outcome: Outcome) -> dict[str, Any]:
    lengths = [len(tokens) for tokens in outcome.source_tokens]
    rows = []
    for name, chosen in by_length(lengths, _LENGTHS):
        found = generation_measures(
            [outcome.answers[k] for k in chosen], [outcome.references[k] for k in chosen]
        )
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
