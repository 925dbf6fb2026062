"""Comparison of models that write: BLEU of several runs, and significance of differences."""

import csv
from collections import Counter
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

from data.files.errors import InputError
from pipelines.compare.finished_runs import Compared, differing_options, options_of, read_report
from pipelines.compare.page import best_of, better_of, compare_page, seconds_text
from pipelines.metrics.generation import Bleus, generation_measures
from pipelines.metrics.significance import holm
from pipelines.runtime.escaping import printable

_FOOTNOTE = (
    "Differences are paired: the same 1,000 resamples of the examples for both (Koehn 2004). p is"
    " twice the share of resamples in which the other is better, adjusted for the number of pairs"
    " (Holm 1979)."
)

Key = tuple[str, str, int]
"""Source of an example, its reference, and its index among those that share both."""


class WrittenRun(NamedTuple):
    """Run of a model that writes."""

    name: str
    report: dict[str, Any]
    answers: dict[Key, str]
    options: dict[str, Any]


def read_written_run(name: str) -> WrittenRun:
    """Read a run by its folder, its task and name, or its name alone; see `read_report`."""
    folder, report = read_report(name)
    return WrittenRun(name, report, _answers(folder), options_of(folder))


def _answers(folder: Path) -> dict[Key, str]:
    csv.field_size_limit(2**31 - 1)
    seen: Counter[tuple[str, str]] = Counter()
    found = {}
    with (folder / "report" / "predictions.csv").open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            pair = row["source"], row["reference"]
            found[(*pair, seen[pair])] = row["answer"]
            seen[pair] += 1
    return found


def compare_written(names: Sequence[str]) -> Compared:
    """Compare runs of models that write on the examples that all were tested on.

    Raises:
        InputError: see `read_report`; no example in common.
    """
    runs = [read_written_run(name) for name in names]
    keys = [key for key in runs[0].answers if all(key in run.answers for run in runs)]
    if not keys:
        raise InputError(
            f"RUNS: {' and '.join(names)} have no example in common; compare runs tested on one part"
        )
    references = [reference for _, reference, _ in keys]
    answers = {run.name: [run.answers[key] for key in keys] for run in runs}
    bleus = Bleus(answers, references)
    pairs = list(combinations(answers, 2))
    p_values = holm([bleus.p_value(*pair) for pair in pairs])
    found: dict[str, Any] = {
        "data": " and ".join(dict.fromkeys(run.report["data"] for run in runs)),
        "num_examples": len(keys),
        "left_out": len({key for run in runs for key in run.answers}) - len(keys),
        "runs": {
            run.name: {
                **generation_measures(answers[run.name], references),
                "bleu": [bleus.values[run.name], *bleus.interval(run.name)],
                "train_seconds": run.report.get("train_seconds"),
                "options": options,
            }
            for run, options in zip(runs, differing_options(runs), strict=True)
        },
        "pairs": [
            {"first": a, "second": b, "difference": list(bleus.difference(a, b)), "p_value": p}
            for (a, b), p in zip(pairs, p_values, strict=True)
        ],
    }
    header = ["run", "BLEU", "95 %", "BLEU, lower case", "chrF", "exact", "trained, s"]
    rows = [_row(name, run) for name, run in found["runs"].items()]
    sentences = [pair_sentence(pair) for pair in found["pairs"]]
    return Compared(
        found,
        _text(found, header, rows, sentences),
        lambda: compare_page(
            found,
            lead=best_of(found, "bleu", "the highest BLEU", "{:.1f}"),
            header=header,
            rows=rows,
            metric="bleu",
            sentences=[*sentences, _FOOTNOTE],
        ),
    )


def _row(name: str, run: dict[str, Any]) -> list[str]:
    value, low, high = run["bleu"]
    return [
        name,
        f"{value:.2f}",
        f"{low:.2f} – {high:.2f}",
        f"{run['bleu_lowercased']:.2f}",
        f"{run['chrf']:.2f}",
        f"{run['exact_match']:.1%}",
        seconds_text(run["train_seconds"]),
    ]


def _text(
    found: dict[str, Any], header: list[str], rows: list[list[str]], sentences: list[str]
) -> str:
    table = [["", *header[1:]], *rows]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines = [f"{found['num_examples']:,} examples of {found['data']}"]
    for name, *cells in table:
        shown = (f"{cell:>{width}}" for cell, width in zip(cells, widths[1:], strict=True))
        lines.append("  ".join([f"{name:{widths[0]}}", *shown]))
    return "\n".join(map(printable, [*lines, *sentences]))


def pair_sentence(pair: dict[str, Any]) -> str:
    """Describe the difference between the runs of a pair in a sentence."""
    value, low, high = pair["difference"]
    return (
        f"{better_of(pair)}: {value:+.2f} BLEU of {pair['first']} over {pair['second']} (95 % interval"
        f" {low:+.2f} to {high:+.2f}; p = {pair['p_value']:.2g})."
    )
