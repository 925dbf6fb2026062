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
