"""``RESUME=1``: a training run goes on in its own folder, by the options that it was begun with."""

import csv
import io
import json
import os
from pathlib import Path
from typing import Any

from pytorch_lightning.loggers import CSVLogger

from data.files.atomic_write import write_whole
from data.files.errors import InputError
from pipelines.runs.run_folders import RUNS, refuse_bad_name
from pipelines.runs.run_history import read_options
from pipelines.runtime.options import known_options
from pipelines.training.last_checkpoint import NAME

CONFIG = "config.yaml"
_YES, _NO = ("1", "true", "yes", "True"), ("0", "false", "no", "False", "")


def options_of_run(kind: str, args: list[str]) -> list[str]:
    """Put the options of the run that is to go on before those that were typed.

    Args:
        kind: name of what is trained.
        args: options as typed; without ``--resume`` they come back as they are.

    Raises:
        InputError: no run is named, or there is none of this name that can go on.
    """
    own, others = known_options(args, "resume", "run")
    typed = own.get("resume", "false")
    if typed in _NO:
        return [arg for arg in args if arg != f"--resume={typed}"]
    if typed not in _YES:
        raise InputError(f"--resume={typed}: give RESUME=1 to go on, or leave it out")
    if "run" not in own:
        raise InputError("RESUME=1: which run is to go on? give its name, RUN=name")
    refuse_bad_name(own["run"])
    folder = RUNS / kind / own["run"]
    config = folder / CONFIG
    if not config.is_file():
        raise InputError(
            f"{folder}: there is no such run to go on with; leave RESUME=1 out to begin it"
        )
    if not (folder / "checkpoints" / NAME).is_file():
        raise InputError(
            f"{folder}: was cut off before its first checkpoint; remove that folder, and begin anew"
            " without RESUME=1"
        )
    return [f"--config={config}", *others, f"--run={own['run']}", "--resume=true"]


def refuse_finished(folder: Path, options: dict[str, Any]) -> None:
    """Raise an InputError where a run has its report, and no option of the trainer is another one."""
    report = folder / "report" / "report.json"
    try:
        json.loads(report.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return
    if read_options(folder / CONFIG).get("trainer") == options.get("trainer"):
        raise InputError(
            f"{folder}: is finished ({report}); to train it further, give more epochs:"
            ' ARGS="--trainer.max_epochs=…"'
        )


def keep_curves(loggers: list[Any], *, before_step: int) -> None:
    """Keep the rows of ``metrics.csv`` from before a step, which Lightning's logger would remove.

    Later ones are of steps that the run takes again.
    """
    for logger in loggers:
        if not isinstance(logger, CSVLogger):
            continue
        file = Path(logger.log_dir) / "metrics.csv"
        if not file.is_file():
            continue
        with file.open(newline="") as lines:
            rows = csv.DictReader(lines)
            names = list(rows.fieldnames or [])
            kept = [row for row in rows if int(row.get("step") or 0) < before_step]
        writer = logger.experiment
        text = io.StringIO(newline="")
        table = csv.DictWriter(text, names, extrasaction="ignore")
        table.writeheader()
        table.writerows(kept)
        write_whole(file, text.getvalue())
        writer.metrics_keys = names


def command_to_go_on(kind: str, name: str) -> str:
    """The command that goes on with a run."""
    where = "" if Path.cwd() == Path(__file__).parents[2] else f" (in {os.getcwd()})"
    return f"make train-{kind} RUN={name} RESUME=1{where}"
