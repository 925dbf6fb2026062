"""A callback that watches what a run takes of its machine, for tests; a command names it by its path."""

import csv
from typing import Any

import psutil
from pytorch_lightning import Callback


class Watch(Callback):
    """Writes ``watched.csv``: memory, threads and open files of the run, with all its processes.

    Args:
        every: steps from one row to the next.
    """

    def __init__(self, every: int) -> None:
        self.every = every
        self.rows: list[dict[str, int]] = []

    def on_train_batch_end(self, trainer: Any, *args: Any) -> None:
        if trainer.global_step % self.every == 0:
            main = psutil.Process()
            everyone = [main, *main.children(recursive=True)]
            self.rows.append(
                {
                    "step": trainer.global_step,
                    "processes": len(everyone),
                    "mib": main.memory_info().rss >> 20,
                    "workers_mib": sum(one.memory_info().rss for one in everyone[1:]) >> 20,
                    "threads": sum(one.num_threads() for one in everyone),
                    "files": sum(one.num_fds() for one in everyone),
                }
            )

    def on_fit_end(self, *args: Any) -> None:
        with open("watched.csv", "w", newline="") as file:
            writer = csv.DictWriter(file, self.rows[0])
            writer.writeheader()
            writer.writerows(self.rows)
