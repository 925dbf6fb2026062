"""The same work on a Ray cluster: actors that each answer whole pieces and write their files.

A row of the Ray data set is a piece: its number goes to an actor, which reads the items, decodes,
answers and writes, and the counts come back. No text and no frame goes through Ray's object store.
"""

import logging
import math
import os
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch

from data.files.errors import InputError
from data.files.workers import available_cores
from pipelines.engine.job import Job, open_job
from pipelines.engine.part_files import Counts
from pipelines.engine.pieces import Piece
from pipelines.processes.signals import handle_signals

_ROOT = Path(__file__).parents[2]
# Only numbers of pieces lie in the object store; Ray takes 75 MiB at least.
_STORE_BYTES = 100 * 2**20
_QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_BACKEND_LOG_LEVEL": "fatal",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_DATA_DISABLE_PROGRESS_BARS": "1",
}


class Pool(NamedTuple):
    """Actors and CPUs asked of a cluster."""

    address: str | None
    """Address of a running cluster; None starts one on this machine."""
    local_cpus: int
    """CPUs that a cluster on this machine says it has."""
    num_actors: int | None
    """None: as many as leave a CPU free."""
    cpus: int
    """CPUs of an actor."""

    def actors_on(self, cluster_cpus: float) -> int:
        """Number of actors on a cluster.

        Raises:
            InputError: they would take every CPU of it. Ray Data then waits for ever for a CPU for
                its own tasks, without a word.
        """
        most = math.ceil(cluster_cpus / self.cpus) - 1
        if most < 1:
            raise InputError(
                f"--ray_cpus={self.cpus}: an actor would take every CPU of the cluster, which has"
                f" {cluster_cpus:g}, and Ray would wait for ever for one of its own; give less, or"
                " leave out --engine=ray"
            )
        if self.num_actors is not None and self.num_actors > most:
            raise InputError(
                f"--ray_actors={self.num_actors}: with {self.cpus} CPU(s) each they would take every"
                f" CPU of the cluster, which has {cluster_cpus:g}, and Ray would wait for ever for one"
                f" of its own; give {most} or fewer"
            )
        return self.num_actors or most


def pool_of(options: Any) -> Pool:
    """Make the pool of the options, connected to its cluster if that is running, and check its CPUs.

    Raises:
        InputError: Ray is not installed, or the actors would take every CPU.
    """
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    try:
        import ray
    except ImportError as error:
        raise InputError(
            f"--engine=ray: Ray cannot be imported ({error}); install it by .venv/bin/python -m pip"
            " install 'ray[data]', or leave the option out"
        ) from error
    local_cpus = options.ray_local_cpus or available_cores()
    pool = Pool(options.ray_address, local_cpus, options.ray_actors, options.ray_cpus or 1)
    if pool.address is not None:
        _connect(ray, pool)
        pool.actors_on(ray.cluster_resources().get("CPU", 0))
    else:
        pool.actors_on(local_cpus)
    return pool


class PieceActor:
    """Answers pieces in an actor; the model is loaded with the first one.

    Args:
        options: the options of the command, with absolute paths.
        cpus: CPUs of the actor: decoding takes half of them, PyTorch the others.
    """

    def __init__(self, options: dict[str, Any], cpus: int) -> None:
        self._options = options | {"num_workers": options["num_workers"] or max(cpus // 2, 1)}
        self._cpus = cpus
        self._job: Job | None = None

    def __call__(self, batch: dict[str, Any]) -> dict[str, list[int]]:
        """Write the files of a batch of pieces; their numbers, rows and errors."""
        if self._job is None:
            self._job = open_job(self._options, lists_anew=False)
            decoding = self._options["num_workers"] if self._job.reads_files else 0
            torch.set_num_threads(max(self._cpus - decoding, 1))
        numbers = [int(number) for number in batch["piece"]]
        counts = [self._write(self._job, number) for number in numbers]
        rows, errors = ([one[k] for one in counts] for k in range(2))
        return {"piece": numbers, "rows": rows, "errors": errors}

    def _write(self, job: Job, number: int) -> Counts:
        piece = job.division.piece(number)
        return job.parts.write(piece, job.answer(piece))


def pieces_by_ray(
    pieces: Sequence[Piece], options: dict[str, Any], pool: Pool
) -> Generator[tuple[Piece, Counts], None, None]:
    """Have actors answer pieces and write their files; yield them as they are done.

    Args:
        pieces: the pieces.
        options: those of the command, for the actors.
        pool: the cluster, and what is taken of it.

    Raises:
        InputError: the actors would take every CPU of the cluster; an actor cannot use an option,
            such as a path that its machine does not have.
    """
    if not pieces:
        return
    import ray
    import ray.data

    logging.getLogger("ray.data").setLevel(logging.ERROR)
    if not ray.is_initialized():
        _connect(ray, pool)
    try:
        num_actors = pool.actors_on(ray.cluster_resources().get("CPU", 0))
        by_number = {piece.number: piece for piece in pieces}
        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = False
        rows = ray.data.from_items(
            [{"piece": number} for number in by_number], override_num_blocks=len(by_number)
        ).map_batches(
            PieceActor,
            batch_size=1,
            fn_constructor_args=(_absolute(options), pool.cpus),
            compute=ray.data.ActorPoolStrategy(size=num_actors),
            num_cpus=pool.cpus,
        )
        for row in rows.iter_rows():
            yield by_number[row["piece"]], Counts(row["rows"], row["errors"])
    except ray.exceptions.RayError as error:
        if (reason := _input_error(error)) is not None:
            raise InputError(f"an actor: {reason}") from error
        raise
    finally:
        ray.shutdown()


def _connect(ray: Any, pool: Pool) -> None:
    """Connect to the cluster, or start one; Ctrl-C and SIGTERM stay the command's own."""
    path = os.pathsep.join(filter(None, [str(_ROOT), os.environ.get("PYTHONPATH")]))
    about: dict[str, Any] = {
        "runtime_env": {"env_vars": {"PYTHONPATH": path, "OMP_NUM_THREADS": str(pool.cpus)}},
        "log_to_driver": False,
        "logging_level": "error",
    }
    if pool.address is not None:
        try:
            ray.init(address=pool.address, **about)
        except (ConnectionError, ValueError, RuntimeError) as error:
            raise InputError(
                f"--ray_address={pool.address}: no Ray cluster answers there"
                f" ({str(error).splitlines()[0] if str(error) else type(error).__name__}); start one, or"
                " leave the option out"
            ) from error
    else:
        ray.init(
            address="local",
            num_cpus=pool.local_cpus,
            include_dashboard=False,
            object_store_memory=_STORE_BYTES,
            **about,
        )
    handle_signals()


def _absolute(options: dict[str, Any]) -> dict[str, Any]:
    """The options with paths that hold in any folder."""
    paths = {name: os.path.abspath(options[name]) for name in ("ckpt", "input", "output")}
    return {**options, **paths}


def _input_error(error: BaseException | None) -> InputError | None:
    """The user's mistake behind an error of Ray; None: it is another one."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        cause = getattr(error, "cause", None)
        if type(error) is InputError:
            return error
        error = cause if isinstance(cause, BaseException) else error.__cause__
    return None
