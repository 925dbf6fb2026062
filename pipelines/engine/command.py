"""The predict-many command: ``make predict-many CKPT=… INPUT=… OUTPUT=… [SHARD=i/n]``."""

import sys
from contextlib import closing
from typing import Any, Literal

from data.files.errors import InputError
from pipelines.engine.job import CLIPS_A_FILE, TEXTS_A_FILE, Job, open_job, paths_reader
from pipelines.engine.pieces import shard_of
from pipelines.engine.ray_pool import Pool, pieces_by_ray, pool_of
from pipelines.engine.work import Progress, conclusion, remaining, written_pieces
from pipelines.processes.signals import SignalledExit
from pipelines.runtime.commands import COMMANDS
from pipelines.runtime.errors import one_line_errors
from pipelines.runtime.options import add_texts, option_parser, parse
from pipelines.runtime.processor import prepare_processor
from pipelines.tasks.allowed_classes import TRUST_HELP


def main(args: list[str] | None = None) -> None:
    """``python -m pipelines.engine --ckpt=… --input=… --output=… [--shard=i/n]``.

    Exit code 0: every item of the shard is answered; 1: some are rows with an error; 2: an option
    cannot be used; 128 + number: a signal.
    """
    with one_line_errors():
        options = _options(sys.argv[1:] if args is None else args)
        _check(options)
        prepare_processor()
        pool = pool_of(options) if options.engine == "ray" else None
        try:
            num_bad = run(open_job(vars(options)), vars(options), pool)
        except SignalledExit as end:
            end.advice = "the files that are there stay; the same command goes on with the others"
            raise
        if num_bad:
            sys.exit(1)


def _options(args: list[str]) -> Any:
    parser = option_parser(
        "engine",
        COMMANDS["engine"].help,
        epilog="A Parquet file for each so many items, which is there whole or not at all; the same"
        " command goes on where it was cut off. Exit code 0: all items of the shard were answered; 1:"
        " some were not, and their rows have an error; 2: an option or a file that cannot be used.",
    )
    texts = {
        "ckpt": "the checkpoint",
        "trust": TRUST_HELP,
        "input": "texts: a .parquet, .csv, .tsv, .jsonl or .json table, a folder of .parquet files, or"
        " a .txt file with one a line; clips: a table of paths, relative to it, or a folder",
        "output": "the folder of the answers, part-000000.parquet and so on",
        "shard": "i/n: take the files i, i + n, i + 2 n, … with i from 0 to n - 1; by itself: all",
        "text_column": "the texts' column in a table, or its number, from 1; by itself: as in training",
        "path_column": "the column of paths in a table; by itself: path",
        "id_column": "a column that rows repeat as id; by itself: id, where there is one",
        "columns": "names for the columns of a CSV file whose first line is a row: label,text",
        "encoding": "of texts that are neither UTF-8 nor marked as UTF-16: cp1252, cp949, …",
    }
    add_texts(parser, texts)
    parser.add_argument(
        "--quoting",
        type=Literal["double", "none"] | None,
        default=None,
        help="of CSV: none where quotes mean nothing; by itself: double",
    )
    numbers = {
        "items_per_file": f"rows of a file; by itself: {TEXTS_A_FILE} texts, {CLIPS_A_FILE} clips",
        "num_workers": "processes that decode clips; by itself: half the cores",
        "beam": "of models that write: hypotheses; 1: greedy",
        "blocked_ngram": "of models that write: no so many tokens come twice; 0: they may",
        "ray_actors": "with --engine=ray: processes that answer; by itself: all that leave a CPU free",
        "ray_cpus": "with --engine=ray: CPUs of each; by itself: 1",
        "ray_local_cpus": "with --engine=ray: CPUs of a cluster on this machine; by itself: its cores",
    }
    for name, help in numbers.items():
        parser.add_argument(f"--{name}", type=int | None, default=None, help=help)
    parser.add_argument(
        "--engine",
        type=Literal["plain", "ray"],
        default="plain",
        help="ray: actors on a Ray cluster write the same files; needs the package ray[data]",
    )
    parser.add_argument(
        "--ray_address",
        type=str | None,
        default=None,
        help="with --engine=ray: a running cluster, e.g. auto; by itself: one starts on this machine",
    )
    parser.add_argument(
        "--without_source",
        action="store_true",
        help="leave the texts or paths out of the rows; index and id tell which they are of",
    )
    return parse(parser, args)


def _check(options: Any) -> None:
    """Raise for wrong options that can be detected without the checkpoint."""
    if not options.ckpt:
        raise InputError(
            "CKPT is missing: name a checkpoint, e.g. CKPT=runs/sentiment/latest/checkpoints/best.ckpt"
        )
    if not options.input:
        raise InputError("INPUT is missing: give a table, or a folder of clips")
    if not options.output:
        raise InputError("OUTPUT is missing: give a folder for the answers")
    shard_of(options.shard)
    at_least = {"items_per_file": 1, "num_workers": 1, "beam": 1, "blocked_ngram": 0}
    at_least |= {"ray_actors": 1, "ray_local_cpus": 1, "ray_cpus": 1}
    for name, least in at_least.items():
        if options[name] is not None and options[name] < least:
            raise InputError(f"--{name}={options[name]}: give {least} or more")
    for name in ("ray_actors", "ray_cpus", "ray_local_cpus", "ray_address"):
        if options[name] is not None and options.engine != "ray":
            raise InputError(f"--{name}: is for --engine=ray; add that, or leave it out")
    if options.ray_address is not None and options.ray_local_cpus is not None:
        raise InputError(
            "--ray_local_cpus: a running cluster has the CPUs that it has; leave it out"
        )


def run(job: Job, options: dict[str, Any], pool: Pool | None = None) -> int:
    """Write the missing files of a shard; return the number of its rows with an error."""
    pieces, done = remaining(job.division, job.shard, job.parts)
    progress = Progress(job.shard, pieces)
    if pool is None:
        if (steps := paths_reader(job.model)) is not None:
            steps.leave_cores()
        written = written_pieces(pieces, job.answer, job.parts)
    else:
        # This process has decided the format: an actor may stand in another folder.
        told = {name: getattr(job.format, name) for name in ("encoding", "quoting")}
        written = pieces_by_ray(pieces, options | told, pool)
    with closing(written):
        for _, counts in written:
            done = done.plus(counts)
            progress.add(counts.rows)
    print(
        f"shard {job.shard}: {len(pieces):,} files written,"
        f" {len(job.division.numbers_of(job.shard)) - len(pieces):,} were there; {done.rows:,} rows,"
        f" {done.errors:,} with an error"
    )
    print(conclusion(job.division, job.parts))
    return done.errors
