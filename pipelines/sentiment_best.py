"""``make train-sentiment-best``: a classifier that learns from texts without labels too.

A teacher is trained as by ``make train-sentiment``, with vectors of context that are fitted to all
texts. Its student learns the teacher's answers to the texts without labels beside the labels. Each
step is a training command in its own process. An interrupted command resumes when it is started again.
"""

import fcntl
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from data.files.cache import cache_folder
from data.files.errors import InputError
from pipelines.processes.signals import SignalledExit, held_back_signals
from pipelines.recipes import recipe
from pipelines.runs.run_folders import RUNS, refuse_bad_name
from pipelines.runtime.commands import COMMANDS
from pipelines.runtime.errors import one_line_errors
from pipelines.runtime.options import known_options, option_parser, parse


class Step(NamedTuple):
    """Training command, and the run that it makes."""

    run: str
    options: list[str]

    @property
    def folder(self) -> Path:
        """Folder of the run."""
        return RUNS / "sentiment" / self.run

    @property
    def best(self) -> Path:
        """Checkpoint that later steps build on."""
        return self.folder / "checkpoints" / "best.ckpt"

    @property
    def last(self) -> Path:
        """Checkpoint that an interrupted run goes on from."""
        return self.folder / "checkpoints" / "last.ckpt"

    def is_done(self) -> bool:
        """Whether the run is complete: its report, which is written last, exists."""
        try:
            json.loads((self.folder / "report" / "report.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return False
        return True


def main(args: list[str] | None = None) -> None:
    """``python -m pipelines.sentiment_best --data.unlabelled=… [the classifiers' options]``."""
    with one_line_errors():
        _train(sys.argv[1:] if args is None else args)


def _train(args: list[str]) -> None:
    parser = option_parser(
        "sentiment_best",
        COMMANDS["sentiment_best"].help,
        epilog="All other options are the classifiers': python -m pipelines.sentiment --help.",
    )
    parser.add_argument("--data.path", type=str, help="texts with labels; default: film reviews")
    parser.add_argument("--data.unlabelled", type=str, help="texts without labels")
    parser.add_argument("--run", type=str, default="best", help="name of the runs")
    own, more = known_options(args, "data.path", "data.unlabelled", "run")
    asked = [arg for arg in more if arg in ("-h", "--help")]
    options = parse(parser, [*asked, *(f"--{name}={value}" for name, value in own.items())])
    refuse_bad_name(options.run)
    if not options.data.unlabelled:
        raise InputError(
            "--data.unlabelled: no texts without labels; name some (UNLABELLED=more.csv), or train on"
            " those with labels alone (make train-sentiment)"
        )
    steps = steps_of(
        data=options.data.path, unlabelled=options.data.unlabelled, run=options.run, more=more
    )
    last = steps[-1]
    if last.is_done():
        raise InputError(
            f"{last.folder} exists already and is never overwritten; choose another RUN name, or"
            " remove that folder"
        )
    if more:
        # Check the options of all steps now: an error in the last one would show only after an hour.
        for step in steps:
            if not step.is_done():
                run_process(_command(step, ["--print_config"]), stdout=subprocess.DEVNULL)
    with _locked(last) as lock:
        for step in steps:
            if step.is_done():
                print(f"{step.folder}: finished before, is taken as it is", flush=True)
            else:
                _take(step, lock)


def steps_of(*, data: str | None, unlabelled: str, run: str, more: list[str]) -> list[Step]:
    """Steps in their order; the last trains the requested classifier.

    Args:
        data: texts with labels; None for the built-in ones.
        unlabelled: texts without labels.
        run: name of the last run, and prefix of the other name.
        more: further options of each classifier.
    """
    source = [*([f"--data.path={data}"] if data else []), f"--data.unlabelled={unlabelled}"]
    teacher = Step(f"{run}-teacher", [*source, *more])
    teachers = json.dumps([str(teacher.best)], ensure_ascii=False)
    student = Step(run, [*recipe("sentiment-taught"), *source, *more, f"--teachers={teachers}"])
    return [teacher, student]


def _command(step: Step, more: list[str]) -> list[str]:
    return [
        sys.executable,
        "-m",
        "pipelines.sentiment",
        *step.options,
        f"--run={step.run}",
        *more,
    ]


def _take(step: Step, lock: int) -> None:
    """Start a step, or resume it after an interruption, and run it to its report."""
    more = []
    if step.last.is_file():
        print(f"{step.folder}: was cut off, goes on from {step.last}", flush=True)
        more = ["--resume=true"]
    elif step.folder.exists():
        print(f"{step.folder}: was cut off before its first checkpoint, begins anew", flush=True)
        shutil.rmtree(step.folder)
    run_process(_command(step, more), pass_fds=[lock])
    if not step.is_done():
        raise InputError(f"{step.folder}: ended without report/report.json; the step is not done")


def run_process(
    command: list[str], *, stdout: int | None = None, pass_fds: list[int] | None = None
) -> None:
    """Run a command to its end.

    Raises:
        SystemExit: the command failed, with its exit code.
        SignalledExit: a signal arrived; it was sent on to the command.
    """
    process = None
    try:
        # A signal while the process is being started must reach it too.
        with held_back_signals():
            process = subprocess.Popen(command, stdout=stdout, pass_fds=pass_fds or ())
        code = process.wait()
    except SignalledExit as end:
        if process is not None:
            process.send_signal(end.number)
            process.wait()
        raise
    if code != 0:
        sys.exit(code if code > 0 else 128 - code)


def lock_file(folder: Path) -> Path:
    """Lock file of a run; it is in the cache, since beside the runs it would look like a run."""
    name = sha256(os.fsencode(folder.absolute())).hexdigest()
    return cache_folder() / "locks" / name


@contextmanager
def _locked(last: Step) -> Iterator[int]:
    """Lock these runs against other commands; steps inherit the lock, as they may outlive this process.

    Raises:
        InputError: another command holds the lock.
    """
    file = lock_file(last.folder)
    file.parent.mkdir(parents=True, exist_ok=True)
    lock = os.open(file, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield lock
    except BlockingIOError as error:
        raise InputError(
            f"{last.folder}: another command is at it; wait for its end, or choose another RUN name"
        ) from error
    finally:
        os.close(lock)


if __name__ == "__main__":
    main()
