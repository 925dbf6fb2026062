"""Command ``make compare RUNS="a b c"``: figures of several runs, and significance of differences."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from data.files.atomic_write import write_whole
from data.files.errors import InputError
from pipelines.compare.finished_runs import Compared, read_report
from pipelines.runs.run_folders import create_run, name_run
from pipelines.runtime.commands import COMMANDS
from pipelines.runtime.errors import one_line_errors
from pipelines.runtime.options import option_parser, parse
from pipelines.runtime.strict_json import json_text
from pipelines.tasks.kinds import KINDS, imported

TASK = "compare"


def main(args: list[str] | None = None) -> None:
    """Run ``python -m pipelines.compare --runs a b c``."""
    parser = option_parser("compare", COMMANDS["compare"].help)
    parser.add_argument("--runs", type=str, default="", help='folders or names: "a b c"')
    parser.add_argument("--run", type=str | None, default=None, help="name of the comparison")
    with one_line_errors():
        options = parse(parser, sys.argv[1:] if args is None else args)
        names = options.runs.split()
        if len(set(names)) < 2:
            raise InputError(f'RUNS="{options.runs}": name two runs or more, with blanks between')
        compared = _comparison_of(names)(list(dict.fromkeys(names)))
        folder = create_run(TASK, name_run(TASK, options.run), is_training=False)
        write_whole(folder / "compare.json", json_text(compared.figures))
        print(compared.text)
        write_whole(folder / "compare.html", compared.page())
        print(f"Page: {Path(folder) / 'compare.html'}")


def _comparison_of(names: Sequence[str]) -> Callable[[list[str]], Compared]:
    """Find the function that compares runs of their kind.

    Raises:
        InputError: see `read_report`; runs of kinds that are compared by other figures, or by none.
    """
    ways = {}
    for name in names:
        folder, report = read_report(name)
        # A kind that is not in the table is someone's own, of classification.
        kind = KINDS.get(report.get("task", folder.resolve().parent.name), KINDS["video"])
        ways[name] = kind.comparison
    for name, way in ways.items():
        if way is None:
            raise InputError(
                f"RUNS: {name} is a run of a language model; compare classifiers or translators"
            )
    first, *others = ways
    for other in others:
        if ways[other] != ways[first]:
            raise InputError(
                f"RUNS: {first} and {other} are measured by other figures; compare runs of one kind"
            )
    way = ways[first]
    assert way is not None
    return imported(way)
