"""Run folders: ``runs/<task>/<name>``, never overwritten."""

import atexit
import os
from datetime import datetime
from hashlib import sha256
from itertools import count
from pathlib import Path
from tempfile import gettempdir

from data.files.errors import InputError
from pipelines.processes.own_rank import is_first_process

RUNS = Path("runs")
#: within a run's folder: the same model without attention, if it was trained beside
WITHOUT_ATTENTION = "without-attention"
# Passes the run's name to the processes that it starts for further devices.
_NAME_VARIABLE = "MANYTOONE_RUN"


def name_run(task: str, name: str | None, *, is_new: bool = True) -> str:
    """Choose the run's name, the same in all of its processes; None gives the time of its start.

    Args:
        task: name of the task.
        name: name of the run as typed.
        is_new: whether there must not be a run of that name.

    Raises:
        InputError: a run of that name exists, or `refuse_bad_name` refuses the name.
    """
    if not is_first_process() and _NAME_VARIABLE in os.environ:
        return os.environ[_NAME_VARIABLE]
    # Processes that a launcher starts all at once share only its id.
    name = name or os.environ.get("TORCHELASTIC_RUN_ID") or os.environ.get("SLURM_JOB_ID")
    name = name or _name_by_time(RUNS / task)
    refuse_bad_name(name)
    if is_new and is_first_process() and (RUNS / task / name).exists():
        raise _exists(RUNS / task / name)
    os.environ[_NAME_VARIABLE] = name
    return name


def _exists(folder: Path) -> InputError:
    return InputError(
        f"{folder} exists already and is never overwritten; choose another RUN name, go on with it by"
        " RESUME=1, or remove that folder"
    )


def refuse_bad_name(name: str) -> None:
    """Raise an InputError for a name with separators or control characters, or a special meaning."""
    if name in (".", "..", "latest") or Path(name).name != name or not name.isprintable():
        raise InputError(
            f"RUN={name}: not a name for a run; use letters, digits, '-', '_' and '.',"
            " without '/', and not 'latest'"
        )


def _name_by_time(folder: Path) -> str:
    now = datetime.now().strftime("%Y-%m-%d-%H%M%S")
    # Several runs may start within a second, and make their folders only when their data were read.
    names = (now if k == 1 else f"{now}-{k}" for k in count(1))
    return next(name for name in names if not (folder / name).exists() and _reserve(folder / name))


def _reserve(folder: Path) -> bool:
    """Tell whether no other process of this machine is about to make that folder."""
    key = sha256(str(folder.absolute()).encode()).hexdigest()
    mark = Path(gettempdir()) / f"manytoone-run-{key[:16]}"
    try:
        mark.touch(exist_ok=False)
    except FileExistsError:
        return False
    except OSError:
        return True  # `create_run` refuses a second one.
    atexit.register(mark.unlink, missing_ok=True)
    return True


def create_run(task: str, name: str, *, is_training: bool) -> Path:
    """Make the run's folder, and let ``runs/<task>/latest`` point at it if it is a training run.

    Raises:
        InputError: another command has made it since the name was chosen.
    """
    folder = RUNS / task / name
    try:
        folder.mkdir(parents=True, exist_ok=False)
    except FileExistsError as error:
        raise _exists(folder) from error
    if is_training:
        link = folder.parent / f".latest-{os.getpid()}"
        link.symlink_to(name, target_is_directory=True)
        os.replace(link, folder.parent / "latest")
    return folder
