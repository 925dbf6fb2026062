"""Options of the commands that write, and how their answers are printed."""

from collections.abc import Iterable
from typing import Any, TextIO

from jsonargparse import ArgumentParser

from data.files.errors import InputError
from pipelines.predict.output import Format, json_object, print_answer
from pipelines.predict.writing.writer import COLUMNS, WrittenAnswer
from pipelines.runtime.escaping import csv_text, printable
from pipelines.runtime.options import add_texts
from pipelines.tasks.allowed_classes import TRUST_HELP


def add_writing_options(parser: ArgumentParser) -> None:
    """Add the checkpoint, the options of the search, and the format."""
    add_texts(parser, {"ckpt": "the checkpoint", "trust": TRUST_HELP})
    parser.add_argument("--format", type=Format, default="text", help="of what is printed")
    parser.add_argument("--beam", type=int | None, default=None, help="hypotheses; 1: greedy")
    parser.add_argument("--num_best", type=int, default=1, help="answers to each")
    parser.add_argument(
        "--blocked_ngram",
        type=int | None,
        default=None,
        help="no so many tokens come twice; 0: they may",
    )
    parser.add_argument(
        "--temperature",
        type=float | None,
        default=None,
        help="draw answers by chance, in place of a search; below 1 the probable ones more often",
    )
    parser.add_argument("--seed", type=int, default=0, help="what chance is drawn from")
    parser.add_argument(
        "--attention", action="store_true", help="in json, also the weight of each source step"
    )


def check_writing_options(options: Any, *, folder: str) -> None:
    """See that they can be met.

    Args:
        options: the parsed options.
        folder: that of runs with fitting checkpoints, for an example.

    Raises:
        InputError: one cannot.
    """
    if not options.ckpt:
        raise InputError(
            f"CKPT is missing: name a checkpoint, e.g. CKPT=runs/{folder}/latest/checkpoints/best.ckpt"
        )
    if options.beam is not None and options.beam < 1:
        raise InputError(f"--beam={options.beam}: at least 1 hypothesis")
    if options.num_best < 1 or (options.beam is not None and options.num_best > options.beam):
        raise InputError(
            f"--num_best={options.num_best}: at least 1, and at most as many as --beam"
        )
    if options.blocked_ngram is not None and options.blocked_ngram < 0:
        raise InputError(f"--blocked_ngram={options.blocked_ngram}: 0 (none) or more tokens")
    if options.temperature is not None and options.temperature <= 0:
        raise InputError(
            f"--temperature={options.temperature}: more than 0; for the likeliest, leave it out"
        )
    if options.temperature is not None and options.beam is not None:
        raise InputError(
            f"--temperature={options.temperature} draws and --beam={options.beam} searches; leave one"
            " of them out"
        )
    if options.attention and options.format != "json":
        raise InputError("--attention: is written as JSON; add --format=json")


def writer_options(options: Any) -> dict[str, Any]:
    """The parsed options that a `Writer` takes."""
    names = ("beam", "num_best", "blocked_ngram", "temperature", "seed")
    return {name: options[name] for name in names} | {"keeps_attention": options.attention}


def print_written(
    answers: Iterable[WrittenAnswer], format: Format, out: TextIO, *, names_source: bool
) -> int:
    """Print answers as they come; return the number of sources without one.

    Args:
        answers: the answers.
        format: that of the lines.
        out: where they go.
        names_source: whether lines of text name their source.
    """
    num_bad = 0
    if format in ("csv", "exact-csv"):
        out.write(csv_text([COLUMNS]))
    for found in answers:
        num_bad += found.problem is not None
        if format == "text":
            told = _lines(found, names_source=names_source)
        elif format == "json":
            told = json_object(found.plain())
        else:
            told = csv_text(found.rows(), is_exact=format == "exact-csv")
        print_answer(told, out)
    return num_bad


def _lines(found: WrittenAnswer, *, names_source: bool) -> str:
    if found.problem is not None:
        return f"error\t{printable(found.source)}: {printable(found.problem)}\n"
    behind = f"\t{printable(found.source)}" if names_source else ""
    return "".join(f"{printable(text)}{behind}\n" for text in found.texts)
