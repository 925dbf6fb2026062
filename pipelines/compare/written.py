"""Comparison of models that write: their headline figure, and significance of differences."""

import csv
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

from data.files.errors import InputError
from pipelines.compare.finished_runs import (
    Compared,
    differing_options,
    options_of,
    read_report,
    refuse_cut,
    undamaged,
)
from pipelines.compare.page import best_of, better_of, compare_page, seconds_text
from pipelines.metrics.significance import holm
from pipelines.metrics.writing.captions import caption_measures, resampled_cider
from pipelines.metrics.writing.generation import generation_measures, resampled_bleu
from pipelines.metrics.writing.resampling import Resampled
from pipelines.runtime.escaping import printable, undefused

_FOOTNOTE = (
    "Differences are paired: the same 1,000 resamples of the examples for both (Koehn 2004). p is"
    " twice the share of resamples in which the other is better, adjusted for the number of pairs"
    " (Holm 1979)."
)

Key = tuple[str, str, int]
"""Source of an example, its references, and its index among those that share both."""


class Measured(NamedTuple):
    """How answers of one kind are measured."""

    source: str
    """Column of predictions.csv with the sources."""
    references: str
    """That with the references."""
    metric: str
    """The headline figure."""
    label: str
    """Its name for people."""
    read: Callable[[str], Any]
    """References of an example from a cell."""
    measures: Callable[..., dict[str, Any]]
    """Answers and references → figures."""
    resampled: Callable[..., Resampled]
    """Answers by name and references → the headline figure over resamples."""
    form: str
    """Format of the headline figure."""
    further: Mapping[str, tuple[str, str]]
    """Further figures of the table: their heads, and formats."""


_EXACT = {"exact_match": ("exact", "{:.1%}")}
TRANSLATIONS = Measured(
    "source", "reference", "bleu", "BLEU", str, generation_measures, resampled_bleu, "{:.2f}",
    {"bleu_lowercased": ("BLEU, lower case", "{:.2f}"), "chrf": ("chrF", "{:.2f}"), **_EXACT},
)  # fmt: skip
CAPTIONS = Measured(
    "path", "references", "cider", "CIDEr", json.loads, caption_measures, resampled_cider, "{:.3f}",
    {"bleu4": ("BLEU-4", "{:.1f}"), "rouge_l": ("ROUGE-L", "{:.1f}"), **_EXACT},
)  # fmt: skip


class WrittenRun(NamedTuple):
    """Run of a model that writes."""

    name: str
    report: dict[str, Any]
    answers: dict[Key, str]
    options: dict[str, Any]


def compare_translations(names: Sequence[str]) -> Compared:
    """Compare runs of translators by BLEU; see `compare_written`."""
    return compare_written(names, TRANSLATIONS)


def compare_captions(names: Sequence[str]) -> Compared:
    """Compare runs of captioners by CIDEr-D; see `compare_written`."""
    return compare_written(names, CAPTIONS)


def compare_written(names: Sequence[str], how: Measured) -> Compared:
    """Compare runs of models that write on the examples that all were tested on.

    Raises:
        InputError: see `read_report`; no example in common.
    """
    runs = [_read_run(name, how) for name in names]
    keys = [key for key in runs[0].answers if all(key in run.answers for run in runs)]
    if not keys:
        raise InputError(
            f"RUNS: {' and '.join(names)} have no example in common; compare runs tested on one part"
        )
    references = [how.read(reference) for _, reference, _ in keys]
    answers = {run.name: [run.answers[key] for key in keys] for run in runs}
    figures = how.resampled(answers, references)
    pairs = list(combinations(answers, 2))
    p_values = holm([figures.p_value(*pair) for pair in pairs])
    found: dict[str, Any] = {
        "data": " and ".join(dict.fromkeys(run.report["data"] for run in runs)),
        "num_examples": len(keys),
        "left_out": len({key for run in runs for key in run.answers}) - len(keys),
        "runs": {
            run.name: {
                **how.measures(answers[run.name], references),
                how.metric: [figures.values[run.name], *figures.interval(run.name)],
                "train_seconds": run.report.get("train_seconds"),
                "options": options,
            }
            for run, options in zip(runs, differing_options(runs), strict=True)
        },
        "pairs": [
            {"first": a, "second": b, "difference": list(figures.difference(a, b)), "p_value": p}
            for (a, b), p in zip(pairs, p_values, strict=True)
        ],
    }
    heads = [head for head, _ in how.further.values()]
    header = ["run", how.label, "95 %", *heads, "trained, s"]
    rows = [_row(name, run, how) for name, run in found["runs"].items()]
    sentences = [pair_sentence(pair, how) for pair in found["pairs"]]
    return Compared(
        found,
        _text(found, header, rows, sentences),
        partial(
            _page,
            found,
            how,
            header=header,
            rows=rows,
            sentences=[*sentences, _FOOTNOTE],
        ),
    )


def _read_run(name: str, how: Measured) -> WrittenRun:
    """Read a run by its folder, its task and name, or its name alone; see `read_report`."""
    folder, report = read_report(name)
    with undamaged(folder):
        answers = _answers(folder, how)
        refuse_cut(report, len(answers))
        return WrittenRun(name, report, answers, options_of(folder))


def _answers(folder: Path, how: Measured) -> dict[Key, str]:
    csv.field_size_limit(2**31 - 1)
    seen: Counter[tuple[str, str]] = Counter()
    found = {}
    with (folder / "report" / "predictions.csv").open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            pair = undefused(row[how.source]), undefused(row[how.references])
            found[(*pair, seen[pair])] = undefused(row["answer"])
            seen[pair] += 1
    return found


def _page(found: dict[str, Any], how: Measured, **parts: Any) -> str:
    lead = best_of(found, how.metric, f"the highest {how.label}", how.form)
    return compare_page(found, lead=lead, metric=how.metric, **parts)


def _row(name: str, run: dict[str, Any], how: Measured) -> list[str]:
    value, low, high = (how.form.format(one) for one in run[how.metric])
    further = [form.format(run[key]) for key, (_, form) in how.further.items()]
    return [name, value, f"{low} – {high}", *further, seconds_text(run["train_seconds"])]


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


def pair_sentence(pair: dict[str, Any], how: Measured) -> str:
    """Describe the difference between the runs of a pair in a sentence."""
    signed = how.form.replace(":", ":+")
    value, low, high = (signed.format(one) for one in pair["difference"])
    return (
        f"{better_of(pair)}: {value} {how.label} of {pair['first']} over {pair['second']} (95 % interval"
        f" {low} to {high}; p = {pair['p_value']:.2g})."
    )
