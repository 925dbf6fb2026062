"""Comparison of classifiers: accuracy of several runs, and significance of differences."""

from collections.abc import Sequence
from itertools import combinations
from typing import Any

from pipelines.compare.finished_runs import Compared, FinishedRun, differing_options, read_run
from pipelines.compare.page import best_of, better_of, compare_page, seconds_text
from pipelines.compare.shared_examples import shared_examples, with_classes_of
from pipelines.metrics.intervals import Comparison
from pipelines.metrics.measures import log_loss
from pipelines.metrics.significance import holm, mcnemar
from pipelines.runtime.escaping import printable

_FOOTNOTE = (
    "Differences are paired: the same resampled examples for both. p is of McNemar's exact test,"
    " adjusted for the number of pairs (Holm 1979); below 0.05 a difference counts as more than"
    " chance here."
)


def compare_classified(names: Sequence[str]) -> Compared:
    """Compare runs of classifiers by their names; see `compare`."""
    found = compare([read_run(name) for name in names])
    runs = found["runs"]
    return Compared(
        found,
        summary(found),
        lambda: compare_page(
            found,
            lead=best_of(found, "accuracy", "the highest accuracy", "{:.1%}"),
            header=["run", "accuracy", "95 %", "macro-F1", "log loss", "trained, s"],
            rows=[_row(name, run) for name, run in runs.items()],
            metric="accuracy",
            sentences=[*map(pair_sentence, found["pairs"]), _FOOTNOTE],
        ),
    )


def _row(name: str, run: dict[str, Any]) -> list[str]:
    value, low, high = run["accuracy"]
    return [
        name,
        f"{value:.4f}",
        f"{low:.4f} – {high:.4f}",
        f"{run['macro_f1'][0]:.4f}",
        f"{run['log_loss']:.4f}",
        seconds_text(run["train_seconds"]),
    ]


def compare(runs: list[FinishedRun]) -> dict[str, Any]:
    """Compute figures of each run and of each pair, on the examples that all were tested on.

    Returns:
        ``num_examples``; ``left_out``, the number of examples that not all runs tested; ``runs`` by
        name with ``accuracy`` and ``macro_f1`` as [value, low, high], ``log_loss``,
        ``train_seconds`` and ``options``, those in which the runs differ; ``pairs`` with the names
        ``first`` and ``second``, the ``difference`` of accuracy [value, low, high], the numbers of
        examples that only one has right, and the ``p_value`` of McNemar's test, adjusted for the
        number of pairs (Holm).

    Raises:
        InputError: the runs have different classes or no example in common, or they give one
            example different labels.
    """
    runs = [runs[0], *(with_classes_of(runs[0], run) for run in runs[1:])]
    rows, num_left_out = shared_examples(runs)
    at = {run.name: some for run, some in zip(runs, rows, strict=True)}
    labels = runs[0].labels[at[runs[0].name]]
    predicted = {run.name: run.probabilities[at[run.name]].argmax(1) for run in runs}
    figures = Comparison(labels, predicted, num_classes=len(runs[0].classes))
    pairs = list(combinations(predicted, 2))
    tests = [mcnemar(predicted[a] == labels, predicted[b] == labels) for a, b in pairs]
    p_values = holm([test.p_value for test in tests])
    told = [
        {
            "first": first,
            "second": second,
            "difference": figures.difference(first, second)["accuracy"],
            **test._asdict(),
            "p_value": p_value,
        }
        for (first, second), test, p_value in zip(pairs, tests, p_values, strict=True)
    ]
    return {
        "data": " and ".join(dict.fromkeys(run.report["data"] for run in runs)),
        "num_examples": len(labels),
        "left_out": num_left_out,
        "runs": {
            run.name: {
                **figures.own(run.name),
                "log_loss": log_loss(labels, run.probabilities[at[run.name]]),
                "train_seconds": run.report.get("train_seconds"),
                "options": options,
            }
            for run, options in zip(runs, differing_options(runs), strict=True)
        },
        "pairs": told,
    }


def summary(found: dict[str, Any]) -> str:
    """Format the comparison for the terminal."""
    width = max(map(len, found["runs"])) + 2
    lines = [
        f"{found['num_examples']:,} examples of {found['data']}",
        f"{'':{width}}{'accuracy':>26}{'macro-F1':>10}{'log loss':>10}{'trained, s':>12}",
    ]
    for name, run in found["runs"].items():
        value, low, high = run["accuracy"]
        seconds = seconds_text(run["train_seconds"])
        shown = f"{value:.4f} ({low:.4f}-{high:.4f})"
        lines.append(
            f"{name:{width}}{shown:>26}{run['macro_f1'][0]:>10.4f}{run['log_loss']:>10.4f}{seconds:>12}"
        )
    lines += [pair_sentence(pair) for pair in found["pairs"]]
    return "\n".join(map(printable, lines))


def pair_sentence(pair: dict[str, Any]) -> str:
    """Describe the difference between the runs of a pair in a sentence."""
    value, low, high = pair["difference"]
    return (
        f"{better_of(pair)}: {100 * value:+.1f} points of {pair['first']} over {pair['second']} (95 %"
        f" interval {100 * low:+.1f} to {100 * high:+.1f}; p = {pair['p_value']:.2g};"
        f" {pair['only_first']} and {pair['only_second']} examples only one has right)."
    )
