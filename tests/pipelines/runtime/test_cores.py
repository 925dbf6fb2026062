from types import SimpleNamespace

import pytest
import torch

from pipelines.runtime import cores


@pytest.fixture
def threads(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(cores, "available_cores", lambda: 3)
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield monkeypatch
    torch.set_num_threads(before)


def test_workers_leave_the_other_cores(threads):
    cores.leave_cores(SimpleNamespace(world_size=1), num_workers=1)
    assert torch.get_num_threads() == 2
    cores.leave_cores(SimpleNamespace(world_size=1), num_workers=5)
    assert torch.get_num_threads() == 1


def test_who_says_how_many_threads_gets_them(threads):
    threads.setenv("OMP_NUM_THREADS", "1")
    cores.leave_cores(SimpleNamespace(world_size=1), num_workers=0)
    assert torch.get_num_threads() == 1
    threads.delenv("OMP_NUM_THREADS")
    cores.leave_cores(SimpleNamespace(world_size=2), num_workers=0)
    assert torch.get_num_threads() == 1


@pytest.mark.parametrize(("rates", "chosen"), [((10, 15), 3), ((10, 9), 1)])
def test_all_cores_are_kept_where_they_are_faster(threads, rates, chosen):
    now = [0.0]
    threads.setattr(cores.time, "monotonic", lambda: now[0])
    trial = cores.CoreTrial(SimpleNamespace(world_size=1), num_workers=2, seconds=4)
    tried = []
    for rate in (*rates, 1):
        for _ in range(4):
            tried.append(torch.get_num_threads())
            now[0] += 1
            trial.add(rate)
    assert tried == [1] * 4 + [3] * 4 + [chosen] * 4


def test_without_workers_there_is_nothing_to_try(threads):
    trial = cores.CoreTrial(SimpleNamespace(world_size=1), num_workers=0, seconds=0)
    trial.add(1)
    assert torch.get_num_threads() == 3
