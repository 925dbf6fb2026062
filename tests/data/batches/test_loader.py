"""The loader reads on where a worker process was killed."""

import os
import signal

import numpy as np
import pytest
import torch

from data.batches.loader import BatchLoader
from data.batches.part import Part
from data.batches.plan import BatchPlan
from data.batches.ragged import collate
from data.files.errors import InputError
from data.files.workers import prepare_worker


class Numbers(Part):
    """Examples of one step; a worker is killed when it reads one of some positions.

    Args:
        killers: positions, each with the file that says that it has killed before; "" never does.
    """

    augments = True

    def __init__(self, count, killers):
        self.ids = np.arange(count)
        self.labels = np.zeros(count, np.int64)
        self.lengths = np.ones(count, np.int64)
        self.killers = killers

    def __getitems__(self, positions):
        for k in positions:
            file = self.killers.get(k)
            if file is not None and not (file and os.path.exists(file)):
                if file:
                    open(file, "w").close()
                os.kill(os.getpid(), signal.SIGKILL)
        drawn = torch.rand(len(positions), 1)
        return collate(
            drawn, lengths=[1] * len(positions), labels=[0] * len(positions), ids=positions
        )


def batches_of(killers=None, num_workers=2):
    part = Numbers(30, killers or {})
    plan = BatchPlan(part.lengths, steps_per_batch=3, shuffle=True, seed=5)
    loader = BatchLoader(
        part,
        plan,
        num_workers=num_workers,
        persistent_workers=num_workers > 0,
        worker_init_fn=prepare_worker,
    )
    return [(batch.ids.tolist(), batch.steps.flatten().tolist()) for batch in loader]


def test_a_killed_worker_costs_no_batch(tmp_path, caplog):
    whole = batches_of()
    assert batches_of({7: str(tmp_path / "a"), 20: str(tmp_path / "b")}) == whole
    assert "a worker process was killed" in caplog.text


def test_what_is_drawn_for_a_batch_does_not_depend_on_who_reads_it():
    assert batches_of(num_workers=0) == batches_of(num_workers=2)


def test_workers_that_die_again_and_again_end_the_run():
    with pytest.raises(InputError, match="4 worker processes were killed"):
        batches_of({7: ""})
